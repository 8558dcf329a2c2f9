"""The queue of an undecided gate: which pairs to judge next, in order, as a CSV that `objectmate label` reads."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from components.common.data.reading import Dataset
from components.common.verdicts import SIDES
from components.gates.draws import Lot
from components.gates.known import UNKNOWN
from components.gates.verdict import Evidence

QUEUE = "label_queue.csv"
LONGEST = 1000  # pairs listed


def references_for_people(lot: Lot, by_labels: np.ndarray, evidence: Evidence) -> list[int]:
    """References that people are asked for, in order: the draws that labels leave open; once all of these have a
    verdict, the sets' other references too. Those that some rater has judged are among them, for others to judge.

    by_labels: RIGHT, WRONG or UNKNOWN per reference. Each pair of objects is asked for once.
    """
    wanted = [reference for reference in evidence.drawn if by_labels[reference] == UNKNOWN]
    if not evidence.missing:
        others = (int(reference) for place in lot.order for reference in lot.references(int(place)))
        wanted += [reference for reference in others if by_labels[reference] == UNKNOWN]
    asked: dict[tuple[int, int], int] = {}
    for reference in wanted:
        asked.setdefault(lot.pair(reference).key, reference)
        if len(asked) == LONGEST:
            break
    return list(asked.values())


def render_queue(inputs: dict[str, Path], lot: Lot, references: list[int]) -> str:
    """The CSV: number, similarity, and both places as a file of verdicts writes them."""
    objects = Dataset(inputs["objects"]).table(["image_id", *"xywh", "category"])
    columns: dict[str, pa.Array] = {
        "number": pa.array(range(1, len(references) + 1)),
        "similarity": pa.array(np.round(lot.similarities[references].astype(float), 6)),
    }
    pairs = [lot.pair(reference) for reference in references]
    for which, rows in zip(("first", "second"), zip(*pairs, strict=True), strict=True):
        places = objects.take(pa.array(rows, pa.int64()))
        columns |= {
            f"{which}_{side}": places["image_id" if side == "image" else side].combine_chunks() for side in SIDES
        }
        columns.setdefault("category", places["category"].combine_chunks())
    text = io.BytesIO()
    pa.csv.write_csv(pa.table(columns), text)
    return text.getvalue().decode()
