"""The queue of a gate that needs people: which pairs to judge, in order, as a CSV for `objectmate label`."""

import io
from itertools import chain
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
LONGEST = 1000  # open pairs listed


def references_for_people(lot: Lot, by_labels: np.ndarray, scores: np.ndarray, evidence: Evidence) -> list[int]:
    """References that people are asked about, in order: the draws that labels leave open; once all draws of a lot that
    is smaller than the plan have a verdict, the sets' other references too.

    Those that some rater has judged are among them, for others to judge. by_labels, scores: RIGHT, WRONG or UNKNOWN per
    reference, by labels alone and by people too. Each pair of objects is listed once; at most `LONGEST` are open.
    """
    others = (int(reference) for place in lot.order for reference in lot.references(int(place)))
    small = len(evidence.drawn) == evidence.sets
    asked: dict[tuple[int, int], int] = {}
    still_open = 0
    for reference in chain(evidence.drawn, others if small and not evidence.missing else ()):
        key = lot.pair(reference).key
        if by_labels[reference] == UNKNOWN and key not in asked:
            asked[key] = reference
            still_open += scores[reference] == UNKNOWN
            if still_open == LONGEST:
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
