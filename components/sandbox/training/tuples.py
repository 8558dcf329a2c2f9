"""Training tuples straight from a rendered split: true clean plates, true captions, views known to be of one design.

What the data engine has to mine and repaint is known here, so the base models can be trained before any stage of the
dataset pipeline exists. Tuples look like assembly's. Each object comes several times, with other windows, other views
and, for insertion, other colours, because latents computed beforehand cannot be augmented later.
"""

import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import Field

from components.common.data.digests import content_key
from components.common.data.seeds import numpy_rng, unit_interval
from components.common.data.writing import Writer
from components.common.references import REFERENCE_NAMES, REFERENCES
from components.common.stage.params import StageParams
from components.common.stage.progress import track
from components.common.stage.report import Report
from components.common.vision.geometry import Box, crop, expanded, square_window
from components.sandbox.training.crops import rendered

PHOTO_MARGIN = 2
"""Boxes closer than this (px) to the frame may show a cut object: fine as a target, useless as a reference."""
CHANNEL_GAIN = 0.12


class Params(StageParams):
    """How many tuples, and how varied."""

    copies: int = Field(default=8, ge=1, le=64, description="tuples per object, each with other views and windows")
    cell: int = Field(default=32, ge=8, le=1024, description="side of a picture, px")
    recolour: bool = Field(default=True, description="permute and invert colours, alike in all pictures of a tuple")
    context: tuple[float, float] = Field(
        default=(1.45, 2.0), description="range of the target's window side, longer sides of the box"
    )
    reference: tuple[float, float] = Field(
        default=(1.0, 1.4), description="range of a reference's window side, longer sides of the box"
    )
    held_out: float = Field(default=0.08, ge=0, le=1, description="share of design groups kept for validation")
    part_rows: int = Field(default=1000, ge=1, description="tuples per part")
    seed: int = Field(default=0, ge=0, description="of views, windows and colours")


@dataclass(frozen=True)
class Product:
    """An object in a rendered photograph."""

    world: Path
    row: int
    image: str
    plate: str
    box: Box
    design: str
    group: int
    caption: str
    whole: bool


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """inputs: folders of rendered splits, by any names. Writes the dataset `outputs["tuples"]`."""
    products: list[Product] = []
    for world in inputs.values():
        products += read_products(world, products[-1].row + 1 if products else 0)
    jobs = [(product, copy) for copy in range(params.copies) for product in products]
    views = _views(products)
    starts = range(0, len(jobs), params.part_rows)
    # Threads are enough: Pillow releases the interpreter lock while it scales and compresses.
    with Writer(outputs["tuples"], "tuples", "sandbox", {}, params) as out, ThreadPoolExecutor() as threads:
        out.facts = {"cell": params.cell}
        for index, start in enumerate(track(starts, "cutting tuples")):
            if out.done(index):
                continue
            part = jobs[start : start + params.part_rows]
            results = list(threads.map(lambda job: _tuple(job[0], views, job[1], params), part))
            cut = [pair for pair in results if pair is not None]
            out.write(index, [row for row, _ in cut], [blobs for _, blobs in cut])
    _photo.cache_clear()
    return Report(metrics={"objects": len(products), "tuples": len(jobs)})


def read_products(world: Path, first: int = 0) -> list[Product]:
    """All objects of a rendered split, numbered from `first`, near-duplicate photographs left out."""
    coco = rendered(world)
    images = {image["id"]: image for image in coco["images"]}
    return [
        _product(world, first + row, annotation, images[annotation["image_id"]])
        for row, annotation in enumerate(coco["annotations"])
    ]


def _product(world: Path, row: int, annotation: Mapping, image: Mapping) -> Product:
    box = Box(*annotation["bbox"])
    far = (image["width"] - PHOTO_MARGIN, image["height"] - PHOTO_MARGIN)
    whole = min(box.x, box.y) >= PHOTO_MARGIN and box.x + box.w <= far[0] and box.y + box.h <= far[1]
    return Product(
        world, row, image["file_name"], annotation["plate"], box, annotation["design"],
        annotation["attributes"]["group"], annotation["caption"], whole,
    )  # fmt: skip


