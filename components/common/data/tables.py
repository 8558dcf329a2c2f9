"""Tables that people bring, as their programs save them: CSV with any usual separator, or an Excel workbook.

A damaged line is passed on with its flaw, so that the caller can refuse it and use the others.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from components.common.errors import UserError

SEPARATORS = (",", ";", "\t", "|")
_WORKBOOK, _OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NAMED_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,(\d{1,2}|\d{4,})")
_UTF8 = "save it again as 'CSV UTF-8'"


class Line(NamedTuple):
    """A line below the header. number: its line number in the file, from 1. places: column -> index of its text in
    `texts`.
    flaw: a phrase that says what is wrong with the line, which then has no texts; empty if nothing is."""

    number: int
    places: dict[str, int]
    texts: list[str]
    flaw: str = ""

    def cell(self, column: str) -> str:
        """The text of a column; empty if the line is too short to have it, or the table has no such column."""
        place = self.places.get(column, len(self.texts))
        return self.texts[place] if place < len(self.texts) else ""

    @property
    def cells(self) -> dict[str, str]:
        """Column -> text."""
        return {column: self.cell(column) for column in self.places}


class Table(NamedTuple):
    """columns: in lower case unless the caller spells them. lines: those with any text, read one by one."""

    columns: list[str]
    lines: Iterator[Line]


def read_table(data: bytes, where: str, needed: Collection[str], spellings: Mapping[str, str] | None = None) -> Table:
    """The table in the bytes of a file.

    needed: columns it must have, in any case. spellings: a column in lower case -> what the caller calls it.

    Raises `UserError`, also while lines are read, if the file as a whole cannot be read, or its header lacks a column
    or repeats one.
    """
    rows = (
        _workbook_rows(data, where) if data.startswith((_WORKBOOK, _OLD_WORKBOOK)) else _csv_rows(data, where, needed)
    )
    _, cells, flaw = next(rows, (1, [], ""))
    known = {name.lower(): name for name in needed} | dict(spellings or {})
    header = [known.get(name.lower(), name.lower()) for name in cells]
    for column in needed:
        if flaw:
            raise UserError(f"{where}: its first line is damaged ({flaw}): it must name {', '.join(needed)}")
        if column not in header:
            raise UserError(f"{where} has no column '{column}': its first line must name {', '.join(needed)}")
    if repeated := [name for name, count in Counter(header).items() if name and count > 1]:
        raise UserError(f"{where} has several columns '{repeated[0]}': keep one of them")
    places = {name: place for place, name in enumerate(header)}
    return Table(header, (_line(places, len(header), *row) for row in rows))


def text_of(data: bytes, where: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 if it begins with its mark. Raises `UserError` for other bytes."""
    encoding = _encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{where} is not a CSV file in UTF-8 (line {line} has other bytes, such as Windows-1252): {_UTF8}"
        ) from None


def _encoding(data: bytes) -> str:
    return next((name for mark, name in _ENCODINGS.items() if data.startswith(mark)), "utf-8")


def number(text: str) -> float:
    """A number as programs in any country write it: with a point, or with a comma that cannot separate thousands.

    Raises `ValueError`.
    """
    return float(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)


def _line(places: dict[str, int], width: int, line: int, texts: list[str], flaw: str) -> Line:
    """width: how many columns the header names."""
    if any(texts[width:]):
        flaw = (
            f"has {len(texts)} cells, but the header names {width} columns: put cells that contain the separator in "
            "double quotes"
        )
    return Line(line, places, [] if flaw else texts, flaw)


def _csv_rows(data: bytes, where: str, needed: Collection[str]) -> Iterator[tuple[int, list[str], str]]:
    """Number, cells and flaw of each line with any text."""
    text = io.TextIOWrapper(io.BytesIO(data), _encoding(data), newline="")
    try:
        first = text.readline()
        named = _NAMED_SEPARATOR.fullmatch(first)
        if not named:
            text.seek(0)
        separator = named[1] if named else _separator(first, needed)
        reader = csv.reader(text, delimiter=separator, strict=True)
        skipped = 1 if named else 0
        while True:
            begun = reader.line_num + skipped + 1
            try:
                cells = [cell.strip() for cell in next(reader)]
            except csv.Error as error:
                if reader.line_num + skipped > begun:  # the quote has swallowed the lines that follow
                    raise UserError(f"{where} line {begun} opens a double quote: close it in the same cell") from None
                yield begun, [], f"is not a line of CSV ({error})"
                continue
            if any(cells):
                yield reader.line_num + skipped, cells, ""
    except StopIteration:
        return
    except UnicodeError:
        text_of(data, where)  # says in which line
        raise


def _separator(first: str, needed: Collection[str]) -> str:
    """The separator that yields most of the needed columns in the first line; the first of `SEPARATORS` in a tie."""
    wanted = {name.lower() for name in needed}
    return max(SEPARATORS, key=lambda mark: len({cell.strip(' "\r\n').lower() for cell in first.split(mark)} & wanted))


def _workbook_rows(data: bytes, where: str) -> Iterator[tuple[int, list[str], str]]:
    """The same for a workbook. One with several filled sheets is refused, as rights could be on any of them."""
    if data.startswith(_OLD_WORKBOOK):
        raise UserError(f"{where} is a workbook in an old Excel format: {_UTF8}")
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise UserError(f"{where} is a workbook: pip install 'objectmate[xlsx]', or {_UTF8}") from None
    try:
        sheet, *others = load_workbook(io.BytesIO(data), read_only=True, data_only=True).worksheets
        filled = [other.title for other in others if any(any(row) for row in other.iter_rows(values_only=True))]
        for place, row in enumerate(sheet.iter_rows(values_only=True), 1):
            cells = [_text(value) for value in row]
            if any(cells):
                yield place, cells, ""
    except Exception as error:  # openpyxl raises anything on broken bytes
        raise UserError(f"{where} is neither a CSV file nor an Excel workbook ({error}): {_UTF8}") from None
    if filled:
        raise UserError(f"{where} has several filled sheets ({sheet.title}, {', '.join(filled)}): keep one")


def _text(value: Any) -> str:
    """A cell of a workbook as a CSV would have it."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
