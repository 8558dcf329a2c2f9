"""Counts over tables of any length: they are read part by part, and only the columns that are counted."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from pipelines.lineage.exports.history import History

MONTH, DOMAIN = r"^(?P<found>\d{4}-\d{2})", r"^[a-z][a-z0-9+.-]*://(?:[^/@]*@)?(?P<found>[^/:?#]+)"
TRAIN_AI = "train_ai"
"""The column of `images` with what all rights signals say together, where a dataset has it."""


def columns(dataset: Dataset) -> set[str]:
    """The names of a dataset's columns."""
    return {field["name"] for field in dataset.manifest.schema}


def tally(dataset: Dataset, *names: str) -> Counter[tuple[Any, ...]]:
    """How many rows have each combination of values in these columns."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for table in dataset.tables(list(names)):
        grouped = table.group_by(list(names)).aggregate([([], "count_all")])
        *values, rows = (grouped[name].to_pylist() for name in (*names, "count_all"))
        counts.update(dict(zip(zip(*values, strict=True), rows, strict=True)))
    return counts


def tally_matches(dataset: Dataset, name: str, pattern: str) -> Counter[str]:
    """How many rows have each text that the group `found` of a pattern finds in a column; "" where it finds none."""
    counts: Counter[str] = Counter()
    for table in dataset.tables([name]):
        found = pc.struct_field(pc.extract_regex(pc.utf8_lower(table[name]), pattern), "found")
        for entry in pc.value_counts(pc.fill_null(found, "")).to_pylist():
            counts[entry["values"]] += entry["counts"]
    return counts


@dataclass(frozen=True)
class Rights:
    """What the photographs say of their rights.

    licences, signals, train_ai: value -> photographs; "" where it is unknown or there is none. months: of acquisition
    (YYYY-MM). domains: of the source addresses. attributed, checked: photographs with an attribution, or with a time at
    which their signal was checked. stated: the licence that the run's parameters state where labels name none.
    """

    photographs: int
    licences: Counter[str]
    signals: Counter[str]
    train_ai: Counter[str]
    months: Counter[str]
    domains: Counter[str]
    attributed: int
    checked: int
    stated: str

    @property
    def stated_how(self) -> str:
        """A phrase about the licence that was stated for photographs that name none; empty if none was."""
        stated = f"ingest.licence states {self.stated} for photographs whose labels name no licence"
        return stated if self.stated else ""

    @property
    def unlicensed(self) -> int:
        """Photographs whose licence is unknown."""
        return self.licences[""]


def rights(images: Dataset) -> Rights:
    """Counts the rights of every photograph."""
    return Rights(
        photographs=len(images),
        licences=_values(images, "licence"),
        signals=_values(images, "rights_signal"),
        train_ai=_values(images, TRAIN_AI) if TRAIN_AI in columns(images) else Counter(),
        months=tally_matches(images, "collected_at", MONTH),
        domains=tally_matches(images, "source_url", DOMAIN),
        attributed=_filled(images, "attribution"),
        checked=_filled(images, "rights_checked_at"),
        stated=images.manifest.params.get("licence", ""),
    )


def _values(dataset: Dataset, name: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for (value,), rows in tally(dataset, name).items():
        counts[value or ""] += rows
    return counts


def _filled(dataset: Dataset, name: str) -> int:
    return sum(_rows_with_text(table[name]) for table in dataset.tables([name]))


def _rows_with_text(column: pa.ChunkedArray) -> int:
    return pc.sum(pc.greater(pc.utf8_length(column), 0)).as_py() or 0


def refused(history: History) -> Counter[tuple[str, str, str]]:
    """(dataset that lists them, stage that refused them, reason) -> number of rows."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for name, dataset in history.datasets.items():
        if {"stage", "reason"} <= columns(dataset):
            for (stage, reason), rows in tally(dataset, "stage", "reason").items():
                counts[name, stage, reason] += rows
    return counts


class File(NamedTuple):
    """A file of a dataset: its path in the folder, its size and its sha256 (hex), as the dataset states them."""

    name: str
    bytes: int
    sha256: str


def files(dataset: Dataset) -> list[File]:
    """The files of the parts, and those that a model's rows name."""
    entries = [file for part in dataset.manifest.parts for file in part["files"]]
    own = [File(entry["name"], entry["bytes"], entry["sha256"]) for entry in entries]
    model = dataset.rows(["path", "bytes", "sha256"]) if dataset.manifest.kind == "model" else []
    return own + [File(row["path"], row["bytes"], row["sha256"]) for row in model]


def size(dataset: Dataset) -> int:
    """Bytes of a dataset's files."""
    return sum(file.bytes for file in files(dataset))
