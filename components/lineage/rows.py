"""Rows of a run's datasets, read by their position, and the datasets themselves, by name."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from components.common.data.reading import Dataset, is_complete
from components.common.errors import UserError
from components.lineage.keys import Index, id_range, index_of, is_id

Row = Mapping[str, Any]
HASHES = ("dhash", "dhash_flipped")
FEW = 16
"""Values for which DuckDB reads a large column that has no index yet; for more, the index is made and kept."""


class Rows:
    """The rows of one dataset. A row's position is its number in the dataset, from 0."""

    def __init__(self, dataset: Dataset):
        self.dataset, self.name = dataset, dataset.folder.name
        self._indexes: dict[str, Index] = {}

    def __len__(self) -> int:
        return len(self.dataset)

    def at(self, positions: Iterable[int], places: bool = False) -> list[dict[str, Any]]:
        """The rows at these positions, ascending; only their parts are read.

        places: with the columns that say where their blobs are.
        """
        wanted: dict[int, list[int]] = {}
        for position in positions:
            wanted.setdefault(bisect_right(self.starts, position) - 1, []).append(int(position))
        rows = {position: row for part, here in wanted.items() for position, row in self._of_part(part, here, places)}
        return [rows[position] for position in sorted(rows)]

    def where(self, column: str, values: Iterable[str | int]) -> list[int]:
        """Positions of the rows whose column, or list in it, holds one of these ids or row numbers, ascending.

        A text that does not have the form of an id is in no row.
        """
        wanted = [value for value in values if not isinstance(value, str) or is_id(value)]
        index = self._index(column, make=len(wanted) > FEW)
        if index is None:
            return self._holding(column, wanted)
        numbers = [id_range(value)[0] if isinstance(value, str) else value for value in wanted]
        positions = index.equal(np.array(sorted(set(numbers)), np.uint64)).tolist()
        if not any(isinstance(value, str) for value in wanted):
            return positions
        held = [row[column] for row in self.at(positions)]  # two ids may begin with the same digits
        return [at for at, has in zip(positions, held, strict=True) if not set(wanted).isdisjoint(_listed(has))]

    def beginning(self, column: str, prefix: str) -> list[int]:
        """Positions of the rows whose id begins with these hex digits."""
        index = self._index(column, make=False)
        if index is None:
            return self.scan(f'starts_with("{column}", ?)', [prefix])
        positions = index.between(*id_range(prefix)).tolist()
        return [at for at, row in zip(positions, self.at(positions), strict=True) if row[column].startswith(prefix)]

    def scan(self, condition: str, values: list[Any]) -> list[int]:
        """Positions of the rows that meet a condition in SQL, ascending; DuckDB reads the columns in it.

        values: those of the condition's question marks.
        """
        starts = {str(path): start for path, start in zip(self.files, self.starts, strict=True)}
        if not starts:
            return []
        table = "read_parquet(?, filename = true, file_row_number = true)"
        with duckdb.connect() as database:
            query = f"SELECT filename, file_row_number FROM {table} WHERE {condition}"
            places = database.execute(query, [list(starts), *values]).fetchall()
        return sorted(starts[file] + number for file, number in places)

    def _holding(self, column: str, values: list[Any]) -> list[int]:
        marks = ", ".join("?" * len(values))
        [kind] = [field["type"] for field in self.dataset.manifest.schema if field["name"] == column]
        held = f'list_has_any("{column}", [{marks}])' if kind.startswith("list") else f'"{column}" IN ({marks})'
        return self.scan(held, values) if values else []

    def _index(self, column: str, make: bool) -> Index | None:
        if column not in self._indexes:
            index = index_of(self.dataset, column, make)
            if index is None:
                return None
            self._indexes[column] = index
        return self._indexes[column]

    @cached_property
    def starts(self) -> list[int]:
        """The position of each part's first row."""
        return list(accumulate((part["rows"] for part in self.dataset.manifest.parts), initial=0))[:-1]

    @cached_property
    def files(self) -> list[Path]:
        """The parts' tables."""
        return self.dataset.files(".parquet")

    def _of_part(self, part: int, positions: list[int], places: bool) -> list[tuple[int, dict[str, Any]]]:
        file, start = pq.ParquetFile(self.files[part]), self.starts[part]
        columns = [name for name in file.schema_arrow.names if places or not is_place(name)]
        rows: list[tuple[int, dict[str, Any]]] = []
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            here = [position for position in positions if start <= position < end]
            if here:
                table = file.read_row_group(group, [name for name in columns if name not in HASHES])
                rows += zip(here, table.take([position - start for position in here]).to_pylist(), strict=True)
            start = end
        return rows


class Run:
    """The finished datasets of a run, by name."""

    def __init__(self, data: Path):
        """data: the folder that holds the datasets' folders. Raises `UserError` if it holds no finished dataset."""
        self.data = data
        folders = sorted(path.parent for path in data.glob("*/manifest.json"))
        self.datasets = {path.name: Rows(Dataset(path)) for path in folders if is_complete(path)}
        if not self.datasets:
            raise UserError(f"there is no finished dataset in {data}: run a pipeline there, or name its --workspace")

    def __getitem__(self, name: str) -> Rows:
        """A dataset by its name. Raises `UserError` if the run has not made it."""
        if name not in self.datasets:
            raise UserError(f"there is no dataset {name} in {self.data}: run the stage that makes it first")
        return self.datasets[name]


def is_place(column: str) -> bool:
    """Whether a column says where a blob lies, which no person wants to read."""
    return column == "shard" or column.endswith(("_offset", "_length"))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
