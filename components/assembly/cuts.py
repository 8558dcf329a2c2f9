"""Cutting a planned tuple: six squares of the same size; target, background and mask are aligned to the pixel."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from components.assembly.own_crops import augmented
from components.assembly.params import Params
from components.assembly.plans import Plan, Row
from components.common.data.digests import content_key
from components.common.data.reading import Dataset
from components.common.data.seeds import unit_interval
from components.common.references import REFERENCE_NAMES
from components.common.vision.anchors import box_of
from components.common.vision.geometry import Box, box_mask, crop, pixel_window, placed
from components.common.vision.images import Rejected, decode, encode_png


class Skipped(Exception):
    """A set yields no tuple; the message is the reason."""


class Cutter:
    """Cuts tuples from the photographs and clean plates of a run. Safe to use from several threads."""

    def __init__(self, inputs: Mapping[str, Path], photographs: Mapping[str, Row], params: Params):
        self.images, self.backgrounds = Dataset(inputs["images"]), Dataset(inputs["backgrounds"])
        self.photographs, self.params = photographs, params

    def cut(self, plan: Plan) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The row and the blobs of a tuple. Raises `Skipped`."""
        photo, plate = self._photograph(plan.anchor["image_id"]), self._plate(plan)
        if plate.size != photo.size:
            raise Skipped("background-size")
        window, size = self._target_window(plan.anchor, photo), self.params.cell
        cells = {
            "target": crop(photo, window, size),
            "background": crop(plate, window, size),
            "mask": box_mask(placed(box_of(plan.anchor), window, size), size),
        }
        for name, ref in zip(REFERENCE_NAMES, plan.refs, strict=True):
            cells[name] = self._reference(plan.anchor, ref, name)
        blobs = {f"{name}.png": encode_png(cell) for name, cell in cells.items()}
        return _row(plan, blobs), blobs

    def _target_window(self, anchor: Row, photo: Image.Image) -> Box:
        """The scene around the object. Raises `Skipped` if no square that contains it fits into the photograph."""
        p = self.params
        scale = _between(p.context_min, p.context_max, p.seed, "context", anchor["object_id"])
        window = pixel_window(box_of(anchor), scale, *photo.size)
        if max(anchor["w"], anchor["h"]) > window.w + 1:
            raise Skipped("object-exceeds-window")
        return window

    def _reference(self, anchor: Row, ref: Row, name: str) -> Image.Image:
        """The square around a view; if references are the target's own crops, each has its own window and
        augmentation."""
        p, photo = self.params, self._photograph(ref["image_id"])
        own = () if p.references == "views" else (name,)
        keys = ("reference", anchor["object_id"], ref["object_id"], *own)
        scale = _between(p.reference_min, p.reference_max, p.seed, *keys)
        window = pixel_window(box_of(ref), scale, *photo.size)
        if p.references == "augmented":
            return augmented(photo, window, p.cell, p.seed, *keys)
        return crop(photo, window, p.cell)

    def _photograph(self, image_id: str) -> Image.Image:
        try:
            return decode(self.images.blob(self.photographs[image_id], "image"))
        except Rejected:
            raise Skipped("undecodable-photograph") from None

    def _plate(self, plan: Plan) -> Image.Image:
        try:
            return decode(self.backgrounds.blob(plan.background, "image"))
        except Rejected:
            raise Skipped("undecodable-background") from None


def _row(plan: Plan, blobs: Mapping[str, bytes]) -> dict[str, Any]:
    """The tuple's row. Its id is derived from its pixels, which change with the parameters of any earlier stage."""
    objects = (plan.anchor, *plan.refs)
    parents = [row["object_id"] for row in objects]
    pictures = {name: sha256(data).hexdigest() for name, data in blobs.items()}
    return {
        "tuple_id": content_key("tuple", parents, plan.caption, pictures),
        "anchor": plan.anchor["row"],
        "refs": [row["row"] for row in plan.refs],
        "caption": plan.caption,
        "split": plan.split,
        "group": plan.group,
        "parents": parents,
        "sources": sorted({row["image_id"] for row in objects}),
    }


def _between(low: float, high: float, seed: int, *keys: str) -> float:
    return low + (high - low) * unit_interval(seed, *keys)
