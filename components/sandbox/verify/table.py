"""The quality table: every row with its bar, and which rows miss it.

For every measure more is better, and the lower end of its interval must reach the bar: a good value on few designs
shows little. The window's low end is chosen on the corpus and judged on the benchmark.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from components.common.statistics import Interval
from components.common.terminal import Terminal
from components.evaluation.params import Params

PRECISION = 0.7
"""The precision that retrieval must reach in the window (paper, section 3): the window is chosen and judged by it."""
BARS: dict[str, float | None] = {
    "detector: AP50": 0.85,
    "ir: recall@1": 0.95,
    "second_ir: recall@1": None,
    "clip: recall@1": None,
    "dino: recall@1": None,
    "ir: lead in recall@1 over the better of clip and dino": 0.1,
    "ir: precision of the benchmark's pairs in the corpus' window": PRECISION,
    "ir: objects of the benchmark with 3 views in it": 0.8,
    "ir: objects of the corpus with 3 views in it": None,
    "remover: Telea's error in the box / its own": 1.5,
    "remover: the same on shadows outside the box": 1.0,
    "captioner: attributes right": 0.9,
    "captioner: print": None,
    "captioner: ground": None,
    "captioner: figure": None,
    "captioner: shape": None,
    "captioner: floor": None,
    "captioner: wall": None,
    "insertion: reference gap, error on the object": 0.06,
    "insertion: reference gap, ir": None,
    "insertion: reference gap, second_ir": None,
    "insertion: 3 references over 1, ir, designs with two sides": 0.0,
    "insertion: 3 references over 1, error on the object, designs with two sides": None,
    "insertion: right among all designs, ir": 0.6,
    "insertion: right among all designs, second_ir": 0.6,
    "generation: reference gap, ir": None,
    "generation: right among all designs, ir": None,
    "generation: right among all designs, second_ir": None,
}
"""Every row of the table, in its order, and what the lower end of its interval must reach; None: nothing."""


class Measured(NamedTuple):
    """A measure with its 95 % interval. detail: what else a reader needs, such as the cosine it was measured at."""

    interval: Interval
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, and what the lower end of its interval must reach, if anything."""

    what: str
    measured: Measured
    bar: float | None

    @property
    def passed(self) -> bool:
        """Whether the interval's lower end reaches the bar."""
        return self.bar is None or self.measured.interval.low >= self.bar


def rows_of(measured: Mapping[str, Measured]) -> list[Row]:
    """The table of what was measured. Raises `ValueError` unless that is every row of `BARS` and no other."""
    if differing := sorted(measured.keys() ^ BARS.keys()):
        raise ValueError(f"measured or listed, but not both: {', '.join(differing)}")
    return [Row(what, measured[what], bar) for what, bar in BARS.items()]


def verify_models(evaluation: Params, path: Path | None) -> bool:
    """Measures the committed models and prints the table, also as JSON to `path`; True if every bar is reached.

    evaluation: how the grid UNets sample and are judged.
    """
    from components.sandbox.verify.grid_models import grid_models
    from components.sandbox.verify.small_models import small_models

    rows = rows_of(small_models() | grid_models(evaluation))
    Terminal().print(_printed(rows))
    if path:
        path.write_text(json.dumps([_document(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    return all(row.passed for row in rows)


def _document(row: Row) -> dict[str, Any]:
    interval, detail = row.measured
    ends = {"value": interval.mean, "low": interval.low, "high": interval.high}
    return {"what": row.what, "detail": detail, **ends, "bar": row.bar, "passed": row.passed}


def _printed(rows: list[Row]) -> Table:
    table = Table("held-out designs", "measured", "95 % interval", "bar", "")
    for row in rows:
        interval, detail = row.measured
        what = f"{row.what} ({detail})" if detail else row.what
        bar = "" if row.bar is None else f"{row.bar:g}"
        verdict = "" if row.bar is None else "reached" if row.passed else "MISSED"
        table.add_row(what, f"{interval.mean:.3f}", f"{interval.low:.3f} to {interval.high:.3f}", bar, verdict)
    return table
