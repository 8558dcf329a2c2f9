"""Folders as people have them: what ingest takes, a whole run takes; results never come to lie among photographs."""

import json
import os
from pathlib import Path

import pytest

from components.common.errors import UserError
from pipelines.engines.collection import record
from pipelines.engines.local import open_dvc
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step, render, resolve
from pipelines.steps import STEPS

DVC_RECORD = "data/collection.json"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a folder of photographs that holds what file systems hold."""
    monkeypatch.chdir(tmp_path)
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    (photographs / "a.jpg").write_bytes(b"one")
    (photographs / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(photographs / "pipe.jpg")
    Path(os.fsdecode(os.fsencode(photographs) + b"/Gr\xfcn.jpg")).write_bytes(b"two")
    return tmp_path


def test_dvc_reads_a_record_instead_of_links_pipes_and_odd_names(home: Path) -> None:
    run = check_run(Request("dataset", images="photographs"))
    run.write()
    with open_dvc(run.workspace) as repo:
        ingest = next(stage for stage in repo.index.stages if stage.addressing == "ingest")
        digests = {str(dep): dep.get_hash().value for dep in ingest.deps if hasattr(dep, "def_path") and dep.exists}
    assert digests[DVC_RECORD]
    assert not any("photographs" in name for name in digests)


def test_every_change_of_a_collection_is_noticed(home: Path) -> None:
    workspace, photograph = Workspace(home), home / "photographs" / "a.jpg"
    workspace.params.write_text(render(resolve("sandbox", {"ingest.images": "photographs"})))

    def now() -> bytes:
        record(workspace)
        return workspace.collection.read_bytes()

    first, times = now(), photograph.stat()
    assert now() == first
    assert [row[0] for row in json.loads(first)] == ["Gr\udcfcn.jpg", "a.jpg", "gone.jpg", "pipe.jpg"]
    photograph.write_bytes(b"ONE")  # as many bytes, and the old time set back
    os.utime(photograph, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = now()
    assert second != first
    (home / "photographs" / "nowhere.jpg").write_bytes(b"here again")
    third = now()
    assert len(json.loads(third)) == 5
    (home / "photographs" / "pipe.jpg").unlink()
    assert len({first, second, third, now()}) == 4


def test_results_do_not_come_to_lie_among_the_photographs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"photographs/ws lies in the folder of photographs.* with --workspace"):
        check_run(Request("dataset", images="photographs", workspace=Path("photographs/ws")))
    (home / "photographs" / "2024").mkdir()
    for here, images in (("photographs", "."), ("photographs/2024", "..")):
        monkeypatch.chdir(home / here)
        for options in ({"images": images}, {"images": images, "workspace": home / "ws"}):
            with pytest.raises(UserError, match=r"start it elsewhere, such as `cd .*\.\.` and --images photographs"):
                check_run(Request("dataset", **options))
    assert not list((home / "photographs").glob("runs"))


def test_the_current_folders_own_run_keeps_apart_too(home: Path) -> None:
    for images, refused in (("photographs", False), (".", True)):
        Path("params.yaml").write_text(render(resolve("sandbox", {"ingest.images": images})))
        if refused:
            with pytest.raises(UserError, match="would be taken for photographs"):
                check_run(Request("dataset"))
        else:
            check_run(Request("dataset"))


def test_names_that_files_cannot_hold_are_refused(home: Path) -> None:
    odd = os.fsdecode(b"Gr\xfcn")
    Path(odd).mkdir()
    for options in ({"images": odd}, {"images": "photographs", "labels": f"{odd}/labels.csv"}):
        with pytest.raises(UserError, match=r"the name Gr\\xfcn.* is not UTF-8.*: rename it first"):
            check_run(Request("dataset", **options))


def test_a_name_may_have_any_characters(home: Path) -> None:
    name = '-a: b #1 ${x} [red] 100%25? it\'s "so" é😀\nnew'
    (home / name).mkdir()
    Path(name, "labels.csv").write_text("path,subject\n")
    run = check_run(Request("dataset", images=name, labels=f"{name}/labels.csv"))
    run.write()
    root = run.workspace.root
    params = read_step(run.workspace.params, STEPS["ingest"])
    assert (root / params.images).samefile(home / name)
    assert (root / params.labels).samefile(home / name / "labels.csv")
    with open_dvc(run.workspace) as repo:
        ingest = next(stage for stage in repo.index.stages if stage.addressing == "ingest")
        assert [dep for dep in ingest.deps if str(dep).endswith("labels.csv") and dep.exists]
