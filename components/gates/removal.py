"""Removal gate: the object is gone from its clean plate, and nothing else of the photograph changed."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from components.common.data.reading import Dataset
from components.common.data.rejections import SET, by_reason
from components.common.stage.report import Report
from components.common.statistics import share_lower_bound
from components.gates.checks import Check, Gate
from components.gates.params import Tuples

CONFIDENCE = 0.95  # of what is said about other photographs
FILLED = "there is nothing around an object to fill its place from"
GIVE_BOXES = (
    "give boxes: --set detection.source=salient (photographs of single products), or coco, open_images or labels (a "
    "table with the columns path, x, y, w and h) with --set detection.annotations=FILE, or a detector with --set "
    "detection.source=detector --set models.detector=..."
)
BETTER_REMOVER = (
    "use a better removal model (models.remover) or erase more (removal.mask_scale, removal.mask_margin): objects are "
    "still seen in their backgrounds"
)


NO_SETS = "there is no background to look at, since there is no set: see `objectmate gate explain yield`"


def removal(inputs: dict[str, Path], params: Tuples) -> Gate:
    """Measures the residual and the outside change of every background of this run.

    All of them are counted, so the share is certain. What it says about other photographs is printed next to it: a
    bound with one vote per photograph, as backgrounds of one photograph share what makes them hard.
    """
    backgrounds = Dataset(inputs["backgrounds"]).table(["row", "residual", "outside_change"])
    residual = backgrounds["residual"].to_numpy().astype(np.float64)
    clean = residual <= params.max_residual
    share = float(clean.mean()) if len(clean) else 0.0
    others = _bound_for_others(inputs, backgrounds["row"].to_numpy(), clean)
    too_large = _too_large(inputs, none_at_all=not len(clean))
    cause = f"; {too_large}" if too_large and share < params.min_clean_share else ""
    return Gate(
        "removal",
        (
            Check(
                "clean_share",
                f"the share of clean backgrounds (residual at most {params.max_residual:g})",
                share,
                low=params.min_clean_share,
                next_step=GIVE_BOXES if too_large else BETTER_REMOVER if len(clean) else NO_SETS,
                sentence=f"{int(clean.sum())} of all {len(clean)} backgrounds are clean inside the box, {share:.3f} "
                f"(residual at most {params.max_residual:g}); at least {params.min_clean_share:g} is required; for "
                f"other photographs this shows at least {others:.2f} ({CONFIDENCE:.0%}){cause}",
            ),
            Check(
                "outside_change",
                "the largest mean change of a background outside the removed area",
                backgrounds["outside_change"].to_numpy().astype(np.float64),
                high=params.max_outside_change,
                next_step="paste the unchanged photograph back outside the mask after removal",
            ),
        ),
        Report(
            {"backgrounds": float(len(clean)), "clean_share_elsewhere": others},
            {"residual": _histogram(residual)} if len(residual) else {},
        ),
    )


def _too_large(inputs: dict[str, Path], none_at_all: bool) -> str:
    """Why boxes are too large for a clean background, if they are. none_at_all: no anchor has a background."""
    if Dataset(inputs["objects"]).manifest.params["source"] == "whole":
        return f"boxes are whole photographs (detection.source: whole), so {FILLED}"
    filling = by_reason(Dataset(inputs["removal_rejects"]), SET)["no-surroundings"]
    return f"all {filling} anchors fill their photograph, so {FILLED}" if none_at_all and filling else ""


def _bound_for_others(inputs: dict[str, Path], rows: np.ndarray, clean: np.ndarray) -> float:
    """One-sided lower bound, with `CONFIDENCE`, of the clean share in other photographs like these, 0..1."""
    photographs = Dataset(inputs["objects"]).table(["image_id"])["image_id"].take(pa.array(rows, pa.int64()))
    codes = np.unique(photographs.to_pylist(), return_inverse=True)[1]
    if not len(codes):
        return 0.0
    shares = np.bincount(codes, clean) / np.bincount(codes)
    return share_lower_bound(float(shares.sum()), len(shares), CONFIDENCE)


def _histogram(residual: np.ndarray) -> list[dict[str, float]]:
    counts, edges = np.histogram(residual, bins=20, range=(0.0, 1.0))
    return [{"residual_from": round(float(a), 2), "backgrounds": int(b)} for a, b in zip(edges, counts, strict=False)]
