"""Finding rows by the value of any column, in all datasets of a run, through DuckDB."""

import re
from pathlib import Path
from typing import Any, NamedTuple

from components.common.errors import UserError
from components.lineage.rows import Rows, Run

UNKNOWN = ("", "unknown", "null")
"""Values that also find rows in which nothing is known."""
PREFIX = re.compile("[0-9a-f]{6,}")


class Found(NamedTuple):
    """The rows of one dataset: how many there are, and the first of them with their positions."""

    dataset: str
    total: int
    rows: list[dict[str, Any]]


def find(data: Path, question: str, most: int = 50) -> list[Found]:
    """The rows of each dataset that has the column, where it has the value.

    question: `column=value` or `dataset.column=value`. In the value, `*` stands for any text, `unknown` for none, and
    the first digits of an id will do. most: rows returned per dataset. Raises `UserError` if no dataset has the column.
    """
    key, equals, value = question.partition("=")
    name, _, column = key.rpartition(".")
    run = Run(data)
    known = [rows for rows in run.datasets.values() if column in _columns(rows) and name in ("", rows.name)]
    if not equals or not known:
        columns = sorted({column for rows in run.datasets.values() for column in _columns(rows)})
        raise UserError(f"{question}: write KEY=VALUE, where KEY is one of {', '.join(columns)}")
    return [found for rows in known if (found := _search(rows, column, value, most)).total]


def _columns(rows: Rows) -> list[str]:
    return [field["name"] for field in rows.dataset.manifest.schema]


def _search(rows: Rows, column: str, value: str, most: int) -> Found:
    positions = rows.scan(*_condition(column, value))
    first = [{"position": at, **row} for at, row in zip(positions[:most], rows.at(positions[:most]), strict=True)]
    return Found(rows.name, len(positions), first)


def _condition(column: str, value: str) -> tuple[str, list[str]]:
    """The condition on a row, in SQL, and the values for its question marks."""
    text = f'CAST("{column}" AS VARCHAR)'
    if value in UNKNOWN:
        return f"{text} IS NULL OR {text} IN ('', ?)", [value]
    if "*" in value:
        return f"{text} LIKE ?", [value.replace("*", "%")]
    if column.endswith("_id") and PREFIX.fullmatch(value):  # ids are printed by their first digits
        return f"starts_with({text}, ?)", [value]
    return f"{text} = ?", [value]
