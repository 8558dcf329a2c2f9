"""How measurements are shown: a table on the screen, rows as JSON, and a plot."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from components.common.errors import UserError

DPI = 110


@dataclass(frozen=True)
class Outputs:
    """Files to write, if any: JSON, and a PNG."""

    json: Path | None
    plot: Path | None

    def check(self) -> None:
        """Raises `UserError` if one of them cannot be written, before minutes are spent on measuring."""
        for path in filter(None, (self.json, self.plot)):
            if not path.parent.is_dir():
                raise UserError(f"there is no folder {path.parent} to write {path.name} to: make it first")
        if self.plot and self.plot.suffix != ".png":
            raise UserError(f"--plot {self.plot} must end in .png")

    def write(self, rows: Sequence[Any], draw: Callable[[list[Any], Path], None]) -> None:
        """Writes the rows (dataclasses) as JSON and draws the plot, where asked."""
        if self.json:
            self.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
        if self.plot:
            draw(list(rows), self.plot)


def slim_table(title: str, columns: Iterable[str]) -> Table:
    """An empty table of measurements, which leaves room for many columns and wraps none of them."""
    table = Table(title=title, box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def save(figure: Any, path: Path) -> None:
    """Writes a matplotlib figure as a PNG whose bytes do not name the library's release."""
    figure.savefig(path, format="png", metadata={"Software": None})
