"""Floors and walls: textures that tile in both directions, muted so that the products stand out."""

from collections.abc import Callable

import numpy as np

SIZE = 384


def _noise(rng: np.random.Generator, falloff: float, stretch: tuple[float, float] = (1, 1)) -> np.ndarray:
    """Periodic noise with spectrum 1/f^falloff, zero mean, unit deviation; `stretch` lengthens it along y and x."""
    fy = np.fft.fftfreq(SIZE)[:, None] * SIZE * stretch[0]
    fx = np.fft.rfftfreq(SIZE)[None] * SIZE * stretch[1]
    weight = 1 / np.maximum(np.hypot(fy, fx), 1) ** falloff
    weight[0, 0] = 0
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((SIZE, SIZE))) * weight, (SIZE, SIZE))
    return field / field.std()


def _cells(rows: int, columns: int, shift: float = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row and column number of each pixel in a running bond, and its position (0..1) inside its cell."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    row = np.floor(y * rows).astype(int)
    along = (x * columns + shift * row) % columns
    column = np.floor(along).astype(int) % columns
    return row, column, y * rows % 1, along % 1


def _joint(fy: np.ndarray, fx: np.ndarray, wy: float, wx: float) -> np.ndarray:
    """1 on the joints between cells, 0 inside."""
    return 1.0 * ((fy < wy) | (fx < wx))


def _wooden(rng: np.random.Generator) -> np.ndarray:
    rows = int(rng.integers(6, 9))
    row, column, fy, fx = _cells(rows, 2, 0.37)
    plank = rng.normal(0, 0.12, (rows, 2))[row, column]
    grain = np.roll(_noise(rng, 1.2, (0.6, 10)), 40, 1)
    return plank + 0.07 * grain - 0.55 * _joint(fy, fx, 0.045, 0.006)


def _tiled(rng: np.random.Generator) -> np.ndarray:
    n = int(rng.integers(3, 6))
    row, column, fy, fx = _cells(n, n)
    tone = rng.normal(0, 0.05, (n, n))[row, column]
    return tone + 0.03 * _noise(rng, 1.4) + rng.choice([-0.4, 0.35]) * _joint(fy, fx, 0.045, 0.045)


def _checkered(rng: np.random.Generator) -> np.ndarray:
    n = 2 * int(rng.integers(2, 4))
    row, column, _, _ = _cells(n, n)
    return rng.uniform(0.2, 0.3) * (2 * ((row + column) % 2) - 1) + 0.04 * _noise(rng, 1.3)


def _marble(rng: np.random.Generator) -> np.ndarray:
    vein = np.exp(-((_noise(rng, 1.7) / 0.09) ** 2)) + 0.6 * np.exp(-((_noise(rng, 1.6) / 0.06) ** 2))
    return 0.06 * _noise(rng, 1.5) - 0.32 * vein


def _speckled(rng: np.random.Generator) -> np.ndarray:
    grain = _noise(rng, 0.6, (0.5, 0.5))
    return 0.04 * _noise(rng, 1.2) + 0.38 * (grain > 1.5) - 0.38 * (grain < -1.5)


def _woven(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[0:SIZE, 0:SIZE] * 2 * np.pi / SIZE
    threads = int(rng.integers(22, 34))
    return 0.11 * np.sin(threads * x) * np.sin(threads * y) + 0.06 * _noise(rng, 0.7) + 0.04 * _noise(rng, 1.5)


def _plain(rng: np.random.Generator) -> np.ndarray:
    return 0.045 * _noise(rng, 1.1) + 0.03 * _noise(rng, 0.3)


def _striped(rng: np.random.Generator) -> np.ndarray:
    x = np.arange(SIZE) * int(rng.integers(6, 12)) / SIZE % 1
    return np.broadcast_to(np.where(x < 0.5, -0.09, 0.07), (SIZE, SIZE)) + 0.02 * _noise(rng, 1.0)


def _brick(rng: np.random.Generator) -> np.ndarray:
    rows = 2 * int(rng.integers(5, 8))
    row, column, fy, fx = _cells(rows, 5, 0.5)
    tone = rng.normal(0, 0.07, (rows, 5))[row, column]
    return tone + 0.05 * _noise(rng, 0.9) + rng.choice([-0.3, 0.28]) * _joint(fy, fx, 0.12, 0.05)


def _panelled(rng: np.random.Generator) -> np.ndarray:
    _, _, _, fx = _cells(1, int(rng.integers(5, 10)))
    return 0.03 * _noise(rng, 1.3, (10, 1)) - 0.3 * (fx < 0.05) + 0.1 * ((fx > 0.05) & (fx < 0.08))


FLOORS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "wooden": _wooden, "tiled": _tiled, "checkered": _checkered, "marble": _marble, "speckled": _speckled,
    "woven": _woven, "plain": _plain,
}  # fmt: skip

WALL_KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "painted": _plain, "brick": _brick, "papered": _striped, "panelled": _panelled, "tiled": _tiled,
}  # fmt: skip


def draw_surface(relief: Callable[[np.random.Generator], np.ndarray], rgb: tuple, seed: list[int]) -> np.ndarray:
    """A 384 px square uint8 sRGB texture that tiles: lightness relief over one colour (sRGB, 0..1)."""
    rng = np.random.default_rng(seed)
    tone = np.exp(relief(rng))[..., None]
    # A slow drift of warmth keeps large areas from looking synthetic.
    drift = 1 + 0.015 * _noise(rng, 1.8)[..., None] * np.array([1.0, 0.0, -1.0])
    return np.round(255 * np.clip(np.asarray(rgb) * tone * drift, 0.02, 0.97)).astype(np.uint8)
