"""From a shot to pixels: scenes are tried until the products are well framed and lit, near-duplicates are altered."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from components.sandbox.params import RenderParams, Split
from components.sandbox.rendering import render
from components.sandbox.rendering.scenes import Scene, draw_scene, nudge
from components.sandbox.rendering.shots import Shot, scene_seed

SMALLEST_AREA = 0.022
LEAST_VISIBLE = 0.85
CUT_SHARE = 0.1
MARGIN = 2
DARK_LEVEL, DARK_SHARE = 9, 0.06
BURST_DEGREES = 1.5
SHIFT_WINDOW = 0.93


@dataclass(frozen=True)
class Exposure:
    """A finished photograph: uint8 [H, W, 3]; masks: bool, one per product; plates: one per product, without it.

    covers: one per product, see `render.covers`, or None.
    """

    scene: Scene
    photo: np.ndarray
    plates: tuple[np.ndarray, ...]
    masks: np.ndarray
    covers: np.ndarray | None


def bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The tight box x, y, w, h of a mask, px."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y


def _inside(mask: np.ndarray) -> bool:
    side = len(mask)
    x, y, w, h = bounds(mask)
    return min(x, y) >= MARGIN and max(x + w, y + h) <= side - MARGIN


def _well_framed(scene: Scene, masks: np.ndarray, may_cut: bool) -> bool:
    side = masks.shape[1]
    if min(mask.sum() for mask in masks) < SMALLEST_AREA * side**2:
        return False
    if not may_cut and not all(_inside(mask) for mask in masks):
        return False
    if len(masks) == 1:
        return True
    alone = [render.masks(scene, (k,), side)[0] for k in range(len(masks))]
    return all(seen.sum() >= LEAST_VISIBLE * whole.sum() for seen, whole in zip(masks, alone, strict=True))


def _too_dark(photo: np.ndarray) -> bool:
    """Whether the photograph shows the back of the lamp, or a room that the light does not reach."""
    return float((photo.max(-1) < DARK_LEVEL).mean()) > DARK_SHARE


def _shoot(scene: Scene, masks: np.ndarray, split: Split, params: RenderParams) -> Exposure:
    everything = tuple(range(len(scene.placements)))
    spp = params.of(split).spp

    def take(keep: tuple[int, ...]) -> np.ndarray:
        return render.photograph(scene, keep, params.side, spp, params.max_depth)

    plates = tuple(take(tuple(j for j in everything if j != k)) for k in everything)
    covers = render.covers(scene, params.side) if params.of(split).skins else None
    return Exposure(scene, take(everything), plates, masks, covers)


def expose(shot: Shot, split: Split, params: RenderParams, seed: int) -> Exposure:
    """Take one photograph with its plates and masks; raises RuntimeError if none of the scenes it tries will do."""
    for attempt in range(params.attempts):
        key = scene_seed(seed, split, shot.source, attempt)
        scene = draw_scene(shot.designs, key)
        may_cut = not params.of(split).fixed_main and np.random.default_rng([*key, 1]).random() < CUT_SHARE
        everything = tuple(range(len(shot.designs)))
        masks = render.masks(scene, everything, params.side)
        if not _well_framed(scene, masks, may_cut):
            continue
        exposure = _shoot(scene, masks, split, params)
        if not _too_dark(exposure.photo):
            return _alter(exposure, shot, split, params)
    raise RuntimeError(f"{split} photograph {shot.index}: none of {params.attempts} scenes frames its products well")


def _alter(exposure: Exposure, shot: Shot, split: Split, params: RenderParams) -> Exposure:
    if shot.alteration == "burst":
        scene = nudge(exposure.scene, BURST_DEGREES)
        masks = render.masks(scene, tuple(range(len(shot.designs))), params.side)
        return _shoot(scene, masks, split, params)
    if shot.alteration == "mirrored":
        return _map(exposure, lambda pixels: pixels[:, ::-1])
    if shot.alteration == "shifted":
        return _map(exposure, _crop)
    # "recoded" differs only in how the file is written.
    return exposure


def _map(exposure: Exposure, change: Callable[[np.ndarray], np.ndarray]) -> Exposure:
    masks = [change(255 * mask.astype(np.uint8)) >= 128 for mask in exposure.masks]
    plates = tuple(map(change, exposure.plates))
    return replace(exposure, photo=change(exposure.photo), plates=plates, masks=np.stack(masks), covers=None)


def _crop(pixels: np.ndarray) -> np.ndarray:
    """An off-centre window, enlarged to the whole frame."""
    side = len(pixels)
    window = round(SHIFT_WINDOW * side)
    corner = (side - window) * 2 // 3
    image = Image.fromarray(np.ascontiguousarray(pixels[corner : corner + window, corner : corner + window]))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))
