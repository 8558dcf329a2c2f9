"""The rows that were added, removed and changed between two runs of a dataset, by the dataset's key."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from components.common.data.reading import Dataset
from components.common.data.schemas import KEYS
from pipelines.engines.workspace import Workspace
from pipelines.lineage.diff.reasons import Reasons
from pipelines.lineage.diff.tables import comparable
from pipelines.steps import Step

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
LISTED = 1000
"""How many rows of a dataset are listed; all are counted."""


@dataclass(frozen=True)
class Row:
    """A row that differs. values: column -> (before, after) where it changed. reason: the recorded one, or empty."""

    what: str
    key: dict[str, Any]
    values: dict[str, tuple[Any, Any]]
    reason: str


@dataclass(frozen=True)
class Rows:
    """How many rows were added, removed and changed. columns: column -> rows in which it changed. listed: the first."""

    before: int
    after: int
    added: int
    removed: int
    changed: int
    columns: dict[str, int]
    listed: list[Row]


def compare_rows(step: Step, name: str, before: Workspace, after: Workspace) -> Rows:
    """Compares a dataset that both runs have, by content; positions of rows and of their bytes do not matter."""
    kind = Dataset(before.dataset(name)).manifest.kind
    tables = [comparable(workspace, name) for workspace in (before, after)]
    common = [column for column in tables[0].column_names if column in tables[1].column_names]
    keys = KEYS[kind]
    values = [column for column in common if column not in keys]
    with duckdb.connect() as connection:
        for side, table in zip(("before", "after"), tables, strict=True):
            connection.register(f"{side}_rows", table)
        connection.execute(f"create table joined as {_join(keys, values)}")
        counts = _counts(connection, values)
        cursor = connection.execute(f"select * from joined where what <> '' order by place limit {LISTED}")
        names = [column[0] for column in cursor.description or ()]
        joined = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    of_removed, of_added = Reasons(after, before), Reasons(before, after)
    listed = [_row(row, keys, values) for row in joined]
    reasons = {REMOVED: of_removed, ADDED: of_added}
    explained = [
        replace(row, reason=reasons[row.what].of(step.name, name, full)) if row.what in reasons else row
        for row, full in listed
    ]
    return Rows(len(tables[0]), len(tables[1]), **counts, listed=explained)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _join(keys: Sequence[str], values: Sequence[str]) -> str:
    """The SQL that joins both runs' rows. Rows with the same key are numbered, and joined in that order."""
    keyed = "select *, {key} as _key from {side}_rows"
    numbered = f"select *, row_number() over (partition by _key) as _number from ({keyed})"
    key = f"to_json([{', '.join(f'{_quoted(each)}::varchar' for each in keys)}])"
    sides = {side: numbered.format(key=key, side=side) for side in ("before", "after")}
    pairs = [
        f"b.{_quoted(each)} as {_quoted(f'before {each}')}, a.{_quoted(each)} as {_quoted(f'after {each}')}"
        for each in (*keys, *values)
    ]
    differs = " or ".join(f"b.{_quoted(each)} is distinct from a.{_quoted(each)}" for each in values) or "false"
    return (
        f"select case when b._key is null then '{ADDED}' when a._key is null then '{REMOVED}' "
        f"when {differs} then '{CHANGED}' else '' end as what, coalesce(b._key, a._key) as place, {', '.join(pairs)} "
        f"from ({sides['before']}) b full outer join ({sides['after']}) a on b._key = a._key and b._number = a._number"
    )


def _counts(connection: duckdb.DuckDBPyConnection, values: Sequence[str]) -> dict[str, Any]:
    counts = dict(connection.execute("select what, count(*) from joined group by what").fetchall())
    columns = {}
    for each in values:
        before, after = _quoted(f"before {each}"), _quoted(f"after {each}")
        query = f"select count(*) from joined where what = '{CHANGED}' and {before} is distinct from {after}"
        (columns[each],) = connection.execute(query).fetchone() or (0,)
    return {
        **{what: counts.get(what, 0) for what in (ADDED, REMOVED, CHANGED)},
        "columns": {name: number for name, number in columns.items() if number},
    }


def _row(row: dict[str, Any], keys: Sequence[str], values: Sequence[str]) -> tuple[Row, dict[str, Any]]:
    """A row of the join, and all its values on the side that has it."""
    side = "after" if row["what"] == ADDED else "before"
    full = {each: row[f"{side} {each}"] for each in (*keys, *values)}
    pairs = {each: (row[f"before {each}"], row[f"after {each}"]) for each in values}
    changed = {each: pair for each, pair in pairs.items() if row["what"] == CHANGED and pair[0] != pair[1]}
    return Row(row["what"], {each: full[each] for each in keys}, changed, ""), full
