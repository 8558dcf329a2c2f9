"""The CSV of labels: which subject a photograph shows, where, and which rights apply to it."""

import csv
import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from components.common.data.names import Matches, Names
from components.common.data.storage import read_address
from components.common.errors import UserError

REQUIRED, BOX = ("path", "subject"), ("x", "y", "w", "h")
RIGHTS = ("licence", "source_url", "attribution", "collected_at", "rights_signal", "rights_checked_at")
_SPELLINGS = {"license": "licence", "credit": "attribution"}

Refusal = tuple[str, str, str]
"""uri, or the name as written; reason, a word of `schemas.REASONS`; detail."""

_Place = tuple[str, tuple[float, ...] | None]
"""uri and box of what a row labels."""


@dataclass(frozen=True)
class Label:
    """One row. `path` and `duplicate_of` as written; `box` is x, y, w, h in px, or None for the whole photograph."""

    line: int
    path: str
    subject: str
    box: tuple[float, ...] | None
    duplicate_of: str
    rights: dict[str, str]


@dataclass(frozen=True)
class Labels:
    """All rows, and which photograph each named path means (photographs are named by their uri)."""

    rows: Sequence[Label] = ()
    names: Matches = field(default_factory=lambda: Matches({}, [], {}))
    digest: str = ""

    @cached_property
    def refusals(self) -> list[Refusal]:
        """The labels that cannot be used: names without a photograph, and rows that contradict each other."""
        missing = [(name, "missing", "named in the labels, but not there") for name in self.names.missing]
        ambiguous = [
            (name, "ambiguous", f"this name in the labels {why}") for name, why in self.names.ambiguous.items()
        ]
        conflicts = [(uri, "conflict", _conflict(rows)) for (uri, _), rows in self._conflicts.items()]
        return [*missing, *ambiguous, *conflicts]

    @cached_property
    def _conflicts(self) -> dict[_Place, list[Label]]:
        """The places that are labelled as several subjects, and the rows that do so."""
        named: dict[_Place, dict[str, Label]] = defaultdict(dict)
        for row in self.rows:
            if row.subject and (uri := self.names.uris.get(row.path)):
                named[uri, row.box].setdefault(row.subject, row)
        return {place: list(rows.values()) for place, rows in named.items() if len(rows) > 1}

    def rights(self) -> dict[str, dict[str, str]]:
        """uri -> column -> value, from all rows of each photograph (see `_merged`)."""
        given: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in self.rows:
            if row.path in self.names.uris:
                given[self.names.uris[row.path]].append(row.rights)
        return {uri: _merged(rights) for uri, rights in given.items()}

    def subjects(self, image_ids: dict[str, str]) -> list[dict[str, Any]]:
        """Rows of the `subjects` dataset, for the photographs in `image_ids` (uri -> image_id), without repeats.

        Rows that give one place different subjects are left out.
        """
        records: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in self.rows:
            uri = self.names.uris.get(row.path, "")
            if uri not in image_ids or (uri, row.box) in self._conflicts:
                continue
            original = image_ids.get(self.names.uris.get(row.duplicate_of, ""))
            record: dict[str, Any] = {"image_id": image_ids[uri], "subject": row.subject, "duplicate_of": original}
            record |= dict.fromkeys(BOX) if row.box is None else dict(zip(BOX, row.box, strict=True))
            records.setdefault(tuple(record.values()), record)
        return list(records.values())


def words(signals: Iterable[str]) -> set[str]:
    """The single rights signals in some cells, in lower case: one cell may hold several, separated by commas."""
    return {word.strip().lower() for cell in signals for word in cell.split(",")} - {""}


def read_labels(address: str, uris: Sequence[str]) -> Labels:
    """The labels at `address` (empty: none), matched with the photographs' uris.

    Raises `UserError` if there is no such file, it is not a valid CSV of labels, or it is uncertain which photograph a
    rights signal is about.
    """
    if not address:
        return Labels()
    data = read_address(address)
    rows = parse(data, address)
    named = dict.fromkeys(name for row in rows for name in (row.path, row.duplicate_of) if name)
    names = Names(uris).match(named)
    for row in rows:
        if row.path in names.ambiguous and "rights_signal" in row.rights:
            raise UserError(
                f"{address} line {row.line} gives '{row.path}' a rights signal, but it {names.ambiguous[row.path]}: "
                "write more of its path"
            )
    return Labels(rows, names, sha256(data).hexdigest())


def parse(data: bytes, where: str) -> list[Label]:
    """The rows of a CSV in UTF-8 with a header. Raises `UserError` naming the column or the line that is wrong."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{where} is not a CSV file in UTF-8 ({error}): save it again as one") from None
    header = [_column(name) for name in (lines[0][1] if lines else ())]
    _check_header(header, where)
    return [_label(header, line, cells, f"{where} line {line}") for line, cells in lines[1:]]


def _check_header(header: list[str], where: str) -> None:
    for column in REQUIRED:
        if column not in header:
            raise UserError(f"{where} has no column '{column}': its first line must name {' and '.join(REQUIRED)}")
    if repeated := [name for name, count in Counter(header).items() if name and count > 1]:
        raise UserError(f"{where} has several columns '{repeated[0]}': keep one of them")


def _merged(rights: Sequence[dict[str, str]]) -> dict[str, str]:
    """The rights that several rows give for one photograph: the first value of each column, but every rights signal."""
    first = {column: value for row in reversed(rights) for column, value in row.items()}
    signals = dict.fromkeys(row["rights_signal"] for row in rights if "rights_signal" in row)
    return first | ({"rights_signal": ", ".join(signals)} if signals else {})


def _column(name: str) -> str:
    plain = name.strip().lower()
    return _SPELLINGS.get(plain, plain)


def _label(header: list[str], line: int, cells: list[str], where: str) -> Label:
    if any(cells[len(header) :]):
        raise UserError(
            f"{where} has {len(cells)} cells, but the header names {len(header)} columns: put cells that contain a "
            "comma in double quotes"
        )
    values = dict(zip(header, cells, strict=False))
    if not values["path"]:
        raise UserError(f"{where} names no path: fill it in or remove the line")
    return Label(
        line=line,
        path=values["path"],
        subject=values.get("subject", ""),
        box=_box(values, where),
        duplicate_of=values.get("duplicate_of", ""),
        rights={column: values[column] for column in RIGHTS if values.get(column)},
    )


def _box(values: dict[str, str], where: str) -> tuple[float, ...] | None:
    given = [values.get(side, "") for side in BOX]
    if not any(given):
        return None
    try:
        box = tuple(float(value) for value in given)
    except ValueError:
        box = ()
    if len(box) != len(BOX) or not all(map(math.isfinite, box)) or min(box[2:]) < 1:
        raise UserError(
            f"{where} has no valid box ({', '.join(given)}): give x, y, w and h in px, w and h at least 1, or leave "
            "all empty"
        )
    return box


def _conflict(rows: Sequence[Label]) -> str:
    return "labelled as " + " and as ".join(f"'{row.subject}' (line {row.line})" for row in rows)
