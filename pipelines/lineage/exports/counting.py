"""Counts over tables of any length: they are read part by part, and only the columns that are counted."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.errors import UserError
from pipelines.lineage.exports.history import History

MONTH, DOMAIN = r"^(?P<found>\d{4}-\d{2})", r"^[a-z][a-z0-9+.-]*://(?:[^/@]*@)?(?P<found>[^/:?#]+)"
TRAIN_AI = "train_ai"
"""The column of `images` with what all rights signals say together."""

SIGNALS = """
select mechanism, count(distinct image_id), count(distinct image_id) filter (where checked_at <> '')
from read_parquet(?) where image_id in (select image_id from read_parquet(?)) group by grouping sets ((mechanism), ())
"""


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

    licences, train_ai: value -> photographs; "" where it is unknown. mechanisms: by which something was said of their
    use -> photographs. months: of acquisition (YYYY-MM). domains: of the source addresses. attributed, signalled,
    checked: photographs with an attribution, with a signal, or with one that says when it was checked. stated: the
    licence that the run's parameters state where labels name none.
    """

    photographs: int
    licences: Counter[str]
    mechanisms: Counter[str]
    train_ai: Counter[str]
    months: Counter[str]
    domains: Counter[str]
    attributed: int
    signalled: int
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


def rights(history: History) -> Rights:
    """Counts the rights of every photograph that came in. Raises `UserError` if the run has no dataset of them."""
    images = history.datasets["images"]
    if "rights" not in history.datasets:
        raise UserError("the run has no dataset 'rights', as an earlier version of ingest made it: run it again")
    mechanisms, signalled, checked = _signals(images, history.datasets["rights"])
    return Rights(
        photographs=len(images),
        licences=_values(images, "licence"),
        mechanisms=mechanisms,
        train_ai=_values(images, TRAIN_AI),
        months=tally_matches(images, "collected_at", MONTH),
        domains=tally_matches(images, "source_url", DOMAIN),
        attributed=_filled(images, "attribution"),
        signalled=signalled,
        checked=checked,
        stated=images.manifest.params.get("licence", ""),
    )


def _values(dataset: Dataset, name: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for (value,), rows in tally(dataset, name).items():
        counts[value or ""] += rows
    return counts


def _signals(images: Dataset, said: Dataset) -> tuple[Counter[str], int, int]:
    """Mechanism -> photographs of `images` of which it says something; how many have any; and a date of its check."""
    tables = [list(map(str, dataset.files(".parquet"))) for dataset in (said, images)]
    with duckdb.connect() as database:
        counts = database.execute(SIGNALS, tables).fetchall() if all(tables) else []
    found = {mechanism: numbers for mechanism, *numbers in counts}
    signalled, checked = found.pop(None, (0, 0))
    return Counter({mechanism: photographs for mechanism, (photographs, _) in found.items()}), signalled, checked


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
