"""Charts as inline SVG: columns, bars, lines, and dots with intervals on one axis.

Why our own: a page needs only these four kinds. Each takes 2 to 5 KB, uses the colours of the page's style sheet (light
and dark), scales to a phone, and has text that can be read, searched and copied. Matplotlib's SVG is ten times as
large, with letters as outlines and fixed colours; vega-lite adds 800 KB of code to every page.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT = 360, 200  # SVG units, which the page scales: about a px on a phone
LEFT, RIGHT, TOP, FOOT = 44, 16, 10, 36
LABELS, VALUES, LINE = 132, 52, 15  # of charts with one row per label
LETTERS = 21
"""Letters of a label that fit next to a chart; the tooltip has the whole label."""
Rows = Sequence[Mapping[str, Any]]


class Scale:
    """A linear axis from `low` to `high`, widened to round ticks, drawn from `start` to `end`."""

    def __init__(self, values: Sequence[float], start: float, end: float, zero: bool = False):
        finite = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(finite), max(finite)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-12):  # ticks this close would look the same
            low, high = low - abs(low) / 2 - (not low), high + abs(high) / 2 + (not high)
        step = _step((high - low) / 4)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        self.ticks = [tick * step for tick in range(first, last + 1)]
        self.low, self.high, self.start, self.end = first * step, last * step, start, end

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)


def columns(rows: Rows, x: str, y: str, x_title: str, y_title: str, says: str) -> Markup:
    """Counts of bins or numbers: one column per row, as wide as the smallest step between two."""
    places = [float(row[x]) for row in rows]
    step = min((after - before for before, after in pairwise(places)), default=1.0) or 1.0
    across = Scale([places[0], places[-1] + step], LEFT, WIDTH - RIGHT)
    up = Scale([float(row[y] or 0) for row in rows], HEIGHT - FOOT, TOP + 12, zero=True)
    wide = max(across(places[0] + step) - across(places[0]) - 1, 1)
    drawn = [_column(across(place), wide, up, row[y] or 0, place) for place, row in zip(places, rows, strict=True)]
    return _svg(HEIGHT, [*_frame(across, up, x_title, y_title), *drawn], says)


def lines(rows: Rows, x: str, series: Mapping[str, str], x_title: str, y_title: str, says: str) -> Markup:
    """A line per series. series: key -> its text in the legend above the chart."""
    known = {key: [(float(r[x]), float(r[key])) for r in rows if r.get(key) is not None] for key in series}
    points = [point for own in known.values() for point in own]
    across = Scale([place for place, _ in points], LEFT, WIDTH - RIGHT)
    up = Scale([value for _, value in points], HEIGHT - FOOT, TOP + 12, zero=True)
    drawn = []
    for number, own in enumerate(known.values()):
        path = " ".join(f"{across(place)},{up(value)}" for place, value in sorted(own))
        drawn.append(f'<polyline class="line s{number}" points="{path}"/>')
        if len(own) < 25:
            drawn += [
                f'<circle class="dot s{number}" r="2.5" cx="{across(place)}" cy="{up(value)}">'
                f"<title>{number_text(place)}: {number_text(value)}</title></circle>"
                for place, value in own
            ]
    svg = _svg(HEIGHT, [*_frame(across, up, x_title, y_title), *drawn], says)
    return (
        legend({f"s{number}": words for number, words in enumerate(series.values())}) + svg if len(series) > 1 else svg
    )


def bars(rows: Rows, x: str, y: str, x_title: str, says: str) -> Markup:
    """One horizontal bar per category, with its label on the left and its value on the right."""
    across = Scale([float(row[y] or 0) for row in rows], LABELS, WIDTH - VALUES, zero=True)
    drawn, height = [], len(rows) * (LINE + 3) + FOOT
    for number, row in enumerate(rows):
        top, value = 4 + number * (LINE + 3), float(row[y] or 0)
        left, right = sorted((across(0), across(value)))
        drawn += [
            _label(row[x], top + 11),
            f'<rect class="bar" x="{left}" y="{top}" width="{round(right - left, 1)}" height="{LINE}"/>',
            f'<text class="value" x="{right + 4}" y="{top + 11}">{number_text(value)}</text>',
        ]
    return _svg(height, [*_across(across, height - FOOT + 2, x_title), *drawn], says)


def dots(groups: Mapping[str, Rows], classes: Mapping[str, str], x_title: str, says: str, zero: bool = False) -> Markup:
    """Means with their intervals on one axis.

    groups: heading -> rows with `label`, `mean`, `key` and, where known, `low` and `high`. classes: key -> CSS class of
    its mark.
    """
    every = [row for rows in groups.values() for row in rows]
    ends = [row[k] for row in every for k in ("low", "high", "mean") if k in row]
    across = Scale(ends, LABELS, WIDTH - VALUES, zero)
    drawn, top = list[str](), 4
    for heading, rows in groups.items():
        if heading:
            drawn.append(f'<text class="group" x="0" y="{top + 11}">{escape(heading)}</text>')
            top += LINE + 2
        for row in rows:
            drawn += _dotted(row, classes.get(row["key"], "other"), across, top)
            top += LINE
        top += 5
    height = top + FOOT
    axis = _across(across, top + 2, x_title)
    line = f'<line class="zero" x1="{across(0)}" x2="{across(0)}" y1="2" y2="{top}"/>'
    return _svg(height, [*axis, *([line] if zero else []), *drawn], says)


def legend(words: Mapping[str, str]) -> Markup:
    """What the marks mean. words: CSS class of a mark -> its meaning."""
    entries = "".join(f'<li><i class="key {mark}"></i>{escape(meaning)}</li>' for mark, meaning in words.items())
    return Markup(f'<ul class="legend">{entries}</ul>')


def number_text(value: float) -> str:
    """A readable number: whole or large ones with thousands separators, others with three decimals or digits."""
    if not math.isfinite(value):
        return "not a number"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3f}" if 0.001 <= abs(value) < 1 else f"{value:.3g}"


def _dotted(row: Mapping[str, Any], mark: str, across: Scale, top: float) -> list[str]:
    middle, said, mean, whisker = top + 7.5, f"{row['label']}: {row['mean']:.3f}", across(row["mean"]), list[str]()
    if "low" in row:
        said += f", 95% interval {row['low']:.3f} to {row['high']:.3f}"
        ends = f'x1="{across(row["low"])}" x2="{across(row["high"])}" y1="{middle}" y2="{middle}"'
        whisker = [f'<line class="whisker {mark}" {ends}/>']
    return [
        _label(row["label"], top + 11),
        *whisker,
        f'<circle class="mark {mark}" r="4" cx="{mean}" cy="{middle}"><title>{escape(said)}</title></circle>',
        f'<text class="value" x="{WIDTH - VALUES + 12}" y="{top + 11}">{row["mean"]:.3f}</text>',
    ]


def _column(left: float, wide: float, up: Scale, value: float, place: float) -> str:
    top, foot = sorted((up(value), up(0)))
    said = f"<title>{number_text(place)}: {number_text(float(value))}</title>"
    return f'<rect class="bar" x="{left}" y="{top}" width="{wide}" height="{round(foot - top, 1)}">{said}</rect>'


def _frame(across: Scale, up: Scale, x_title: str, y_title: str) -> list[str]:
    """Both axes with their ticks and titles; the vertical axis has its title above it, where it is easy to read."""
    drawn = [f'<text class="title" x="0" y="9">{escape(y_title)}</text>']
    for tick in up.ticks:
        drawn += [
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(tick)}" y2="{up(tick)}"/>',
            f'<text class="tick end" x="{LEFT - 5}" y="{up(tick) + 4}">{_tick(tick)}</text>',
        ]
    return drawn + _across(across, HEIGHT - FOOT, x_title)


def _across(across: Scale, top: float, title: str) -> list[str]:
    drawn = [f'<line class="axis" x1="{across.start}" x2="{across.end}" y1="{top}" y2="{top}"/>']
    for tick in across.ticks:
        drawn.append(f'<text class="tick mid" x="{across(tick)}" y="{top + 14}">{_tick(tick)}</text>')
    return [*drawn, f'<text class="title mid" x="{WIDTH / 2}" y="{top + 30}">{escape(title)}</text>']


def _label(text: Any, y: float) -> str:
    words = str(text)
    shown = words if len(words) <= LETTERS else words[: LETTERS - 1] + "…"
    return f'<text class="label end" x="{LABELS - 8}" y="{y}"><title>{escape(words)}</title>{escape(shown)}</text>'


def _svg(height: float, drawn: Sequence[str], says: str) -> Markup:
    """The drawing; a screen reader reads only `says`."""
    opening = f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(says)}">'
    return Markup(f"{opening}{''.join(drawn)}</svg>")


def _step(raw: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) at or above `raw`."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))


def _tick(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:,.0f}k"
    return f"{value:.10g}" if abs(value) > 1e-12 else "0"
