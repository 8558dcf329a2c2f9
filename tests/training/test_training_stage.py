"""The whole stage on a tiny base: what it leaves behind, exact resume, and refusals."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from short_training import BATCH, make_params

from components.common.data.digests import digest_file
from components.common.data.reading import Dataset
from components.common.diffusion.pipeline import GridPipeline
from components.common.errors import UserError
from components.common.stage.report import Report
from components.training import stage
from components.training.data import Sample, TrainingSamples
from components.training.params import Params


def stopping_at(index: int) -> Callable[[TrainingSamples, int], Sample]:
    """A sample loader that dies, like a killed process, when sample `index` is requested."""
    original = TrainingSamples.__getitem__

    def getitem(self: TrainingSamples, wanted: int) -> Sample:
        if wanted >= index:
            raise RuntimeError("killed")
        return original(self, wanted)

    return getitem


def last_checkpoint(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def keep_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.rmtree
    monkeypatch.setattr(
        shutil, "rmtree", lambda path, **o: None if Path(path).name == "checkpoints" else real(path, **o)
    )


def assert_same_state(a: Path, b: Path) -> None:
    """The last checkpoints below both folders are equal bit for bit, in all that decides the steps to come."""
    one, other = last_checkpoint(a), last_checkpoint(b)
    for part in ("state_dict", "current_model_state"):  # averaged and raw weights
        assert one[part].keys() == other[part].keys()
        assert all(torch.equal(one[part][name], other[part][name]) for name in one[part])
    moments = [each["optimizer_states"][0]["state"] for each in (one, other)]
    assert moments[0] and all(
        torch.equal(moments[0][k][name], moments[1][k][name]) for k in moments[0] for name in moments[0][k]
    )
    for part in ("global_step", "lr_schedulers", "averaging_state"):
        assert one[part] == other[part]


def train(latents: Path, folder: Path, params: Params) -> Report:
    return stage.run({"latents": latents}, {"model": folder}, params)


def train_until_killed(latents: Path, folder: Path, params: Params, place: object, name: str, killer: Any) -> int:
    """Trains with `killer`, which raises "killed", as `place.name`; returns the step of the last checkpoint."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(place, name, killer)
        train(latents, folder, params)
    return int(last_checkpoint(folder)["global_step"])


@pytest.mark.parametrize("task", ["insertion", "generation"])
def test_leaves_a_pipeline_that_a_fresh_process_loads(task: str, base: Path, latents: Path, tmp_path: Path) -> None:
    report = train(latents, tmp_path / "m", make_params(base, task=task))
    assert {"reference_gap", "reference_gap_low", "loss", "object_error"} <= report.metrics.keys()
    assert report.plots["loss"][-1]["images"] == 15 * BATCH
    assert "samples" in report.figures
    rows = Dataset(tmp_path / "m").rows()
    assert all(digest_file(tmp_path / "m" / row["path"]) == row["sha256"] for row in rows)
    assert not (tmp_path / "m" / "checkpoints").exists()
    configs = (tmp_path / "m" / "pipeline").rglob("*.json")
    assert not any(str(path) in config.read_text() for config in configs for path in (base, tmp_path))
    code = (
        "import sys; from components.common.diffusion.pipeline import GridPipeline as G; from PIL import Image;"
        "p = G.from_pretrained(sys.argv[1]); i = Image.new('RGB', (9, 9), 'red'); m = Image.new('L', (9, 9), 255);"
        "scene = (i, m) if p.inserts else (None, None);"
        "print(p([i], *scene, prompt='a red mug', num_inference_steps=1)[0].size)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m" / "pipeline")], capture_output=True, text=True, check=True
    )
    assert "(8, 8)" in done.stdout


def dying(*_: Any) -> None:
    raise RuntimeError("killed")


