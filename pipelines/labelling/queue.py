"""The queue that a gate wrote, as pairs to ask about."""

from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv

from components.common.errors import UserError
from components.common.verdicts import SIDES, Place
from components.common.vision.geometry import Box
from components.judgement.stage import Objects


class Pair(NamedTuple):
    """A pair to judge. number: in the queue, from 1. similarity: cosine. rows: of the objects, as they are shown."""

    number: int
    similarity: float
    category: str
    first: Place
    second: Place
    rows: tuple[int, int]

    @property
    def key(self) -> tuple[int, int]:
        """Its objects in ascending order, as judgements name a pair."""
        return min(self.rows), max(self.rows)

    @property
    def turned(self) -> "Pair":
        """The pair with its objects shown the other way round."""
        return self._replace(first=self.second, second=self.first, rows=self.rows[::-1])


def read_queue(path: Path, objects: Objects) -> list[Pair]:
    """The pairs of a queue's CSV, in the order in which to ask. objects: of the run that the queue belongs to.

    Raises `UserError` if it is missing or damaged.
    """
    text = {name: pa.string() for name in ("first_image", "second_image", "category")}
    options = pa.csv.ConvertOptions(column_types=text, strings_can_be_null=False)
    try:
        rows = pa.csv.read_csv(path, convert_options=options).to_pylist()
        objects.look_up({row[f"{which}_image"] for row in rows for which in ("first", "second")})
        return [_pair(row, objects) for row in rows]
    except (OSError, KeyError, ValueError, pa.ArrowException):
        raise UserError(f"{path} is missing or damaged: run again to write it") from None


def _pair(row: dict[str, Any], objects: Objects) -> Pair:
    first, second = (_place(row, which) for which in ("first", "second"))
    rows = (int(objects.at(first)), int(objects.at(second)))
    return Pair(row["number"], row["similarity"], row["category"], first, second, rows)


def _place(row: dict[str, Any], which: str) -> Place:
    image, *box = (row[f"{which}_{side}"] for side in SIDES)
    return Place(image, Box(*map(float, box)))
