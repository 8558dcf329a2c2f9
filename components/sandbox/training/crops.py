"""Photographs and products of a rendered split, and batches of augmented windows around the products.

Windows are cut once, a little larger than needed; each step then samples its crops out of them with one affine grid,
so that augmentation costs less than the step it feeds. All draws come from a generator that the caller derives from
(seed, step), so a step sees the same crops whatever ran before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from components.common.data.sandbox import WORLD
from components.common.errors import UserError
from components.common.vision.benchmark import ANNOTATIONS, read_annotations
from components.common.vision.geometry import Box, crop, expanded, square_window

HELD_OUT = (WORLD / "corpus", WORLD / "benchmark")
"""Splits whose designs are never trained on: the models are measured on them."""
CROP_SCALE = 1.15


@dataclass(frozen=True)
class Product:
    """One product in one photograph: `photo` is the photograph's position, `box` is in its px.

    mask: its visible pixels. plate: the photograph without it. skin: its "cover", and how it looks in "grey" and in
    "black", if the split has them (see `skins`).
    """

    photo: int
    box: Box
    design: str
    group: int
    caption: str
    attributes: dict[str, Any]
    mask: Path
    plate: Path
    skin: dict[str, Path]


@dataclass(frozen=True)
class SplitData:
    """A split in memory: photographs uint8 [N, side, side, 3] and the products in them."""

    photos: np.ndarray
    products: tuple[Product, ...]

    @property
    def side(self) -> int:
        return self.photos.shape[1]


def rendered(folder: Path) -> dict[str, Any]:
    """The annotations of a rendered split, in COCO format, without its injected near-duplicates.

    Raises `UserError` if they are missing, because rendering has not finished.
    """
    if not (folder / ANNOTATIONS).is_file():
        raise UserError(f"{folder} holds no finished split: run `objectmate sandbox render` first")
    coco = read_annotations(folder)
    images = [image for image in coco["images"] if not image["duplicate_of"]]
    kept = {image["id"] for image in images}
    return coco | {"images": images, "annotations": [a for a in coco["annotations"] if a["image_id"] in kept]}


def read_split(folder: Path) -> SplitData:
    """A rendered split without its injected near-duplicates, which would inflate every retrieval figure.

    Raises `UserError` if rendering has not finished.
    """
    coco = rendered(folder)
    images = coco["images"]
    position = {image["id"]: k for k, image in enumerate(images)}
    photos = np.stack([read_rgb(folder / image["file_name"]) for image in images])
    products = tuple(
        Product(position[a["image_id"]], Box(*a["bbox"]), a["design"], a["attributes"]["group"], a["caption"],
                a["attributes"], folder / a["mask"], folder / a["plate"],
                {name: folder / a[name] for name in ("cover", "grey", "black") if name in a})
        for a in coco["annotations"]
    )  # fmt: skip
    return SplitData(photos, products)


def read_rgb(path: Path) -> np.ndarray:
    """A stored picture, uint8 [H, W, 3]."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def joined(folders: Sequence[Path]) -> SplitData:
    """Several splits as one."""
    splits = [read_split(folder) for folder in folders]
    firsts = np.cumsum([0, *(len(data.photos) for data in splits)]).tolist()
    products = [replace(p, photo=p.photo + first) for data, first in zip(splits, firsts, strict=False)
                for p in data.products]  # fmt: skip
    return SplitData(np.concatenate([data.photos for data in splits]), tuple(products))


def held_out(folders: Sequence[Path] = HELD_OUT) -> list[SplitData]:
    """The splits that models are measured on: by default corpus and benchmark."""
    return [read_split(folder) for folder in folders]


def box_crops(data: SplitData, scale: float = CROP_SCALE) -> list[Image.Image]:
    """Each product's box with both sides x scale, as the detection stage cuts it."""
    return [crop(Image.fromarray(data.photos[p.photo]), expanded(p.box, scale)) for p in data.products]


def square_crops(data: SplitData, scale: float) -> list[Image.Image]:
    """Each product's square window, its side scale x the box's longer one."""
    return [crop(Image.fromarray(data.photos[p.photo]), square_window(p.box, scale, data.side, data.side))
            for p in data.products]  # fmt: skip


