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


def open_references(lot: Lot, scores: np.ndarray, evidence: Evidence) -> list[int]:
    """References to ask for next: the draws without a verdict; once there are none, the sets' other references.

    Each pair of objects is asked for once.
    """
    open_draws = [
        reference for reference, score in zip(evidence.drawn, evidence.scores, strict=True) if score == UNKNOWN
    ]
    others = (int(reference) for place in lot.order for reference in lot.references(int(place)))
    asked: dict[tuple[int, int], int] = {}
    for reference in open_draws or (reference for reference in others if scores[reference] == UNKNOWN):
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
