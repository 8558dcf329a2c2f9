"""Questions about lineage on synthetic tables: seconds of ours and of DuckDB, and memory."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np

from components.lineage import trace
from components.lineage.bench.synthetic import hashed, write_tables
from components.lineage.closure import closure
from components.lineage.indexes import keep_indexes
from components.lineage.rows import Run
from components.lineage.trace import Place

PHOTOGRAPHS = 1_000
"""Photographs in the planned takedown."""


@dataclass(frozen=True)
class Row:
    """A question on tables of one size.

    indexing: seconds that a run needs at its end for the indexes of all its tables. seconds: ours, with these indexes.
    duckdb: DuckDB's seconds for the same question. rows: how many the answer has. peak: MiB of memory.
    """

    tuples: int
    question: str
    indexing: float
    seconds: float
    duckdb: float
    rows: int
    same: bool
    peak: float


def bench(sizes: list[int]) -> list[Row]:
    """Measures every question at each size. sizes: tuples; there are 12 objects for each."""
    rows = []
    for tuples in sizes:
        with TemporaryDirectory() as folder:
            write_tables(Path(folder), tuples)
            rows += _measured(Path(folder), tuples)
    return rows


def _measured(data: Path, tuples: int) -> list[Row]:
    rng = np.random.default_rng(0)
    tuple_at = int(rng.integers(tuples))
    photographs = rng.choice(tuples * 4, PHOTOGRAPHS, replace=False).astype(np.uint64)
    image_ids = hashed(photographs, 64, 1).to_pylist()
    tuple_id = hashed(np.array([tuple_at], np.uint64), 32, 3)[0].as_py()
    questions: dict[str, tuple[Callable[[Run], set[str]], str, list[Any]]] = {
        "tuple -> photographs": (lambda run: _sources(run, tuple_id), SOURCES, [tuple_id]),
        "photograph -> tuples": (lambda run: _derived(run, image_ids[:1]), DERIVED, [image_ids[:1]]),
        f"plan for {PHOTOGRAPHS:,} photographs": (lambda run: _planned(run, image_ids), DERIVED, [image_ids]),
    }
    indexing, _ = _timed(partial(keep_indexes, data))
    return [_row(data, tuples, name, indexing, *question) for name, question in questions.items()]


SOURCES = "SELECT unnest(sources) FROM read_parquet('{data}/tuples/*.parquet') WHERE tuple_id = ?"
DERIVED = (
    "SELECT tuple_id FROM read_parquet('{data}/tuples/*.parquet') WHERE list_has_any(sources, CAST(? AS VARCHAR[]))"
)


def _row(
    data: Path, tuples: int, name: str, indexing: float, ours: Callable[[Run], set[str]], sql: str, values: list[Any]
) -> Row:
    own, answer = _timed(partial(_asked, ours, data))
    with duckdb.connect() as database:
        seconds, rows = _timed(lambda: database.execute(sql.format(data=data), values).fetchall())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Row(tuples, name, indexing, own, seconds, len(answer), answer == {key for (key,) in rows}, peak)


def _asked(question: Callable[[Run], set[str]], data: Path) -> set[str]:
    return question(Run(data))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _sources(run: Run, tuple_id: str) -> set[str]:
    [at] = run["tuples"].where("tuple_id", [tuple_id])
    return {node.key for node in trace.sources(run, Place("tuples", at)).walk() if node.dataset == "images"}


def _derived(run: Run, image_ids: list[str]) -> set[str]:
    [at] = run["images"].where("image_id", image_ids)
    return {node.key for node in trace.derived(run, Place("images", at)).walk() if node.dataset == "tuples"}


def _planned(run: Run, image_ids: list[str]) -> set[str]:
    rows = run["tuples"].at(closure(run, image_ids).get("tuples", []))
    return {row["tuple_id"] for row in rows}
