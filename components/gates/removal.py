"""Removal gate: the object is gone from its clean plate, and nothing else of the photograph changed."""

from pathlib import Path

import numpy as np

from components.common.data.reading import Dataset
from components.common.stage.report import Report
from components.gates.checks import Check, Gate
from components.gates.params import Tuples


def removal(inputs: dict[str, Path], params: Tuples) -> Gate:
    """Measures the residual and the outside change of every background."""
    table = Dataset(inputs["backgrounds"]).table(["residual", "outside_change"])
    residual = table["residual"].to_numpy().astype(np.float64)
    return Gate(
        "removal",
        (
            Check(
                "clean_share",
                f"the share of backgrounds whose residual is at most {params.max_residual:g}",
                float((residual <= params.max_residual).mean()) if len(residual) else 0.0,
                low=params.min_clean_share,
                next_step="use a better removal model or dilate its mask: objects are still seen in their backgrounds",
            ),
            Check(
                "outside_change",
                "the mean change of a background outside the removed area",
                table["outside_change"].to_numpy().astype(np.float64),
                high=params.max_outside_change,
                next_step="paste the unchanged photograph back outside the mask after removal",
            ),
        ),
        Report(plots={"residual": _histogram(residual)} if len(residual) else {}),
    )


def _histogram(residual: np.ndarray) -> list[dict[str, float]]:
    counts, edges = np.histogram(residual, bins=20, range=(0.0, 1.0))
    return [{"residual_from": round(float(a), 2), "backgrounds": int(b)} for a, b in zip(edges, counts, strict=False)]