@dataclass(frozen=True)
class Windows:
    """Square windows of `reach` x the longer side of each box, the box in the middle, photographs extended at edges.

    pixels: uint8, or float from 0 to 255, [N, 3, size, size]. limits: [N, 2, 2], where the photograph begins and ends
    along x and y as seen from the box's centre, in longer sides of the box. shape: [N, 2], width and height of the box
    in its longer side.
    """

    pixels: Tensor
    limits: Tensor
    shape: Tensor
    reach: float

    def __getitem__(self, picks: Tensor) -> "Windows":
        return Windows(self.pixels[picks], self.limits[picks], self.shape[picks], self.reach)


def windows(
    data: SplitData, reach: float, size: int, picture: Callable[[Product], np.ndarray] | None = None
) -> Windows:
    """The windows of all products, size x size px, of their photographs or of another picture of each product."""
    pixels, limits, shape = [], [], []
    for product in data.products:
        box, longer = product.box, max(product.box.w, product.box.h)
        x, y = box.x + box.w / 2, box.y + box.h / 2
        pixels.append(cut_window(picture(product) if picture else data.photos[product.photo], box, reach, size))
        limits.append([[-x / longer, (data.side - x) / longer], [-y / longer, (data.side - y) / longer]])
        shape.append([box.w / longer, box.h / longer])
    return Windows(torch.as_tensor(np.stack(pixels)), torch.tensor(limits), torch.tensor(shape), reach)


def cut_window(photo: np.ndarray, box: Box, reach: float, size: int) -> np.ndarray:
    """One window, uint8 [3, size, size]."""
    margin, half = len(photo), max(box.w, box.h) * reach / 2
    x, y = box.x + box.w / 2 + margin, box.y + box.h / 2 + margin
    photo = np.pad(photo, ((margin, margin), (margin, margin), (0, 0)), "edge")
    corners = (x - half, y - half, x + half, y + half)
    window = Image.fromarray(photo).resize((size, size), Image.Resampling.BICUBIC, box=corners)
    return np.asarray(window).transpose(2, 0, 1)


@dataclass(frozen=True)
class Augmentation:
    """How far a crop may differ from the plain one. Shares are probabilities, ranges are uniform."""

    scale: tuple[float, float] = (1.0, 1.35)  # side of the crop in longer sides of the box
    padded: float = 0.0  # share of crops with the box's proportions, padded in the mean colour
    shift: float = 0.06  # of the box's longer side
    turn: float = 6.0  # degrees
    squeeze: float = 0.08  # change of the aspect ratio
    brightness: tuple[float, float] = (0.65, 1.4)
    gain: float = 0.1  # of each channel: the colour of the light
    gamma: float = 0.2
    saturation: float = 0.0
    blur: float = 0.35  # share of blurred crops
    coarse: float = 0.0  # share of crops first reduced to a third of their size or more
    cutout: float = 0.3  # share of crops with a blanked square
    noise: float = 0.02


def sample(
    source: Windows, size: int, how: Augmentation, generator: torch.Generator, dye_B33: Tensor | None = None
) -> Tensor:
    """One augmented crop per window, float32 [B, 3, size, size] in -1..1; `dye_B33` (see `dyes`) recolours crops."""
    grid = F.affine_grid(_placement(source, how, generator), [len(source.pixels), 3, size, size], align_corners=False)
    pixels = F.grid_sample(source.pixels.float() / 255, grid, padding_mode="border", align_corners=False)
    if dye_B33 is not None:
        pixels = dyed(pixels, dye_B33).clamp(0, 1)
    pixels = _padded(pixels, source.shape, how.padded, generator)
    pixels = _coarsened(_blurred(relit(pixels, how, generator), how.blur, generator), how.coarse, generator)
    pixels = _cut_out(pixels, how.cutout, generator)
    pixels = pixels + how.noise * torch.randn(pixels.shape, generator=generator)
    return pixels.clamp(0, 1) * 2 - 1


def dyes(count: int, share: float, generator: torch.Generator) -> Tensor:
    """Matrices on RGB, [count, 3, 3], that turn the hue by any angle, half of them with red and green swapped.

    With probability 1 - `share` a matrix changes nothing. Crops of one design under one dye show a design that was
    never rendered, so colours are no longer scarce in training.
    """
    angle = torch.rand(count, 1, 1, generator=generator) * 2 * torch.pi
    across = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    turned = torch.eye(3) * angle.cos() + (1 - angle.cos()) / 3 + across * angle.sin()
    swapped = torch.where(torch.rand(count, 1, 1, generator=generator) < 0.5, turned[:, [1, 0, 2]], turned)
    return torch.where(torch.rand(count, 1, 1, generator=generator) < share, swapped, torch.eye(3))


