"""Named colours, and palettes whose first two colours differ clearly in lightness."""

import colorsys

import numpy as np

Rgb = tuple[float, float, float]

COLOURS: dict[str, tuple[int, int, int]] = {
    "white": (240, 238, 232), "cream": (238, 218, 170), "yellow": (242, 200, 48), "orange": (236, 124, 38),
    "pink": (242, 146, 176), "red": (204, 38, 44), "brown": (118, 70, 40), "lime": (152, 204, 60),
    "green": (40, 136, 70), "teal": (24, 144, 150), "sky": (120, 190, 232), "blue": (40, 92, 196),
    "navy": (28, 38, 92), "purple": (116, 58, 156), "grey": (140, 141, 146), "black": (34, 34, 38),
}  # fmt: skip

WALLS: dict[str, tuple[int, int, int]] = {
    "white": (226, 224, 218), "cream": (224, 210, 178), "grey": (168, 170, 174), "blue": (132, 158, 190),
    "green": (146, 176, 146), "pink": (214, 166, 170), "yellow": (222, 200, 132), "teal": (118, 166, 168),
    "purple": (164, 148, 188), "brown": (176, 146, 122),
}  # fmt: skip

LIGHTNESS_GAP = 30.0


def lightness(rgb: tuple[int, int, int]) -> float:
    """CIE L* of an 8-bit sRGB colour, 0 (black) to 100 (white)."""
    linear = (np.asarray(rgb) / 255.0) ** 2.2
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def lighter_first(*names: str) -> tuple[str, ...]:
    """Colours, lightest first."""
    return tuple(sorted(names, key=lambda name: -lightness(COLOURS[name])))


def draw_palette(rng: np.random.Generator, three: bool = False) -> tuple[str, str, str]:
    """Ground, figure and trim: three names; ground and figure differ by at least 30 in L*.

    three: the trim is a third colour that differs as much from the ground.
    """
    names = list(COLOURS)
    while True:
        ground, figure, trim = (names[k] for k in rng.permutation(len(names))[:3])
        steps = [abs(lightness(COLOURS[ground]) - lightness(COLOURS[other])) for other in (figure, trim)]
        if three and min(steps) >= LIGHTNESS_GAP:
            return ground, figure, trim
        if not three and steps[0] >= LIGHTNESS_GAP:
            # Half the designs have only two colours: the trim repeats one of them.
            return ground, figure, (trim, trim, ground, figure)[rng.integers(4)]


def jitter(rgb: tuple[int, int, int], rng: np.random.Generator, amount: float = 1.0) -> Rgb:
    """The colour, a little off in hue, saturation and value, as sRGB in 0..1: a name covers a range."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in rgb))
    hue = (hue + amount * rng.uniform(-0.018, 0.018)) % 1
    saturation = min(1.0, saturation * (1 + amount * rng.uniform(-0.12, 0.08)))
    value = min(0.95, value * (1 + amount * rng.uniform(-0.08, 0.06)))
    return colorsys.hsv_to_rgb(hue, saturation, value)
