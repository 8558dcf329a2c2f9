"""Two training processes (Gloo, on the CPU) do what one does, and continue where they were killed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from short_training import make_params

from components.common.data.reading import Dataset
from components.common.diffusion.pipeline import GridPipeline
from components.common.errors import UserError
from components.common.stage.report import Report
from components.training import launch, stage


def weights(model: Path) -> dict[str, torch.Tensor]:
    return GridPipeline.from_pretrained(model / "pipeline").unet.state_dict()


@pytest.fixture(scope="module")
def one(base: Path, latents: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """The model and the report of one process."""
    model = tmp_path_factory.mktemp("one")
    return model, stage.run({"latents": latents}, {"model": model}, make_params(base))


@pytest.fixture(scope="module")
def two(base: Path, latents: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """The same for two processes."""
    model = tmp_path_factory.mktemp("two")
    return model, stage.run({"latents": latents}, {"model": model}, make_params(base, processes=2))


def test_two_processes_learn_what_one_does(one: tuple[Path, Report], two: tuple[Path, Report]) -> None:
    curves = [report.plots["loss"] for _, report in (one, two)]
    assert len(curves[0]) == len(curves[1]) == 15
    for alone, together in zip(*curves, strict=True):
        assert alone.keys() == together.keys()
        assert together == pytest.approx(alone, abs=2e-5)
    assert two[1].metrics == pytest.approx(one[1].metrics, rel=1e-3)
    a, b = weights(one[0]), weights(two[0])
    assert max(float((a[name] - b[name]).abs().max()) for name in a) < 1e-4  # of steps of 1e-3
    assert "samples" in two[1].figures


def test_the_number_of_processes_is_part_of_a_models_identity(
    one: tuple[Path, Report], two: tuple[Path, Report], base: Path
) -> None:
    alone, together = (Dataset(model).manifest for model, _ in (one, two))
    assert together.params == alone.params | {"processes": 2}
    assert make_params(base, nodes=2).identity() == make_params(base, processes=2).identity()


def test_killed_processes_resume_bit_exactly(
    two: tuple[Path, Report], base: Path, latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, model = make_params(base, processes=2), tmp_path / "model"
    handover = launch.Handover(tmp_path)
    handover.ask(params, latents, model)
    here = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    killed = subprocess.run(launch.command(2, tmp_path, "killed_node"), env=os.environ | {"PYTHONPATH": here})
    assert killed.returncode == 1 and not handover.finished(model)
    checkpoint = torch.load(model / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 5
    resumed = stage.run({"latents": latents}, {"model": model}, params)
    assert Dataset(model).digest == Dataset(two[0]).digest
    assert resumed.plots == two[1].plots and resumed.metrics == two[1].metrics


def test_a_refusal_by_the_processes_is_raised_here(
    one: tuple[Path, Report], base: Path, latents: Path, tmp_path: Path
) -> None:
    half = shutil.copytree(one[0], tmp_path / "half")
    (half / "_finished.json").replace(half / "_unfinished.json")
    with pytest.raises(UserError, match="half-made from other inputs, parameters or models"):
        stage.run({"latents": latents}, {"model": half}, make_params(base, processes=2))


def test_each_process_takes_an_equal_share(base: Path) -> None:
    with pytest.raises(ValidationError, match="batch 4 must be a multiple of accumulate 2 x nodes 2 x processes 2"):
        make_params(base, accumulate=2, nodes=2, processes=2)
