"""What assembly tells people: how many tuples, why not more, how they are split, and what they look like."""

import io
import textwrap
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from components.assembly.plans import REFERENCES, Planner
from components.assembly.splits import TRAIN, VALIDATION
from components.common.data.reading import Dataset
from components.common.stage.report import Report
from components.common.vision.images import contact_sheet

SHOWN = 8
CELL, GAP, LINE = 128, 4, 15
CELLS = (*(f"ref{index}" for index in range(REFERENCES)), "background", "mask", "target")


def summary(tuples: Dataset, planner: Planner) -> Report:
    """The report of a finished tuples dataset."""
    table = tuples.table(["split", "group", "refs"])
    split, group = np.array(table["split"].to_pylist(), str), table["group"].to_numpy()
    _, sizes = np.unique(group, return_counts=True)
    rejected = tuples.counts
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
    figures = {"tuples": sheet(tuples)} if len(tuples) else {}
    return Report(metrics, plots, figures, _notes(metrics, planner.sets.num_rows))


def _notes(metrics: dict[str, float], sets: int) -> list[str]:
    notes = [f"{sets} sets gave {metrics['tuples']:.0f} tuples."]
    for name in ("train", "validation"):
        if sets and not metrics[f"{name}_tuples"]:
            notes.append(f"No tuple is in the {name} split: change assembly.validation_share or assembly.seed.")
    if metrics["largest_group_share"] > 0.5:
        notes.append(
            "One split group holds most tuples: look-alikes chain up; raise mining's window or lower its margin."
        )
    return notes


def sheet(tuples: Dataset) -> Image.Image:
    """Up to 8 tuples, evenly spread, a row each: references, background, mask, target, with the caption below."""
    chosen = np.unique(np.linspace(0, len(tuples) - 1, min(SHOWN, len(tuples))).round().astype(np.int64))
    rows = [_strip(tuples, row) for row in tuples.table().take(chosen).to_pylist()]
    whole = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), "white")
    for index, row in enumerate(rows):
        whole.paste(row, (0, index * row.height))
    return whole


def _strip(tuples: Dataset, row: dict[str, Any]) -> Image.Image:
    cells = [Image.open(io.BytesIO(tuples.blob(row, name))) for name in CELLS]
    pictures = contact_sheet([cell.resize((CELL, CELL)) for cell in cells], columns=len(CELLS), side=CELL, gap=GAP)
    strip = Image.new("RGB", (pictures.width, pictures.height + 2 * LINE), "white")
    strip.paste(pictures, (0, 0))
    text = "\n".join(textwrap.wrap(f"{row['split']}: {row['caption']}", 120)[:2])
    ImageDraw.Draw(strip).text((GAP, pictures.height), text, fill="black", font=ImageFont.load_default(12))
    return strip
