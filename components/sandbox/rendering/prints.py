"""Prints: flat patterns in two or three colours that tile sideways, drawn at three times their size and reduced."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from components.sandbox.rendering.palette import Rgb

HEIGHT = 160
OVERSAMPLING = 3
WORDS = ("ZEST", "NOVA", "MOKA", "LUNA", "FIZZ", "OAK", "TIDE", "PALM", "ECHO", "BRIO", "SOL", "KIWI", "YUM", "RIO")


class Canvas:
    """A picture that wraps sideways. Lengths, such as its `width`, are fractions of its height."""

    def __init__(self, aspect: float, colours: tuple[Rgb, Rgb, Rgb]):
        self.unit = HEIGHT * OVERSAMPLING
        self.width = round(self.unit * aspect) / self.unit
        self.colours = [tuple(round(255 * c) for c in rgb) for rgb in colours]
        self.image = Image.new("RGB", (round(self.unit * self.width), self.unit), self.colours[0])
        self.pen = ImageDraw.Draw(self.image)

    def polygon(self, points: np.ndarray, ink: int = 1) -> None:
        """Fill a polygon of (x, y) points, and its copies one width to each side."""
        for shift in (-self.width, 0, self.width):
            scaled = (np.asarray(points, float) + np.array([shift, 0])) * self.unit
            self.pen.polygon([(float(x), float(y)) for x, y in scaled], fill=self.colours[ink])

    def rectangle(self, x: float, y: float, w: float, h: float, ink: int = 1) -> None:
        self.polygon(np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]), ink)

    def disc(self, x: float, y: float, rx: float, ry: float, ink: int = 1) -> None:
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        self.polygon(np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], 1), ink)

    def word(self, text: str, x: float, y: float, w: float, h: float, ink: int = 1) -> None:
        """Write a word, centred on (x, y), as large as fits into w by h."""
        font = ImageFont.load_default(200)
        box = font.getbbox(text, stroke_width=8)
        size = 200 * self.unit * min(w / (box[2] - box[0]), h / (box[3] - box[1]))
        font, stroke = ImageFont.load_default(size), round(size * 0.04)
        place = (x * self.unit, y * self.unit)
        fill = self.colours[ink]
        self.pen.text(place, text, fill=fill, font=font, anchor="mm", stroke_width=stroke, stroke_fill=fill)


def _even(canvas: Canvas, step: float) -> int:
    """An even number of columns about `step` wide, so that alternating columns meet around the body."""
    return 2 * max(1, round(canvas.width / step / 2))


def _striped(canvas: Canvas, rng: np.random.Generator) -> None:
    n = int(rng.integers(3, 6))
    for k in range(n):
        canvas.rectangle(-1, (k + 0.25) / n, canvas.width + 2, 0.5 / n)


def _barred(canvas: Canvas, rng: np.random.Generator) -> None:
    n = max(2, round(canvas.width / rng.uniform(0.24, 0.42)))
    for k in range(n):
        canvas.rectangle(k * canvas.width / n, -0.1, 0.5 * canvas.width / n, 1.2)


def _slanted(canvas: Canvas, rng: np.random.Generator) -> None:
    n = max(2, round(canvas.width / rng.uniform(0.32, 0.5)))
    step, lean = canvas.width / n, canvas.width * rng.choice([-1, 1])
    for k in range(-2 * n, 3 * n):
        x = k * step
        canvas.polygon(np.array([(x, 0), (x + step / 2, 0), (x + step / 2 + lean, 1), (x + lean, 1)]))


def _checked(canvas: Canvas, rng: np.random.Generator) -> None:
    rows = int(rng.integers(4, 7))
    n = _even(canvas, 1 / rows)
    step = canvas.width / n
    for row in range(rows):
        for k in range(row % 2, n, 2):
            canvas.rectangle(k * step, row / rows, step, 1 / rows)


def _dotted(canvas: Canvas, rng: np.random.Generator) -> None:
    rows = int(rng.integers(3, 5))
    n = max(2, round(canvas.width * rows))
    for row in range(rows):
        for k in range(n):
            x = (k + 0.5 * (row % 2) + 0.25) * canvas.width / n
            canvas.disc(x, (row + 0.5) / rows, 0.32 / rows, 0.32 / rows, 1 + (row % 2 and rows == 4))


def _labelled(canvas: Canvas, rng: np.random.Generator) -> None:
    w, h = 0.78 * canvas.width, rng.uniform(0.4, 0.55)
    x, y = 0.11 * canvas.width, 0.5 - h / 2
    canvas.rectangle(x, y, w, h, 1)
    canvas.rectangle(x + 0.03, y + 0.03, w - 0.06, 0.03, 2)
    canvas.word(str(rng.choice(WORDS)), x + w / 2, 0.52, 0.8 * w, 0.55 * h, 0)


def _lettered(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.word(str(rng.choice(WORDS)), canvas.width / 2, 0.5, 0.86 * canvas.width, 0.5, 1)
    canvas.rectangle(-1, 0.1, canvas.width + 2, 0.07, 1)
    canvas.rectangle(-1, 0.83, canvas.width + 2, 0.07, 1)


def _shaded(canvas: Canvas, rng: np.random.Generator) -> None:
    low, high = (np.array(canvas.colours[k], float) for k in (rng.permutation(2)))
    rows = np.linspace(0, 1, canvas.unit)[:, None, None] ** rng.uniform(0.8, 1.3)
    picture = np.broadcast_to(low + rows * (high - low), (canvas.unit, canvas.image.width, 3))
    canvas.image.paste(Image.fromarray(picture.astype(np.uint8)))


def _spotted(canvas: Canvas, rng: np.random.Generator) -> None:
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    for k in range(7):
        x, y = rng.uniform(0, canvas.width), (k + rng.uniform(0.2, 0.8)) / 7
        radius = rng.uniform(0.08, 0.15) * (1 + 0.35 * np.sin(rng.integers(2, 4) * turn + rng.uniform(0, 6)))
        canvas.polygon(np.stack([x + 1.3 * radius * np.cos(turn), y + radius * np.sin(turn)], 1), 1 + (k % 3 == 0))


def _zigzag(canvas: Canvas, rng: np.random.Generator) -> None:
    n, rows = max(2, round(canvas.width / 0.34)), int(rng.integers(2, 4))
    x = np.arange(-2, 2 * n + 3) * canvas.width / n / 2
    y = 0.16 * (np.arange(len(x)) % 2)
    for row in range(-1, rows + 1):
        top = np.stack([x, y + row / rows], 1)
        canvas.polygon(np.concatenate([top, top[::-1] + np.array([0, 0.5 / rows])]))


def _wavy(canvas: Canvas, rng: np.random.Generator) -> None:
    n, rows = max(1, round(canvas.width / 0.6)), int(rng.integers(3, 5))
    x = np.linspace(-0.2, canvas.width + 0.2, 160)
    y = 0.07 * np.sin(2 * np.pi * n * x / canvas.width)
    for row in range(-1, rows + 1):
        top = np.stack([x, y + (row + 0.3) / rows], 1)
        canvas.polygon(np.concatenate([top, top[::-1] + np.array([0, 0.42 / rows])]), 1 + (row % 2 and rows == 4))


def _banded(canvas: Canvas, rng: np.random.Generator) -> None:
    y, h = rng.uniform(0.25, 0.42), rng.uniform(0.26, 0.36)
    canvas.rectangle(-1, y, canvas.width + 2, h, 1)
    canvas.rectangle(-1, y + h + 0.05, canvas.width + 2, 0.05, 2)
    canvas.rectangle(-1, y - 0.1, canvas.width + 2, 0.05, 2)


def _star(x: float, y: float, size: float) -> np.ndarray:
    turn = np.pi * (np.arange(10) / 5 - 0.5)
    radius = size * np.where(np.arange(10) % 2, 0.42, 1)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], 1)


def _starred(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.polygon(_star(canvas.width / 2, 0.5, min(0.36, 0.4 * canvas.width)))
    for y in (0.14, 0.86):
        canvas.polygon(_star(0, y, 0.11), 1 + int(rng.integers(2)))


def _plaid(canvas: Canvas, rng: np.random.Generator) -> None:
    n, rows = max(1, round(canvas.width / 0.5)), 2
    wide = rng.uniform(0.16, 0.22)
    for row in range(rows):
        canvas.rectangle(-1, (row + 0.2) / rows, canvas.width + 2, wide)
    for k in range(n):
        canvas.rectangle((k + 0.3) * canvas.width / n, -0.1, wide, 1.2)
    for row in range(rows):
        canvas.rectangle(-1, (row + 0.2) / rows + wide / 2 - 0.02, canvas.width + 2, 0.04, 2)
    for k in range(n):
        canvas.rectangle((k + 0.3) * canvas.width / n + wide / 2 - 0.02, -0.1, 0.04, 1.2, 2)


def _flowered(canvas: Canvas, rng: np.random.Generator) -> None:
    petals, size = int(rng.integers(5, 8)), min(0.2, 0.24 * canvas.width)
    for x, y in ((0.25 * canvas.width, 0.27), (0.75 * canvas.width, 0.73)):
        for turn in 2 * np.pi * np.arange(petals) / petals:
            canvas.disc(x + 0.62 * size * np.cos(turn), y + 0.62 * size * np.sin(turn), 0.42 * size, 0.42 * size)
        canvas.disc(x, y, 0.36 * size, 0.36 * size, 2)


def _hearted(canvas: Canvas, rng: np.random.Generator) -> None:
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x = np.sin(turn) ** 3
    y = -(13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)) / 16
    heart, size = np.stack([x, y], 1), min(0.3, 0.36 * canvas.width) * rng.uniform(0.8, 1)
    canvas.polygon(heart * size + np.array([canvas.width / 2, 0.5]))
    for row in (0.13, 0.87):
        canvas.polygon(heart * 0.09 + np.array([0, row]))


PRINTS: dict[str, Callable[[Canvas, np.random.Generator], None]] = {
    "striped": _striped, "barred": _barred, "slanted": _slanted, "checked": _checked, "dotted": _dotted,
    "labelled": _labelled, "lettered": _lettered, "shaded": _shaded, "spotted": _spotted, "zigzag": _zigzag,
    "wavy": _wavy, "banded": _banded, "starred": _starred, "plaid": _plaid, "flowered": _flowered,
    "hearted": _hearted,
}  # fmt: skip


# Prints whose first two colours cover equal areas, so that the print does not show which is the ground.
EVEN = ("striped", "barred", "slanted", "checked", "shaded", "zigzag")


def draw_print(name: str, aspect: float, colours: tuple[Rgb, Rgb, Rgb], seed: list[int]) -> np.ndarray:
    """One tile of a print, uint8 sRGB, 160 px high and `aspect` times as wide; it tiles sideways."""
    canvas = Canvas(aspect, colours)
    PRINTS[name](canvas, np.random.default_rng(seed))
    return np.asarray(canvas.image.resize((round(HEIGHT * canvas.width), HEIGHT), Image.Resampling.LANCZOS))
