"""What assembly reports: how many tuples, why not more, how they are split, and what they look like."""

from typing import Any

import numpy as np
from PIL import Image

from components.assembly.plans import Planner
from components.common.counts import counted
from components.common.data.reading import Dataset
from components.common.data.rejections import SET, by_reason
from components.common.references import REFERENCE_HEADINGS, REFERENCE_NAMES, TRAIN, VALIDATION
from components.common.stage.report import Report
from components.common.vision.images import stored_picture
from components.common.vision.sheets import Cell, evenly_spread, own_side, sheet

SHOWN = 8


def summary(tuples: Dataset, rejects: Dataset, planner: Planner) -> Report:
    """The report of finished tuples, and of the sets that gave none."""
    table = tuples.table(["split", "group", "refs"])
    split, group = np.array(table["split"].to_pylist(), str), table["group"].to_numpy()
    _, sizes = np.unique(group, return_counts=True)
    rejected = by_reason(rejects, SET)
    metrics = {
        "tuples": float(len(tuples)),
        "train_tuples": float((split == TRAIN).sum()),
        "validation_tuples": float((split == VALIDATION).sum()),
        "train_groups": float(len(np.unique(group[split == TRAIN]))),
        "validation_groups": float(len(np.unique(group[split == VALIDATION]))),
        "largest_group_share": float(sizes.max() / len(group)) if len(group) else 0.0,
        **{f"rejected/{reason}": float(count) for reason, count in sorted(rejected.items())},
    }
    plots: dict[str, list[dict[str, Any]]] = {}
    if rejected:
        plots["rejected_sets"] = [{"reason": reason, "sets": count} for reason, count in sorted(rejected.items())]
    figures = {"tuples": _sheet(tuples)} if len(tuples) else {}
    return Report(metrics, plots, figures, _notes(metrics, planner.sets.num_rows))


def _notes(metrics: dict[str, float], sets: int) -> list[str]:
    notes = [f"{counted(sets, 'set')} gave {counted(round(metrics['tuples']), 'tuple')}."]
    for name in (TRAIN, VALIDATION):
        if sets and not metrics[f"{name}_tuples"]:
            notes.append(f"No tuple is in the {name} split: change assembly.validation_share or seed.")
    if metrics["largest_group_share"] > 0.5:
        notes.append("One split group has most tuples, as look-alikes form chains: lower mining.split_margin.")
    return notes


def _sheet(tuples: Dataset) -> Image.Image:
    """Up to 8 tuples, evenly spread, one per row."""
    table, scene = tuples.table(), ("background", "mask", "target")
    rows = [table.slice(at, 1).to_pylist()[0] for at in evenly_spread(len(tuples), SHOWN)]
    cells: list[list[Cell]] = [
        [
            f"{row['split']}: {row['caption']}",
            *(stored_picture(tuples, row, name) for name in (*REFERENCE_NAMES, *scene)),
        ]
        for row in rows
    ]
    side = own_side([cell for row in cells for cell in row if isinstance(cell, Image.Image)])
    return sheet(cells, ["split: caption", *REFERENCE_HEADINGS, *scene], side)
