"""Which systems raters preferred, and every choice as a table."""

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from components.common.statistics import Interval, share_lower_bound

COLUMNS = (
    "study", "question", "benchmark", "subject", "sample", "left", "right", "choice", "chosen", "rater", "at",
    "milliseconds",
)  # fmt: skip
TAIL = 0.975


class Preference(NamedTuple):
    """How often a system was chosen over another. share: of subjects, each counting once, with a 95 % interval."""

    question: str
    benchmark: str
    system: str
    other: str
    share: Interval
    subjects: int
    answers: int
    raters: int


def preferences(answers: Iterable[Mapping[str, Any]]) -> list[Preference]:
    """One row for each question, benchmark and pair of systems that has answers."""
    grouped: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in answers:
        grouped[row["question"], row["benchmark"], *sorted((row["left"], row["right"]))].append(row)
    return [_preference(key, rows) for key, rows in sorted(grouped.items())]


def _preference(key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> Preference:
    question, benchmark, system, other = key
    by_subject: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        by_subject[row["subject"]].append(row[row["choice"]] == system)
    count, right = len(by_subject), sum(sum(won) / len(won) for won in by_subject.values())
    interval = Interval(
        right / count, share_lower_bound(right, count, TAIL), 1 - share_lower_bound(count - right, count, TAIL)
    )
    return Preference(question, benchmark, system, other, interval, count, len(rows), len({r["rater"] for r in rows}))


def table(answers: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    """Rows of `COLUMNS`. choice: left or right. chosen: the system on that side."""
    return [[(row | {"chosen": row[row["choice"]]})[name] for name in COLUMNS] for row in map(dict, answers)]


def as_parquet(rows: Sequence[Sequence[Any]]) -> bytes:
    """The table as Parquet."""
    kinds = {"milliseconds": pa.int64()}
    columns = {
        name: pa.array([row[number] for row in rows], kinds.get(name, pa.string()))
        for number, name in enumerate(COLUMNS)
    }
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data)
    return data.getvalue()
