"""Validation of the trained model on held-out tuples: the reference gap, and a sheet of samples from fixed seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from components.common.diffusion.pipeline import GridPipeline
from components.common.references import REFERENCE_HEADINGS, REFERENCES
from components.common.stage.progress import track
from components.common.statistics import Interval, cluster_bootstrap
from components.common.vision.sheets import evenly_spread, sheet
from components.training.data import Latents
from components.training.params import Params

BATCH = 16
SHEET_ROWS = 8


@dataclass(frozen=True)
class Validation:
    """Mean absolute error on the object (0..1) per tuple, with its own references and with another object's."""

    true: np.ndarray
    shuffled: np.ndarray
    groups: list[str]
    sheet: Image.Image

    @property
    def gap(self) -> Interval:
        """How much greater the error is with shuffled references; the interval resamples whole split groups."""
        return cluster_bootstrap((self.shuffled - self.true).tolist(), self.groups)

    def metrics(self) -> dict[str, float]:
        """Numbers for the stage's report."""
        gap = self.gap
        values = {
            "object_error": float(self.true.mean()),
            "object_error_shuffled": float(self.shuffled.mean()),
            "reference_gap": gap.mean,
            "reference_gap_low": gap.low,
            "reference_gap_high": gap.high,
        }
        return {name: round(value, 5) for name, value in values.items()}


def validate(pipeline: GridPipeline, latents: Latents, params: Params) -> Validation | None:
    """Samples held-out targets twice from the same noise, without guidance. None for fewer than two split groups.

    The truth is the decoded target, so that the autoencoder's own error does not count.
    """
    chosen = np.array(evenly_spread(len(latents), params.validation_tuples), int)
    others = strangers(latents.groups[chosen])
    if others is None:
        return None
    true, shuffled, rows = [], [], []
    for start in track(range(0, len(chosen), BATCH), f"validating {params.task}"):
        part = slice(start, start + BATCH)
        batch = _stack(latents, chosen[part])
        other_refs = _stack(latents, chosen[others[part]])["refs"]
        seeds = chosen[part].tolist()
        truth_BHWC = _decoded(pipeline, batch["target"])
        drawn_BHWC = _decoded(pipeline, _draw(pipeline, batch, batch["refs"], seeds, params))
        stranger_BHWC = _decoded(pipeline, _draw(pipeline, batch, other_refs, seeds, params))
        mask_BHW = _pixel_mask(batch["mask"], truth_BHWC.shape[1])
        true += _object_errors(drawn_BHWC, truth_BHWC, mask_BHW)
        shuffled += _object_errors(stranger_BHWC, truth_BHWC, mask_BHW)
        rows += _columns(pipeline, batch, drawn_BHWC, truth_BHWC, params)
    groups = [str(group) for group in latents.groups[chosen]]
    shown = sheet(rows[:SHEET_ROWS], _headings(params), side=96)
    return Validation(np.asarray(true), np.asarray(shuffled), groups, shown)


def strangers(groups: np.ndarray) -> np.ndarray | None:
    """For each position, the next position (cyclic) of another group; None if there is only one group."""
    if len(set(groups.tolist())) < 2:
        return None
    size = len(groups)
    steps = range(1, size)
    return np.asarray([next((k + s) % size for s in steps if groups[(k + s) % size] != groups[k]) for k in range(size)])


def _stack(latents: Latents, positions: Sequence[int] | np.ndarray) -> dict[str, torch.Tensor]:
    samples = [latents[int(position)] for position in positions]
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


def _draw(
    pipeline: GridPipeline, batch: dict[str, torch.Tensor], refs: torch.Tensor, seeds: list[int], params: Params
) -> torch.Tensor:
    noise = pipeline.noise(seeds)
    if params.task == "insertion":
        null = pipeline.encode_text([""]).expand(len(seeds), -1, -1)
        return pipeline.denoise(refs, batch["background"], batch["mask"], null, noise, params.sampling_steps)
    return pipeline.denoise(refs, None, None, batch["text"], noise, params.sampling_steps)


def _decoded(pipeline: GridPipeline, latents_BCHW: torch.Tensor) -> np.ndarray:
    return np.stack([np.asarray(picture) for picture in pipeline.decode(latents_BCHW)])


def _pixel_mask(mask_B1HW: torch.Tensor, side: int) -> np.ndarray:
    factor = side // mask_B1HW.shape[-1]
    return mask_B1HW[:, 0].repeat_interleave(factor, 1).repeat_interleave(factor, 2).numpy()


def _object_errors(drawn_BHWC: np.ndarray, truth_BHWC: np.ndarray, mask_BHW: np.ndarray) -> list[float]:
    error_BHW = np.abs(drawn_BHWC.astype(np.float32) - truth_BHWC.astype(np.float32)).mean(-1) / 255
    weighted = (error_BHW * mask_BHW).sum((1, 2)) / np.maximum(mask_BHW.sum((1, 2)), 1e-6)
    return [float(value) for value in weighted]


def _columns(
    pipeline: GridPipeline, batch: dict[str, torch.Tensor], drawn: np.ndarray, truth: np.ndarray, params: Params
) -> list[list[Image.Image]]:
    """For each tuple: its references, background (insertion only), result and truth; see `_headings`."""
    columns = [_decoded(pipeline, batch["refs"][:, k]) for k in range(REFERENCES)]
    if params.task == "insertion":
        columns.append(_decoded(pipeline, batch["background"]))
    return [[Image.fromarray(picture) for picture in row] for row in zip(*columns, drawn, truth, strict=True)]


def _headings(params: Params) -> list[str]:
    scene = ["background"] if params.task == "insertion" else []
    return [*REFERENCE_HEADINGS, *scene, "result", "target, decoded"]