def dyed(pixels_B3HW: Tensor, dye_B33: Tensor) -> Tensor:
    """Pictures, each under its dye; colours may leave the pictures' range."""
    return torch.einsum("bij,bjhw->bihw", dye_B33, pixels_B3HW.float())


def _uniform(generator: torch.Generator, shape: Sequence[int], low: float, high: float) -> Tensor:
    return torch.rand(*shape, generator=generator) * (high - low) + low


def _placement(source: Windows, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Affine matrices [B, 2, 3] from the crop to its window; crops are moved to lie inside the photograph."""
    count = len(source.pixels)
    half = _uniform(generator, (count, 1), *how.scale) / 2
    centre = _uniform(generator, (count, 2), -how.shift, how.shift)
    low, high = source.limits[..., 0] + half, source.limits[..., 1] - half
    centre = torch.where(low > high, (low + high) / 2, centre.clamp(low, torch.maximum(low, high)))
    turn = torch.deg2rad(_uniform(generator, (count,), -how.turn, how.turn))
    squeeze = torch.exp(_uniform(generator, (count,), -how.squeeze, how.squeeze))
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    cosine, sine = turn.cos(), turn.sin()
    rows = [torch.stack([mirror * cosine * squeeze, -sine], 1), torch.stack([mirror * sine, cosine / squeeze], 1)]
    linear = torch.stack(rows, 1) * half[..., None]
    return torch.cat([linear, centre[..., None]], 2) / (source.reach / 2)


def _padded(pixels: Tensor, shape: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Some crops as `geometry.padded_square` makes them from a crop with the box's proportions."""
    side = pixels.shape[-1]
    place = ((torch.arange(side) + 0.5) / side * 2 - 1).abs()
    chosen = torch.rand(len(pixels), 1, generator=generator) < share
    inside = (place < shape[:, :, None]) | ~chosen[..., None]
    inside = (inside[:, 1, :, None] & inside[:, 0, None, :])[:, None]
    mean = (pixels * inside).sum((2, 3), keepdim=True) / inside.sum((2, 3), keepdim=True)
    return torch.where(inside, pixels, mean)


def relit(pixels: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """The pictures with another exposure, light colour, gamma and saturation."""
    count = len(pixels)
    gains = _uniform(generator, (count, 3, 1, 1), 1 - how.gain, 1 + how.gain)
    gains = gains * _uniform(generator, (count, 1, 1, 1), *how.brightness)
    power = torch.exp(_uniform(generator, (count, 1, 1, 1), -how.gamma, how.gamma))
    grey = pixels.mean(1, keepdim=True)
    pixels = grey + (pixels - grey) * _uniform(generator, (count, 1, 1, 1), 1 - how.saturation, 1 + how.saturation)
    return (pixels * gains).clamp(1e-4, 1) ** power


def _blurred(pixels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    strength = _uniform(generator, (len(pixels), 1, 1, 1), 0, 1)
    chosen = torch.rand(len(pixels), 1, 1, 1, generator=generator) < share
    soft = F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), "replicate"), 3, 1)
    return pixels + (soft - pixels) * strength * chosen


def _coarsened(pixels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Some crops as enlarged small pictures: reduced to a third of the side or more."""
    side = pixels.shape[-1]
    chosen = torch.rand(len(pixels), 1, 1, 1, generator=generator) < share
    small = int(torch.randint(side // 3, side, (1,), generator=generator))
    reduced = F.interpolate(pixels, size=small, mode="bilinear", antialias=True, align_corners=False)
    enlarged = F.interpolate(reduced, size=side, mode="bicubic", align_corners=False)
    return torch.where(chosen, enlarged, pixels)


def _cut_out(pixels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A square of an eighth to a third of the side, in the crop's mean colour."""
    count, side = len(pixels), pixels.shape[-1]
    centre = _uniform(generator, (count, 2, 1), 0, side)
    half = _uniform(generator, (count, 1, 1), side / 16, side / 6)
    chosen = (torch.rand(count, 1, 1, generator=generator) < share)[..., None]
    near = (torch.arange(side) + 0.5 - centre).abs() < half
    hole = (near[:, 0, :, None] & near[:, 1, None, :])[:, None] & chosen
    return torch.where(hole, pixels.mean((2, 3), keepdim=True), pixels)
