"""The indexes of a run's large tables, made once when the run ends, so that the first question is as fast as any."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from components.common.data.reading import Dataset, is_complete
from components.common.harmless import say
from components.common.stage.progress import track
from components.lineage.keys import FOLDER, index_of, is_large, kept_at
from components.lineage.references import IDS, POSITION, REFERENCES

MOST_ROWS = 200_000_000
"""Rows of a table up to which its indexes are made automatically: sorting more takes over 10 GB of memory."""


def keep_indexes(data: Path) -> None:
    """Makes the indexes that questions about the datasets below `data` need, and deletes those of other datasets."""
    needed = {kept_at(dataset, column): (dataset, column) for dataset, column in _asked(data)}
    for folder in (data / FOLDER).glob("*"):
        if folder not in needed:
            shutil.rmtree(folder, ignore_errors=True)
    for dataset, column in track(needed.values(), "indexes for lineage") if needed else ():
        index_of(dataset, column, make=True)


def _asked(data: Path) -> Iterator[tuple[Dataset, str]]:
    """Large datasets, each with a column whose values name rows: its own or another's. Says which are too large."""
    columns = {(reference.dataset, reference.column) for reference in REFERENCES} | set(IDS.items())
    columns |= {(reference.source, reference.by) for reference in REFERENCES if reference.by != POSITION}
    left_out = set[str]()
    for name, column in sorted(columns):
        if is_complete(data / name):
            dataset = Dataset(data / name)
            if len(dataset) > MOST_ROWS:
                left_out.add(f"{name} ({len(dataset):,} rows)")
            elif is_large(dataset):
                yield dataset, column
    if left_out:
        say(f"No indexes for lineage of {', '.join(sorted(left_out))}: answers about them take longer", err=True)
