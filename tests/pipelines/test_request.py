"""What is settled before a run starts: its folder, and the commits of its models."""

import re
from pathlib import Path

import pytest

from components.common.errors import UserError
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request
from pipelines.models.declared import check_in_place, pinned
from pipelines.models.lock import Lock, LockedFile, LockedModel, write_lock
from pipelines.parameters import resolve
from pipelines.steps import PIPELINES, STEPS, reached_steps

COMMIT = "0" * 40
PHOTOGRAPHS = {"images": "/photos/mugs/"}


@pytest.mark.parametrize(
    ("request_", "folder"),
    [
        (Request("full", engine="kfp"), r"runs/kfp"),
        (Request("full", **PHOTOGRAPHS), r"runs/mugs-[0-9a-f]{8}"),
        (Request("full", **PHOTOGRAPHS, profile="open"), r"runs/mugs-open-[0-9a-f]{8}"),
        (Request("full", profile="open", engine="kfp"), r"runs/open-kfp-[0-9a-f]{8}"),
        (Request("full", images="s3://bucket/mugs"), r"runs/mugs-[0-9a-f]{8}"),
        (Request("full", images="/", overrides=["evaluation.outside={}"]), r"runs/evaluation.outside-[0-9a-f]{8}"),
    ],
)
def test_a_runs_folder_says_what_it_holds(request_: Request, folder: str) -> None:
    assert re.fullmatch(folder, str(request_.folder))


def test_dvc_reaches_what_comes_before() -> None:
    assert reached_steps("training", "kfp") == PIPELINES["training"]
    assert reached_steps("training", "dvc") == PIPELINES["dataset"] + PIPELINES["training"]
    assert reached_steps("evaluation", "dvc") == PIPELINES["full"]


def test_every_unlocked_model_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = resolve("open", {"models.dino": "owner/dino@main"})
    with pytest.raises(UserError) as caught:
        pinned(values, PIPELINES["full"], tmp_path)
    for name in ("remover", "remover_unet", "clip", "detector", "ir"):
        assert f"models.{name} = {values['models'][name]}" in str(caught.value)
    assert "models.dino = owner/dino@main" in str(caught.value)


def test_only_models_of_the_hub_that_are_loaded_need_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pinned(resolve("sandbox"), PIPELINES["full"], tmp_path) == resolve("sandbox")
    unused = {"detection.source": "whole", "captioning.kind": "category", "removal.kind": "opencv"}
    judged = {"models.second_ir": "models/judge"}
    steps = [STEPS[name] for name in ("detection", "removal", "captioning")]
    with pytest.raises(UserError, match=r"commit to load of models\.second_ir = models/judge: run"):
        pinned(resolve("open", unused | judged), steps, tmp_path)
    (tmp_path / "models" / "judge").mkdir(parents=True)
    pinned(resolve("open", unused | judged), steps, tmp_path)


def test_a_model_folder_is_seen_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "models" / "guie").mkdir(parents=True)
    asked = Request("dataset", images="shop", overrides=["models.ir=models/guie"])
    prepared = check_run(asked)
    assert prepared.values and prepared.values["models"]["ir"] == "../../models/guie"
    assert asked.identity(Path("runs/any")).settings["models.ir"] == "../../models/guie"
    with pytest.raises(UserError, match=r"there is no annotations\.json: the profile expects it"):
        check_run(Request("dataset", images="shop", profile="paper"))


def test_a_file_of_parameters_must_name_the_locked_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values, steps = resolve("sandbox", {"models.ir": "owner/ir"}), PIPELINES["full"]
    with pytest.raises(UserError, match=r"models lock --profile sandbox --set models\.ir=owner/ir`"):
        check_in_place(values, steps)
    files = {"config.json": LockedFile(size=1, sha256="0" * 64)}
    write_lock(Lock(models={"owner/ir": LockedModel(commit=COMMIT, licence="mit", files=files)}))
    with pytest.raises(UserError, match=rf"must name the locked commits: write ir: owner/ir@{COMMIT}$"):
        check_in_place(values, steps)
    check_in_place(resolve("sandbox", {"models.ir": f"owner/ir@{COMMIT}"}), steps)
