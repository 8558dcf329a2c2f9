"""Plots of a report's rows, drawn the same way for the report page and for MLflow."""

import io
from collections.abc import Sequence
from typing import Any

SIZE_INCHES, DPI = (6.0, 3.4), 110


def draw(name: str, rows: Sequence[dict[str, Any]]) -> bytes:
    """A PNG of `rows`: the first key is x, the other numeric keys are series; bars if x is text, else lines."""
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False}):  # a category may hold any character, such as $
        return _drawn(name, rows)


def _drawn(name: str, rows: Sequence[dict[str, Any]]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    x_name, *others = rows[0]
    series = [key for key in others if any(isinstance(row.get(key), int | float) for row in rows)]
    if isinstance(rows[0][x_name], str):
        _bars(axes, [row[x_name] for row in rows], {key: [row.get(key) or 0.0 for row in rows] for key in series})
    else:
        for key in series:
            points = [(row[x_name], row[key]) for row in rows if row.get(key) is not None]
            axes.plot(*zip(*points, strict=True), label=key.replace("_", " "), marker="." if len(points) < 40 else "")
    axes.set_xlabel(x_name.replace("_", " "))
    axes.set_title(name.replace("_", " "), fontsize=10)
    axes.grid(alpha=0.3)
    if len(series) > 1:
        axes.legend(fontsize=8)
    else:
        axes.set_ylabel(series[0].replace("_", " ") if series else "")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _bars(axes: Any, names: list[str], series: dict[str, list[float]]) -> None:
    width = 0.8 / max(len(series), 1)
    for index, (key, values) in enumerate(series.items()):
        places = [place + (index - (len(series) - 1) / 2) * width for place in range(len(names))]
        axes.bar(places, values, width, label=key.replace("_", " "))
    axes.set_xticks(
        range(len(names)), names, rotation=30 if len(names) > 4 else 0, ha="right" if len(names) > 4 else "center"
    )
