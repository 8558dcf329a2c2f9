"""Yield: enough objects recur, and views are not mostly a few objects (hubs, Radovanovic et al., JMLR 2010)."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from scipy import stats

from components.common.data.reading import Dataset
from components.common.stage.report import Report
from components.gates.advice import window_of
from components.gates.checks import Check, Gate
from components.gates.params import Recurrence


def recurrence_yield(inputs: dict[str, Path], params: Recurrence) -> Gate:
    """Measures the share of objects that became anchors with enough views, and how often each member is a view."""
    objects, dataset = len(Dataset(inputs["objects"])), Dataset(inputs["sets"])
    sets, least = dataset.table(["anchor", "views"]), dataset.manifest.params["min_views"]
    full = pc.sum(pc.greater_equal(pc.list_value_length(sets["views"]), least)).as_py() or 0
    views = pc.list_flatten(sets["views"]).to_numpy()
    members = np.unique(np.concatenate([sets["anchor"].to_numpy(), views]))
    occurrences = np.bincount(views, minlength=objects)[members] if len(views) else np.zeros(0, np.int64)
    return Gate(
        "yield",
        (
            Check(
                "yield_share",
                f"the share of objects with at least {least} views",
                full / max(objects, 1),
                low=params.min_yield,
                next_step=f"a product needs photographs of {least} views besides the anchor: "
                f"{window_of(Dataset(inputs['calibration'])).wider}",
                after="retrieval-precision",
            ),
            Check(
                "hub_skew",
                "the skewness of how often an object is a view",
                float(stats.skew(occurrences)) if len(set(occurrences.tolist())) > 1 else 0.0,
                high=params.max_hub_skew,
                next_step="look at the most frequent views: exclude such generic objects, or require mutual neighbours",
            ),
        ),
        Report(
            {
                "sets": float(len(sets)),
                "objects": float(objects),
                "most_frequent_view": float(occurrences.max(initial=0)),
            },
            {"views_by_occurrence": _histogram(occurrences)} if len(occurrences) else {},
        ),
    )


def _histogram(occurrences: np.ndarray) -> list[dict[str, float]]:
    times, counts = np.unique(occurrences, return_counts=True)
    return [{"times_a_view": int(a), "objects": int(b)} for a, b in zip(times, counts, strict=True)]
