"""The table of labels: which subject a photograph shows, where, and which rights apply to it."""

import math
from dataclasses import dataclass

from components.common.data.tables import Line, number, read_table
from components.common.errors import UserError

REQUIRED, BOX = ("path", "subject"), ("x", "y", "w", "h")
RIGHTS = ("licence", "source_url", "attribution", "collected_at")
"""The columns that `images` has too."""
SIGNAL = ("rights_signal", "rights_checked_at")
"""Those that become a row of `rights`."""
_SPELLINGS = {"license": "licence", "credit": "attribution"}


@dataclass(frozen=True)
class Label:
    """One row. `path` and `duplicate_of` as written; `box` is x, y, w, h in px, or None for the whole photograph.

    flaw: why the row labels nothing (a phrase), or empty. The rights of a row with a flaw still count.
    """

    line: int
    path: str
    subject: str = ""
    category: str = ""
    box: tuple[float, ...] | None = None
    duplicate_of: str = ""
    rights: dict[str, str] | None = None
    flaw: str = ""


def parse(data: bytes, where: str) -> list[Label]:
    """The rows of a table with a header (see `tables`), those with a flaw included.

    Raises `UserError` if a column is missing, no row can be used, or a row without a path may hold a rights signal.
    """
    table = read_table(data, where, REQUIRED, _SPELLINGS)
    labels = [_label(line) for line in table.lines]
    flawed = [label for label in labels if label.flaw]
    if flawed and len(flawed) == len(labels):
        raise UserError(f"no row of {where} can be used, beginning with line {flawed[0].line}, which {flawed[0].flaw}")
    lost = [label for label in flawed if not label.path and (label.rights is None or "rights_signal" in label.rights)]
    if lost and "rights_signal" in table.columns:
        raise UserError(f"{where} line {lost[0].line} may forbid the use of a photograph, but it {lost[0].flaw}")
    return labels


def _label(line: Line) -> Label:
    """The label of a line; a line that cannot be read gives one without path and rights."""
    if line.flaw:
        return Label(line.number, "", flaw=line.flaw)
    box, flaw = _box([line.cell(side) for side in BOX])
    return Label(
        line=line.number,
        path=line.cell("path"),
        subject=line.cell("subject"),
        category=line.cell("category"),
        box=box,
        duplicate_of=line.cell("duplicate_of"),
        rights={column: line.cell(column) for column in (*RIGHTS, *SIGNAL) if line.cell(column)},
        flaw=flaw if line.cell("path") else "names no path: fill it in or remove the line",
    )


def _box(cells: list[str]) -> tuple[tuple[float, ...] | None, str]:
    """The box in the cells, if any, and what is wrong with them."""
    if not any(cells):
        return None, ""
    try:
        box = tuple(map(number, cells))
    except ValueError:
        box = ()
    if len(box) == len(BOX) and all(map(math.isfinite, box)) and min(box[2:]) >= 1:
        return box, ""
    shares = ", not in shares of the sides" if box and max(map(abs, box)) <= 1 else ""
    wanted = f"give x, y, w and h in px{shares}, w and h at least 1, or leave all empty"
    return None, f"has no valid box ({', '.join(cells)}): {wanted}"
