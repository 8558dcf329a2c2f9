"""What holds traces is deleted from other runs and from DVC's cache and remotes; what does not stays."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.common.data.reading import Dataset, is_complete
from components.common.errors import StageFailed
from components.lineage import keys
from components.lineage.closure import closure
from components.lineage.indexes import keep_indexes
from components.lineage.rows import Run
from pipelines.engines.workspace import Workspace
from pipelines.lineage.exports.export import FORMATS
from pipelines.takedown.apply import _clean
from pipelines.takedown.purge import GOING, purge_run, purge_stores, stored_versions
from pipelines.takedown.traces import Traces, files_below, traces_of
from tests.lineage.lineage_data import write_run

MAKERS = {
    "images": "ingest",
    "objects": "detection",
    "sets": "mining",
    "backgrounds": "removal",
    "captions": "captioning",
    "tuples": "assembly",
    "latents": "encoding",
    "model_insertion": "train_insertion",
}


def traces_in(data: Path, number: int) -> Traces:
    image_id = Dataset(data / "images").rows(["image_id"])[number]["image_id"]
    run = Run(data)
    return traces_of(run, closure(run, [image_id]))


def holding(folder: Path, traces: Traces) -> list[Path]:
    return [path for path in files_below(folder) if traces.found_in(path.read_bytes())]


def test_another_run_loses_what_holds_traces_and_keeps_its_models(tmp_path, monkeypatch):
    write_run(tmp_path / "data")
    (tmp_path / "data" / "report").mkdir()
    (tmp_path / "data" / "report" / "index.html").write_text("a page")
    (tmp_path / "data" / "explorer").mkdir()
    (tmp_path / "data" / "explorer" / "images-0000.js").write_text("thumbnails")
    (tmp_path / "data" / "croissant.json").write_text("{}")
    reports = tmp_path / "data" / "reports"
    for name in ("train_insertion", "evaluation"):
        (reports / name / "figures").mkdir(parents=True)
        (reports / name / "figures" / "samples.png").write_text("a sheet")
    monkeypatch.setattr(keys, "WORTH_KEEPING", 1)
    keep_indexes(tmp_path / "data")
    assert len({path.name.split("-")[0] for path in (tmp_path / "data" / keys.FOLDER).iterdir()}) > 4
    traces = traces_in(tmp_path / "data", 3)
    assert holding(tmp_path, traces)
    assert purge_run(tmp_path, traces) > 10
    assert not holding(tmp_path, traces) and not (tmp_path / "data" / "report").exists()
    assert not any((tmp_path / "data" / export).exists() for export in FORMATS.values())
    assert [path.name for path in reports.iterdir()] == ["evaluation"]  # what a training showed came from its latents
    assert not any((tmp_path / "data" / keys.FOLDER).iterdir())
    assert is_complete(tmp_path / "data" / "model_insertion")
    assert purge_run(tmp_path, traces) == 0


def test_a_run_without_traces_is_left_as_it_is(tmp_path):
    write_run(tmp_path / "data")
    write_run(tmp_path / "other", seed=5)
    before = {path: path.read_bytes() for path in files_below(tmp_path / "data")}
    assert purge_run(tmp_path, traces_in(tmp_path / "other", 0)) == 0
    assert {path: path.read_bytes() for path in files_below(tmp_path / "data")} == before


def test_what_cannot_be_deleted_stops_the_takedown(tmp_path, monkeypatch):
    write_run(tmp_path / "data")
    traces = traces_in(tmp_path / "data", 3)

    def read_only(path: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", read_only)
    with pytest.raises(StageFailed, match=r"data/being-deleted cannot be deleted \(Permission denied\)"):
        purge_run(tmp_path, traces)


def test_a_run_is_purged_alike_wherever_another_purge_of_it_was_killed(tmp_path, monkeypatch):
    write_run(tmp_path / "whole" / "data")
    for step in ("detection", "assembly", "train_insertion", "evaluation"):
        (tmp_path / "whole" / "data" / "reports" / step).mkdir(parents=True)
        (tmp_path / "whole" / "data" / "reports" / step / "report.json").write_text("{}")
    traces = traces_in(tmp_path / "whole" / "data", 3)
    expected, undisturbed = purged(tmp_path, traces, monkeypatch, killed_at=10_000)
    assert undisturbed and not any(GOING in path.parts for path in expected)
    for killed_at in range(10_000):
        remaining, undisturbed = purged(tmp_path, traces, monkeypatch, killed_at)
        assert remaining == expected, killed_at
        if undisturbed:
            break
    assert killed_at > 20


def purged(tmp_path: Path, traces: Traces, monkeypatch, killed_at: int) -> tuple[set[Path], bool]:
    """What is left of a run after a purge that was killed at its `killed_at`-th step, and another one.

    Also, whether the first one had ended before. Nothing that is left holds a trace.
    """
    run, undisturbed = tmp_path / "killed", True
    shutil.copytree(tmp_path / "whole", run)
    with monkeypatch.context() as kill:
        left = iter(range(killed_at))
        for name in ("unlink", "rename"):
            kill.setattr(os, name, until_killed(getattr(os, name), left))
        try:
            purge_run(run, traces)
        except KeyboardInterrupt:
            undisturbed = False
    purge_run(run, traces)
    assert not holding(run, traces)
    remaining = {path.relative_to(run) for path in run.rglob("*")}
    shutil.rmtree(run)
    return remaining, undisturbed


def until_killed(act: Callable[..., None], left: Iterator[int]) -> Callable[..., None]:
    def acted(*given: Any, **named: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        act(*given, **named)

    return acted


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose first version DVC has in its cache and in a remote; then its dataset was made again."""
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    workspace = tmp_path / "ws"
    write_run(workspace / "data")
    shutil.copytree(workspace / "data", tmp_path / "first")
    stages = {
        maker: {
            "cmd": f"objectmate stage {maker}",
            "deps": [f"data/{name}" for name in Dataset(workspace / "data" / made).manifest.inputs],
            "outs": [f"data/{made}"],
        }
        for made, maker in MAKERS.items()
    }
    (workspace / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (workspace / "params.yaml").write_text("ingest: {images: none}\n")
    with Repo.init(str(workspace), no_scm=True) as repo, repo.config.edit("repo") as config:
        config["remote"] = {"store": {"url": str(tmp_path / "remote")}}
        config["core"]["remote"] = "store"
    monkeypatch.setattr("pipelines.engines.local.record", lambda workspace: None)  # there is no collection to list
    commit(workspace)
    for made in MAKERS:
        if made != "model_insertion":
            shutil.rmtree(workspace / "data" / made)
            write_run(tmp_path / "second", seed=7)
            shutil.copytree(tmp_path / "second" / made, workspace / "data" / made)
    commit(workspace)
    return workspace


def commit(workspace: Path) -> None:
    from dvc.repo import Repo

    with chdir(workspace), Repo() as repo:
        repo.commit(force=True)
        repo.push()


def test_older_versions_go_from_the_cache_and_the_remote_and_others_stay(stores, tmp_path):
    traces = traces_in(tmp_path / "first", 2)
    places = [tmp_path / "ws" / ".dvc" / "cache", tmp_path / "remote"]
    assert all(holding(place, traces) for place in places)
    old = {Dataset(tmp_path / "first" / name).digest for name in MAKERS}
    assert {Dataset(tmp_path / "first" / name).digest for name in ("images", "objects", "sets", "tuples")} <= (
        stored_versions(Workspace(stores), traces)
    )
    counts = purge_stores(Workspace(stores), traces, Path("going.json"))
    assert set(counts) == {"DVC cache", "DVC remote store"} and min(counts.values()) > 10
    assert not any(holding(place, traces) for place in places)
    assert not stored_versions(Workspace(stores), traces) & old
    shutil.rmtree(stores / "data")
    from dvc.repo import Repo

    with chdir(stores), Repo() as repo:
        repo.checkout()
    for name in MAKERS:
        made = tmp_path / ("first" if name == "model_insertion" else "second") / name
        assert Dataset(stores / "data" / name).digest == Dataset(made).digest


def test_models_that_were_trained_on_latents_of_before_are_withdrawn(tmp_path):
    """The old latents are still there while MLflow's records are withdrawn: they are not a dataset that stays."""
    write_run(tmp_path / "data")
    staying = _clean(Workspace(tmp_path), traces_in(tmp_path / "data", 3))
    assert Dataset(tmp_path / "data/latents").digest not in staying
    assert Dataset(tmp_path / "data/model_insertion").digest in staying


def test_an_interrupted_purge_is_finished_by_another(stores, tmp_path, monkeypatch):
    from pipelines.takedown import purge

    traces = traces_in(tmp_path / "first", 2)
    whole, deleted = purge.delete_object, list[str]()
    for kill_at in (1, 7, 20, 45, 80):

        def stops_in_the_middle(odb: object, path: str, kill_at: int = kill_at) -> None:
            if len(deleted) == kill_at:
                raise KeyboardInterrupt
            deleted.append(path)
            whole(odb, path)

        monkeypatch.setattr(purge, "delete_object", stops_in_the_middle)
        with pytest.raises(KeyboardInterrupt):
            purge_stores(Workspace(stores), traces, Path("going.json"))
    monkeypatch.setattr(purge, "delete_object", whole)
    purge_stores(Workspace(stores), traces, Path("going.json"))
    assert not holding(tmp_path / "ws" / ".dvc" / "cache", traces) and not holding(tmp_path / "remote", traces)
    assert not (tmp_path / "going.json").exists()