@lru_cache(maxsize=16_384)
def _photo(path: Path) -> Image.Image:
    """A decoded photograph or plate, since each is cut many times."""
    with Image.open(path) as file:
        return file.convert("RGB")


Views = dict[tuple[Path, str], list[Product]]


def _views(products: list[Product]) -> Views:
    """The whole products of each split and design."""
    views: Views = {}
    for product in products:
        if product.whole:
            views.setdefault((product.world, product.design), []).append(product)
    return views


def _tuple(target: Product, views: Views, copy: int, params: Params) -> tuple[dict, dict[str, bytes]] | None:
    """A row and its blobs; None for a design without three other views."""
    others = [p for p in views.get((target.world, target.design), []) if p.image != target.image]
    if len(others) < REFERENCES:
        return None
    rng = numpy_rng(params.seed, "tuple", target.world.name, target.row, copy)
    refs = [others[k] for k in rng.choice(len(others), REFERENCES, replace=False)]
    mirror = bool(rng.integers(2))
    colours = Colours.draw(rng) if params.recolour and copy else Colours()  # the first copy keeps its colours

    def window(product: Product, scale: tuple[float, float]) -> Box:
        photo = _photo(product.world / product.image)
        return square_window(product.box, rng.uniform(*scale), photo.width, photo.height)

    def cell(path: str, place: Box) -> bytes:
        picture = crop(_photo(target.world / path), place, params.cell)
        return _png(colours.applied(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirror else picture))

    place = window(target, params.context)
    masked = expanded(target.box, rng.uniform(1.0, 1.15))
    blobs = {
        "target.png": cell(target.image, place),
        "background.png": cell(target.plate, place),
        "mask.png": _png(_mask(masked, place, params.cell, mirror)),
    } | {
        f"{name}.png": cell(ref.image, window(ref, params.reference))
        for name, ref in zip(REFERENCE_NAMES, refs, strict=True)
    }
    members = [target, *refs]
    parents = [content_key(product.world.name, product.row) for product in members]
    row = {
        "tuple_id": content_key("tuple", *parents, copy),
        "anchor": target.row,
        "refs": [ref.row for ref in refs],
        "caption": target.caption,
        "split": "validation" if unit_interval(params.seed, "split", target.group) < params.held_out else "train",
        "group": target.group,
        "parents": parents,
        "sources": sorted({content_key(product.world.name, product.image) for product in members}),
    }
    return row, blobs


@dataclass(frozen=True)
class Colours:
    """A change of colour that all pictures of a tuple share, so that it keeps identity but not the palette."""

    order: tuple[int, ...] = (0, 1, 2)
    gain: tuple[float, ...] = (1.0, 1.0, 1.0)
    inverted: bool = False

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Colours":
        gain = 1 + rng.uniform(-CHANNEL_GAIN, CHANNEL_GAIN, 3)
        return cls(tuple(rng.permutation(3).tolist()), tuple(gain.tolist()), bool(rng.random() < 0.15))

    def applied(self, picture: Image.Image) -> Image.Image:
        """The recoloured picture."""
        array = np.asarray(picture, np.float32)[..., list(self.order)] * self.gain
        array = np.clip(array, 0, 255)
        return Image.fromarray(np.round(255 - array if self.inverted else array).astype(np.uint8))


def _mask(box: Box, place: Box, cell: int, mirror: bool) -> Image.Image:
    """White where the box lies in the window."""
    scale = cell / place.w
    left, top = (box.x - place.x) * scale, (box.y - place.y) * scale
    mask = np.zeros((cell, cell), np.uint8)
    rows = slice(max(round(top), 0), min(round(top + box.h * scale), cell))
    mask[rows, max(round(left), 0) : min(round(left + box.w * scale), cell)] = 255
    return Image.fromarray(mask[:, ::-1].copy() if mirror else mask)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