@pytest.mark.parametrize(
    ("place", "name", "killer", "kept"),
    [(TrainingSamples, "__getitem__", stopping_at(8 * BATCH + 1), 5), (stage, "validate", dying, 15)],
    ids=["between checkpoints", "after the last"],
)
def test_a_killed_run_resumes_bit_exactly(
    place: object, name: str, killer: Any, kept: int, base: Path, latents: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    keep_checkpoints(monkeypatch)
    params = make_params(base)
    whole = train(latents, tmp_path / "whole", params)
    assert train_until_killed(latents, tmp_path / "cut", params, place, name, killer) == kept
    resumed = train(latents, tmp_path / "cut", params)
    assert_same_state(tmp_path / "whole", tmp_path / "cut")
    assert Dataset(tmp_path / "whole").digest == Dataset(tmp_path / "cut").digest
    assert whole.metrics == resumed.metrics and whole.plots == resumed.plots


def test_a_run_killed_several_times_resumes_bit_exactly(
    base: Path, latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_checkpoints(monkeypatch)
    params = make_params(base, checkpoint_every=BATCH, validation_tuples=0, threads=1)
    train(latents, tmp_path / "whole", params)
    for step in (2, 7, 13):
        killer = stopping_at(step * BATCH + step % BATCH)
        kept = train_until_killed(latents, tmp_path / "cut", params, TrainingSamples, "__getitem__", killer)
        assert kept in (step - 1, step)  # a batch may be loaded ahead
    train(latents, tmp_path / "cut", params)
    assert_same_state(tmp_path / "whole", tmp_path / "cut")
    assert Dataset(tmp_path / "whole").digest == Dataset(tmp_path / "cut").digest


def test_accumulation_changes_nothing_but_rounding(
    base: Path, latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_checkpoints(monkeypatch)
    weights = []
    for accumulate in (1, 2):
        params = make_params(base, accumulate=accumulate, batch=8, images=80, warmup=0, checkpoint_every=8, clip=100.0)
        folder = tmp_path / str(accumulate)
        train(latents, folder, params)
        weights.append(last_checkpoint(folder)["current_model_state"])
    assert max(float((weights[0][k] - weights[1][k]).abs().max()) for k in weights[0]) < 1e-5


def test_exports_the_averaged_weights(
    base: Path, latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_checkpoints(monkeypatch)
    train(latents, tmp_path, make_params(base))
    saved = last_checkpoint(tmp_path)
    unet = GridPipeline.from_pretrained(tmp_path / "pipeline").unet.state_dict()
    assert all(torch.equal(unet[name], saved["state_dict"][f"unet.{name}"]) for name in unet)
    assert any(not torch.equal(unet[name], saved["current_model_state"][f"unet.{name}"]) for name in unet)


def test_refuses_what_cannot_be_trained(base: Path, latents: Path, tmp_path: Path) -> None:
    other = shutil.copytree(base, tmp_path / "other")
    config = other / "vae" / "config.json"
    config.write_text(config.read_text().replace('"scaling_factor": 0.18215', '"scaling_factor": 0.5'))
    with pytest.raises(UserError, match="encoded with another vae"):
        train(latents, tmp_path / "m", make_params(other))
    with pytest.raises(UserError, match="no model folder"):
        train(latents, tmp_path / "m", make_params(tmp_path / "absent"))
    with pytest.raises(UserError, match="lower lr"):
        train(latents, tmp_path / "m", make_params(_poisoned(base, tmp_path)))


def _poisoned(base: Path, tmp_path: Path) -> Path:
    folder = shutil.copytree(base, tmp_path / "poisoned")
    pipeline = GridPipeline.from_pretrained(folder)
    pipeline.unet.conv_out.bias.data[0] = float("nan")
    pipeline.unet.save_pretrained(folder / "unet")
    return folder


def test_pictures_depend_on_their_own_seed_alone(base: Path, latents: Path, tmp_path: Path) -> None:
    train(latents, tmp_path, make_params(base))
    pipeline = GridPipeline.from_pretrained(tmp_path / "pipeline")
    view, mask = Image.new("RGB", (9, 9), "red"), Image.new("L", (9, 9), 255)
    two = pipeline([[view], [view, view]], [view] * 2, [mask] * 2, num_inference_steps=2, seeds=[3, 4])
    one = pipeline([view, view], view, mask, num_inference_steps=2, seeds=[4])
    assert two[1].tobytes() == one[0].tobytes() != two[0].tobytes()
    with pytest.raises(ValueError, match="background and a mask"):
        pipeline([view])
    with pytest.raises(ValueError, match="give 1 to 3"):
        pipeline([], view, mask)
