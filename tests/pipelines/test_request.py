"""What is settled before a run starts: its folder, and that its models are pinned."""

import re
from pathlib import Path

import pytest

from components.common.errors import UserError
from pipelines.engines.request import Request
from pipelines.parameters import refuse_unpinned, resolve
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


def test_every_unpinned_model_is_named_at_once(tmp_path: Path) -> None:
    unpinned = ("remover", "remover_unet", "clip")
    values = resolve("open", {"models.detector": f"owner/detector@{COMMIT}", "models.dino": "owner/dino@main"})
    with pytest.raises(UserError) as caught:
        refuse_unpinned(values, PIPELINES["full"], tmp_path)
    assert all(f"--set models.{name}={values['models'][name]}@COMMIT" in str(caught.value) for name in unpinned)
    assert "--set models.dino=owner/dino@COMMIT" in str(caught.value)
    assert "detector" not in str(caught.value) and "models.ir" not in str(caught.value)


def test_only_models_of_the_hub_that_are_loaded_need_a_pin(tmp_path: Path) -> None:
    refuse_unpinned(resolve("sandbox"), PIPELINES["full"], tmp_path)
    unused = {"detection.source": "whole", "captioning.kind": "category", "removal.kind": "opencv"}
    judged = {"models.second_ir": "models/judge"}
    steps = [STEPS[name] for name in ("detection", "removal", "captioning")]
    with pytest.raises(UserError, match=r"give --set models\.second_ir=models/judge@COMMIT$"):
        refuse_unpinned(resolve("open", unused | judged), steps, tmp_path)
    (tmp_path / "models" / "judge").mkdir(parents=True)
    refuse_unpinned(resolve("open", unused | judged), steps, tmp_path)
