"""Captioning: a line of text for every anchor."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from components.captioning.captioners import Captioner, load_captioner
from components.captioning.params import Params
from components.common.data.reading import Dataset
from components.common.data.rejections import SET, rejection
from components.common.data.writing import Writer
from components.common.stage.report import Report
from components.common.vision.anchors import Made, Photographs, anchor_objects, box_of, write_parts
from components.common.vision.geometry import crop, square_window
from components.common.vision.images import Rejected
from components.common.vision.sheets import evenly_spread, sheet

SHOWN = 18


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """images, objects, sets -> captions: one caption per anchor; and rejects: every anchor without one.

    Raises `UserError` if the captioner cannot be loaded.
    """
    anchors = anchor_objects(inputs["objects"], inputs["sets"])
    photographs = Photographs(inputs["images"])
    captioner = load_captioner(params)
    models = {"captioner": captioner.digest}
    with (
        Writer(outputs["captions"], "captions", "captioning", inputs, params, models) as out,
        Writer(outputs["rejects"], "rejects", "captioning", inputs, params, models) as rejects,
    ):
        write_parts(anchors, params.part_rows, lambda rows: _part(rows, photographs, captioner, params), out, rejects)
    return _report(inputs, outputs["captions"], anchors.num_rows, params)


def _part(rows: Sequence[dict[str, Any]], photographs: Photographs, captioner: Captioner, params: Params) -> Made:
    """The captions of one part; anchors whose photograph cannot be decoded are rejected."""
    seen, pictures, rejected = [], [], []
    for row in rows:
        try:
            pictures.append(_window(photographs[row["image_id"]], row, params))
        except Rejected as broken:
            rejected.append(rejection("captioning", SET, row["object_id"], row["image_id"], "undecodable", str(broken)))
            continue
        seen.append(row)
    texts = captioner.caption(pictures, [row["category"] for row in seen])
    captioned = [
        {"object_id": row["object_id"], "row": row["row"], "text": text, "captioner_digest": captioner.digest}
        for row, text in zip(seen, texts, strict=True)
    ]
    return captioned, None, rejected


def _window(photo: Image.Image, row: dict[str, Any], params: Params) -> Image.Image:
    """The square around the object that is shown to the captioner, at the photograph's resolution."""
    return crop(photo, square_window(box_of(row), params.window_scale, *photo.size))


def _report(inputs: Mapping[str, Path], captions: Path, wanted: int, params: Params) -> Report:
    rows = Dataset(captions).rows()
    metrics = {"captions": float(len(rows)), "undecodable": float(wanted - len(rows))}
    if rows:
        metrics["distinct_share"] = len({row["text"] for row in rows}) / len(rows)
        metrics["words_mean"] = float(np.mean([len(row["text"].split()) for row in rows]))
    notes = [f"{wanted - len(rows)} anchors have no caption: their photograph cannot be decoded"]
    return Report(
        metrics=metrics,
        figures={"captions": _sheet(inputs, rows, params)},
        notes=notes if wanted > len(rows) else [],
    )


def _sheet(inputs: Mapping[str, Path], rows: Sequence[dict[str, Any]], params: Params) -> Image.Image:
    """What the captioner saw and said, for up to 18 anchors, evenly spread."""
    photographs = Photographs(inputs["images"])
    objects = Dataset(inputs["objects"]).table(["image_id", "x", "y", "w", "h"])
    cells = []
    for k in evenly_spread(len(rows), SHOWN):
        place = objects.slice(rows[k]["row"], 1).to_pylist()[0]
        cells.append([(_window(photographs[place["image_id"]], place, params), rows[k]["text"])])
    return sheet(cells, ["what was captioned"], side=160, abreast=6)
