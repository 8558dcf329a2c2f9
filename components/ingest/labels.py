"""The CSV of labels: which subject a photograph shows, where, and under which rights it may be used."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from components.common.data.storage import match_names, read_address
from components.common.errors import UserError

REQUIRED, BOX = ("path", "subject"), ("x", "y", "w", "h")
RIGHTS = ("licence", "source_url", "attribution", "collected_at", "rights_signal", "rights_checked_at")
_SPELLINGS = {"license": "licence", "credit": "attribution"}


@dataclass(frozen=True)
class Label:
    """One row. `path` and `duplicate_of` as written; `box` is x, y, w, h in px, or None for the whole photograph."""

    path: str
    subject: str
    box: tuple[float, ...] | None
    duplicate_of: str
    rights: dict[str, str]


@dataclass(frozen=True)
class Labels:
    """All rows, and which photograph each named path means (photographs are named by their uri)."""

    rows: Sequence[Label] = ()
    uris: dict[str, str] = field(default_factory=dict)
    digest: str = ""

    def missing(self) -> list[str]:
        """Labelled paths for which there is no photograph, in the order of the rows."""
        return list(dict.fromkeys(row.path for row in self.rows if row.path not in self.uris))

    def rights(self) -> dict[str, dict[str, str]]:
        """uri -> column -> value, from all rows of each photograph (see `_merged`)."""
        found: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in self.rows:
            if row.path in self.uris:
                found[self.uris[row.path]].append(row.rights)
        return {uri: _merged(rights) for uri, rights in found.items()}

    def subjects(self, image_ids: dict[str, str]) -> list[dict[str, Any]]:
        """Rows of the `subjects` dataset, for the photographs in `image_ids` (uri -> image_id); repeats once."""
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in self.rows:
            image_id = image_ids.get(self.uris.get(row.path, ""))
            if image_id is None:
                continue
            original = image_ids.get(self.uris.get(row.duplicate_of, ""))
            record: dict[str, Any] = {"image_id": image_id, "subject": row.subject, "duplicate_of": original}
            record |= dict.fromkeys(BOX) if row.box is None else dict(zip(BOX, row.box, strict=True))
            found.setdefault(tuple(record.values()), record)
        return list(found.values())


def words(signals: Iterable[str]) -> set[str]:
    """The single rights signals in some cells, in lower case: one cell may hold several, parted by commas."""
    return {word.strip().lower() for cell in signals for word in cell.split(",")} - {""}


def read_labels(address: str, uris: Sequence[str]) -> Labels:
    """The labels at `address` (empty: none), matched with the photographs' uris.

    Raises `UserError` if there is no such file or it lacks a column.
    """
    if not address:
        return Labels()
    data = read_address(address)
    rows = parse(data, address)
    named = dict.fromkeys(name for row in rows for name in (row.path, row.duplicate_of) if name)
    return Labels(rows, match_names(list(named), list(uris)), sha256(data).hexdigest())


def parse(data: bytes, where: str) -> list[Label]:
    """The rows of a CSV in UTF-8 with a header. Raises `UserError` naming the column or the line that is wrong."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, cells) for cells in reader if any(cells)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{where} is not a CSV file in UTF-8 ({error}): save it again as one") from None
    header = [_column(name) for name in (lines[0][1] if lines else ())]
    for column in REQUIRED:
        if column not in header:
            raise UserError(f"{where} has no column '{column}': its first line must name {' and '.join(REQUIRED)}")
    return [
        _label(dict(zip(header, map(str.strip, cells), strict=False)), f"{where} line {n}") for n, cells in lines[1:]
    ]


def _merged(rights: Sequence[dict[str, str]]) -> dict[str, str]:
    """The rights that several rows give one photograph: the first value of each column, but every rights signal."""
    first = {column: value for row in reversed(rights) for column, value in row.items()}
    signals = dict.fromkeys(row["rights_signal"] for row in rights if "rights_signal" in row)
    return first | ({"rights_signal": ", ".join(signals)} if signals else {})


def _column(name: str) -> str:
    plain = name.strip().lower()
    return _SPELLINGS.get(plain, plain)


def _label(cells: dict[str, str], where: str) -> Label:
    if not cells["path"]:
        raise UserError(f"{where} names no path: fill it in or remove the line")
    return Label(
        path=cells["path"].replace("\\", "/").removeprefix("./"),
        subject=cells.get("subject", ""),
        box=_box(cells, where),
        duplicate_of=cells.get("duplicate_of", "").replace("\\", "/").removeprefix("./"),
        rights={column: cells[column] for column in RIGHTS if cells.get(column)},
    )


def _box(cells: dict[str, str], where: str) -> tuple[float, ...] | None:
    given = [cells.get(side, "") for side in BOX]
    if not any(given):
        return None
    try:
        box = tuple(float(value) for value in given)
    except ValueError:
        box = ()
    if len(box) != len(BOX) or not all(map(math.isfinite, box)) or min(box[2:]) <= 0:
        raise UserError(f"{where} has no valid box ({', '.join(given)}): give x, y, w and h in px, or leave all empty")
    return box
