"""Skins: products in other prints and colours than they were photographed in.

A product is printed in three inks. The renderer tells which part of it a pixel shows and where on the print that is
(`render.covers`, a G-buffer); shading and specular light follow from the photograph, whose albedo is known (intrinsic
decomposition). So a product that was rendered once can be shown as any number of designs that were not.
"""

from dataclasses import replace

import cv2
import numpy as np

from components.sandbox.rendering.designs import Design
from components.sandbox.rendering.palette import Rgb
from components.sandbox.rendering.prints import draw_print
from components.sandbox.rendering.shapes import build, tile_aspect, tiles_round

FINE = 3  # samples of a cover along the side of a pixel
ROLES = ("print", "ground", "trim", "metal")  # of a cover's last channel, counted from 1
INKS: tuple[Rgb, Rgb, Rgb] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
SIDED_TILES = 4  # around a product with another print behind: two of the front, two of the back
PHOTO_BLUR = 0.5  # px: standard deviation of the renderer's filter
NEAR, WHOLE = 1.2, 0.95  # px over which light is even; share of inks in a pixel from which its light is known
GLOSS, SURE = 0.02, 0.1  # share of light that any paint but matt is expected to mirror; weight of that expectation
GREY = 0.5  # reflectance of the paint of grey products


def new_wrap(shape: str, print_: str, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """A new drawing of a print in INKS, as it goes around a body of that shape and of middle height; see `wrap`."""
    tiles = tiles_round(shape)
    return draw_print(print_, tile_aspect(build(shape, 1, 1), tiles), INKS, [int(rng.integers(1 << 31))]), tiles


def wrap(design: Design, colours: tuple[Rgb, Rgb, Rgb]) -> tuple[np.ndarray, int]:
    """The texture around a design's body in three colours, uint8 [h, w, 3], and how often it repeats.

    Two tiles of the front and two of the back, or one tile that repeats.
    """
    tiles = SIDED_TILES if design.back else tiles_round(design.shape)
    aspect = tile_aspect(build(design.shape, design.size, design.stretch), tiles)
    faces = [replace(design, rgb=colours).face(front) for front in ((True, False) if design.back else (True,))]
    drawn = [draw_print(face.print, aspect, face.rgb, list(design.print_seed)) for face in faces]
    return (np.concatenate([drawn[0], drawn[0], drawn[1], drawn[1]], 1), 1) if design.back else (drawn[0], tiles)


def inks(cover: np.ndarray, around: np.ndarray, repeats: int) -> np.ndarray:
    """Shares of the three inks in each pixel of a photograph, float32 [H, W, 3]; none on metal or outside.

    cover: uint8 [FINE * H, FINE * W, 3], see `render.covers`. around, repeats: see `wrap`, in INKS.
    """
    seen = cover[..., 2] > 0
    columns, rows = (np.flatnonzero(seen.any(axis)) for axis in (0, 1))
    top, left = max(0, rows[0] // FINE - 2) * FINE, max(0, columns[0] // FINE - 2) * FINE
    bottom, right = (rows[-1] // FINE + 3) * FINE, (columns[-1] // FINE + 3) * FINE
    u, v, role = cover[top:bottom, left:right].transpose(2, 0, 1).astype(np.float32)
    h, w = around.shape[:2]
    x, y = (u / 255 * repeats % 1) * w - 0.5, np.clip(v / 255 * h - 0.5, 0, h - 1)
    around = around.astype(np.float32) / 255
    fine = cv2.remap(around, x % w, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP) * (role == 1)[..., None]
    fine[role == 2], fine[role == 3] = INKS[0], INKS[2]
    soft = cv2.GaussianBlur(fine, (0, 0), PHOTO_BLUR * FINE)
    shares = np.zeros((len(cover) // FINE, cover.shape[1] // FINE, 3), np.float32)
    coarse = soft.reshape(len(soft) // FINE, FINE, -1, FINE, 3).mean((1, 3))
    shares[top // FINE : top // FINE + len(coarse), left // FINE : left // FINE + coarse.shape[1]] = coarse
    return shares


def bare(photo: np.ndarray, inks_HW3: np.ndarray, design: Design) -> tuple[np.ndarray, np.ndarray]:
    """The product painted grey and painted black, uint8 [H, W, 3] each; light is computed in squares of grey levels.

    Light = light on the paint x its reflectance + mirrored light, both even over a few pixels and of one colour over
    the product: a least-squares fit around each pixel, as in a guided filter (He et al., 2013).
    """
    light = (photo.astype(np.float32) / 255) ** 2
    share = inks_HW3.sum(2, keepdims=True)
    paint = (inks_HW3 @ np.array(design.rgb, np.float32) / np.maximum(share, 1e-3)) ** 2
    known = (share > WHOLE).astype(np.float32)
    gain, gloss = np.ones(3, np.float32), 0 if design.finish == "matt" else GLOSS
    for _ in range(3):
        lit, mirrored = _fitted(light / gain, paint, known, gloss)
        model = (lit * paint + mirrored) * known
        # A channel that the paint hardly reflects says little about the light's colour, which is then assumed white.
        doubt = 0.1 * ((lit * known) ** 2).sum() + 1e-6
        gain = ((light * model).sum((0, 1)) + doubt) / ((model**2).sum((0, 1)) + doubt)
    black = mirrored * gain
    return _levels(black + GREY * lit * gain), _levels(black)


def _fitted(light: np.ndarray, paint: np.ndarray, known: np.ndarray, gloss: float) -> tuple[np.ndarray, np.ndarray]:
    """Light on the paint and mirrored light, float32 [H, W, 1]: what best explains the pixels around each one."""

    def near(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur((known * values).sum(2), (0, 0), NEAR)

    count, paint_1, paint_2 = near(np.ones_like(paint)), near(paint), near(paint**2)
    light_1, product = near(light), near(light * paint)
    # Where the paint is uniform, the two cannot be told apart: mirrored light is then `gloss` of the other.
    prior = SURE * count
    cross, ones = paint_1 - gloss * prior, count + prior
    squares = paint_2 + gloss**2 * prior + 1e-6
    determinant = squares * ones - cross**2 + 1e-6
    lit = (product * ones - light_1 * cross) / determinant
    mirrored = (light_1 * squares - product * cross) / determinant
    return np.maximum(lit, 0)[..., None], np.maximum(mirrored, 0)[..., None]


def _levels(light: np.ndarray) -> np.ndarray:
    return np.round(255 * np.sqrt(np.clip(light, 0, 1))).astype(np.uint8)
