"""What removal reports: how much of the objects is left, what plates look like, which anchors have none."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, ImageDraw

from components.common.data.reading import Dataset
from components.common.data.rejections import REJECTIONS, SET, by_reason
from components.common.stage.report import Report
from components.common.vision.anchors import Photographs, box_of
from components.common.vision.images import Rejected, stored_picture
from components.common.vision.sheets import evenly_spread, own_side, sheet

SHOWN = 12
BINS = 20
COLOUR = "#e6007e"
NO_PLATE = REJECTIONS["removal"]


def report(inputs: Mapping[str, Path], plates: Dataset, rejects: Dataset, anchors: pa.Table) -> Report:
    """The stage's report. anchors: the objects that were to get a plate, as `anchor_objects` gives them."""
    rows = plates.rows()
    left = np.array([row["residual"] for row in rows])
    without_plate = by_reason(rejects, SET)
    metrics = {"plates": float(len(rows)), **{reason: float(without_plate[reason]) for reason in NO_PLATE}}
    if rows:
        metrics |= {
            "residual_mean": float(left.mean()),
            "residual_p95": float(np.quantile(left, 0.95)),
            "outside_change_max": float(max(row["outside_change"] for row in rows)),
        }
    counts, edges = np.histogram(left, BINS, (0, 1))
    plot = [{"residual": round(float(e), 3), "plates": int(n)} for e, n in zip(edges[:-1], counts, strict=True)]
    photographs = Photographs(inputs["images"])
    figures = {"plates": _plates(photographs, plates, rows, anchors)}
    without = anchors.filter(pc.invert(pc.is_in(anchors["row"], pa.array([row["row"] for row in rows], pa.int64()))))
    if without.num_rows:
        figures["without_a_plate"] = _without(photographs, without.to_pylist())
    notes = [f"{count} anchors have no plate: {NO_PLATE[reason]}" for reason, count in sorted(without_plate.items())]
    return Report(metrics, {"residual": plot}, figures, notes)


def _plates(
    photographs: Photographs, plates: Dataset, rows: Sequence[dict[str, Any]], anchors: pa.Table
) -> Image.Image:
    """Photograph, mask and plate of up to 12 anchors, evenly spread, with how much of the object is left."""
    image_ids = dict(zip(anchors["row"].to_pylist(), anchors["image_id"].to_pylist(), strict=True))
    shown = []
    for k in evenly_spread(len(rows), SHOWN):
        photo = photographs[image_ids[rows[k]["row"]]]
        shown.append([photo, *(stored_picture(plates, rows[k], name) for name in ("mask", "image"))])
    side = own_side([picture for row in shown for picture in row])
    return sheet(shown, ["photograph", "mask", "clean plate"], side, abreast=2)


def _without(photographs: Photographs, anchors: Sequence[dict[str, Any]]) -> Image.Image:
    """Up to 12 photographs whose object has no plate, evenly spread, with the object's box."""
    cells = [[_boxed(photographs, anchors[k])] for k in evenly_spread(len(anchors), SHOWN)]
    side = own_side([cell for row in cells for cell in row if isinstance(cell, Image.Image)])
    return sheet(cells, ["no clean plate"], side, abreast=4)


def _boxed(photographs: Photographs, anchor: dict[str, Any]) -> Image.Image | str:
    try:
        photo = photographs[anchor["image_id"]]
    except Rejected:
        return "cannot be decoded"
    x, y, w, h = box_of(anchor)
    ImageDraw.Draw(photo).rectangle((x, y, x + w, y + h), outline=COLOUR, width=max(round(max(photo.size) / 100), 1))
    return photo
