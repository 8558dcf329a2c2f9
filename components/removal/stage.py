"""Removal: a clean plate for the photograph of every anchor."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.rejections import SET, rejection
from components.common.data.writing import Writer
from components.common.stage.report import Report
from components.common.vision.anchors import Made, Photographs, anchor_objects, box_of, write_parts
from components.common.vision.encoders import Encoder, load_encoder
from components.common.vision.geometry import Box, crop
from components.common.vision.images import Rejected, encode_png
from components.removal.params import Params
from components.removal.removers import Remover, load_remover
from components.removal.summary import report


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """images, objects, sets -> backgrounds: one clean plate per anchor, with how much of the object is left in it; and
    rejects: every anchor without one.

    Raises `UserError` if the remover or the judge cannot be loaded.
    """
    anchors = anchor_objects(inputs["objects"], inputs["sets"])
    photographs = Photographs(inputs["images"])
    remover = load_remover(params)
    judge = load_encoder(params.second_ir, params.device, params.framing)
    models = {"remover": remover.digest, "judge": judge.digest}
    with (
        Writer(outputs["backgrounds"], "backgrounds", "removal", inputs, params, models) as out,
        Writer(outputs["rejects"], "rejects", "removal", inputs, params, models) as rejects,
    ):
        write_parts(
            anchors,
            params.part_rows,
            lambda rows: _part(rows, photographs, remover, judge, params.max_erased),
            out,
            rejects,
        )
    return report(inputs, Dataset(outputs["backgrounds"]), Dataset(outputs["rejects"]), anchors)


def _part(
    rows: Sequence[dict[str, Any]], photographs: Photographs, remover: Remover, judge: Encoder, max_erased: float
) -> Made:
    """The plates of one part; anchors that get none are rejected."""
    table, blobs, before, after, rejected = [], [], [], [], []
    for row in rows:
        try:
            photo = photographs[row["image_id"]]
        except Rejected as broken:
            rejected.append(_rejection(row, "undecodable", str(broken)))
            continue
        box = box_of(row)
        if (share := remover.framing.erased_share(box, *photo.size)) > max_erased:
            rejected.append(_rejection(row, "no-surroundings", f"{share:.3f} of its surroundings would be erased"))
            continue
        plate, mask = remover.remove(photo, box, row["object_id"])
        table.append(
            {
                "object_id": row["object_id"],
                "row": row["row"],
                "remover_digest": remover.digest,
                "outside_change": outside_change(photo, plate, box, remover),
            }
        )
        blobs.append({"image.png": encode_png(plate), "mask.png": encode_png(mask)})
        before.append(crop(photo, box))
        after.append(crop(plate, box))
    left = residuals(judge, before, after)
    return [row | {"residual": value} for row, value in zip(table, left, strict=True)], blobs, rejected


def _rejection(row: dict[str, Any], reason: str, detail: str) -> dict[str, Any]:
    return rejection("removal", SET, row["object_id"], row["image_id"], reason, detail)


def residuals(judge: Encoder, before: Sequence[Image.Image], after: Sequence[Image.Image]) -> list[float]:
    """Cosine of each crop before and after removal, clipped to 0..1: 1 means the object is still there.

    A crop that the judge cannot embed counts as 1, since nothing proves that the object is gone.
    """
    cosines = (judge.embed(before) * judge.embed(after)).sum(1)
    return [round(float(value), 4) for value in np.clip(np.nan_to_num(cosines, nan=1.0), 0, 1)]


def outside_change(photo: Image.Image, plate: Image.Image, box: Box, remover: Remover) -> float:
    """Mean absolute change, 0..1, of the pixels that the remover must not change; 0 if it may change all."""
    outside = ~remover.framing.allowed(box, *photo.size)
    change = np.abs(np.asarray(plate, np.int16) - np.asarray(photo, np.int16))[outside]
    return float(change.mean() / 255) if change.size else 0.0
