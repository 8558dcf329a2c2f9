"""The file of people's verdicts: one row per pair of objects and rater, as CSV or Parquet.

An object is a place: the SHA-256 of its photograph's bytes and its box. So a verdict is valid beyond its run.
"""

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, NamedTuple, get_args

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from components.common.data.files import PARQUET
from components.common.errors import UserError
from components.common.vision.geometry import Box

Word = Literal["same", "different", "duplicate", "unsure"]
WORDS: tuple[str, ...] = get_args(Word)
SAME, DIFFERENT, DUPLICATE, UNSURE = WORDS
ASK = "is the second object the same product as the first, in a picture that does not repeat it?"
QUESTION = f"same-product/1: {ASK}"
"""What is recorded with each verdict: another wording is another version."""
SIDES = ("image", "x", "y", "w", "h")
COLUMNS = [f"{which}_{side}" for which in ("first", "second") for side in SIDES] + [
    "verdict",
    "rater",
    "at",
    "question",
]


class Place(NamedTuple):
    """An object, in any run. image: SHA-256 of the photograph's bytes, hex; box: px of the upright photograph."""

    image: str
    box: Box


class Verdict(NamedTuple):
    """What a person said about two objects. at: ISO 8601, or empty. question: what was asked, with its version."""

    first: Place
    second: Place
    verdict: str
    rater: str
    at: str
    question: str

    @property
    def moment(self) -> datetime:
        """When it was given: in UTC unless `at` says otherwise, and before all others if it says nothing."""
        if not self.at:
            return datetime.min.replace(tzinfo=UTC)
        at = datetime.fromisoformat(self.at)
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    @property
    def asked(self) -> str:
        """The name and version of its question, such as "same-product/1"; empty if it names none."""
        return self.question.partition(":")[0].strip()

    def row(self) -> dict[str, str | float]:
        """The verdict as a row of the file."""
        places = [value for place in (self.first, self.second) for value in (place.image, *place.box)]
        return dict(zip(COLUMNS, (*places, self.verdict, self.rater, self.at, self.question), strict=True))


def parse(data: bytes, where: str) -> list[Verdict]:
    """The verdicts of a CSV (UTF-8, with a header) or Parquet file, in its order.

    Raises `UserError` naming `where` and the column or line that is wrong.
    """
    table = _table(data, where)
    if repeated := [name for name in COLUMNS if table.column_names.count(name) > 1]:
        raise UserError(f"{where} has several columns '{repeated[0]}': keep one of them")
    if missing := [name for name in COLUMNS if name not in table.column_names]:
        semicolons = ", separated by commas and not by semicolons" if ";" in table.column_names[0] else ""
        raise UserError(
            f"{where} has no column '{missing[0]}': a file of verdicts has {', '.join(COLUMNS)}{semicolons}"
        )
    rows = _as_text(table.select(COLUMNS), where).to_pylist()
    return [_verdict(row, f"{where} line {line}") for line, row in enumerate(rows, 2) if any(row.values())]


def _table(data: bytes, where: str) -> pa.Table:
    if not data.strip():
        raise UserError(f"{where} is empty: a file of verdicts has {', '.join(COLUMNS)}")
    try:
        if data.startswith(PARQUET):
            return pq.read_table(io.BytesIO(data))
        text = {name: pa.string() for name in COLUMNS}
        return pa.csv.read_csv(
            io.BytesIO(data if data.endswith(b"\n") else data + b"\n"),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(column_types=text, strings_can_be_null=False),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _unreadable(where, error) from None


def _as_text(table: pa.Table, where: str) -> pa.Table:
    """All columns as text, as a CSV has them; a Parquet file may have numbers, times or bytes."""
    try:
        return table.cast(pa.schema([(name, pa.string()) for name in COLUMNS]))
    except (pa.ArrowException, ValueError) as error:
        raise _unreadable(where, error) from None


def _unreadable(where: str, error: Exception) -> UserError:
    reason = str(error).partition("\n")[0]
    return UserError(f"{where} is neither a CSV file in UTF-8 nor Parquet ({reason}): save it again as one of them")


def _verdict(row: dict[str, str | None], where: str) -> Verdict:
    word = str(row["verdict"] or "").strip().lower()
    if word not in WORDS:
        raise UserError(f"{where}: '{word}' is not a verdict: write {', '.join(WORDS[:-1])} or {WORDS[-1]}")
    rater = str(row["rater"] or "").strip()
    if not rater:
        raise UserError(f"{where} names no rater: give everyone who judges a name of their own")
    first, second = (_place(row, which, where) for which in ("first", "second"))
    verdict = Verdict(first, second, word, rater, str(row["at"] or "").strip(), str(row["question"] or ""))
    try:
        verdict.moment  # noqa: B018 - read for its check
    except ValueError:
        raise UserError(f"{where}: '{verdict.at}' is not a time: write it as 2026-01-31T12:00:00, or nothing") from None
    return verdict


def _place(row: dict[str, str | None], which: str, where: str) -> Place:
    try:
        box = Box(*(float(row[f"{which}_{side}"]) for side in SIDES[1:]))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        box = Box(0, 0, 0, 0)
    if not (box.w > 0 and box.h > 0 and abs(box.x) + abs(box.y) < float("inf")):
        raise UserError(f"{where}: the {which} box is not x, y, w, h in px with a width and height above 0")
    return Place(str(row[f"{which}_image"] or "").strip().lower(), box)


def render(verdicts: Iterable[Verdict], header: bool) -> str:
    """Verdicts as lines of the CSV, with or without its first line."""
    rows = [verdict.row() for verdict in verdicts]
    table = pa.table({name: [row[name] for row in rows] for name in COLUMNS})
    text = io.BytesIO()
    pa.csv.write_csv(table, text, pa.csv.WriteOptions(include_header=header))
    return text.getvalue().decode()
