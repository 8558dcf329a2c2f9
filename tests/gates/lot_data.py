"""A run's sets for the tests of the retrieval-precision gate, and what is known about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gate_data import WINDOW, Make, Mined, object_row, photographs, thumbnails

from components.common.data.reading import Dataset
from components.common.verdicts import QUESTION, Place, Verdict, Word
from components.common.vision.geometry import Box
from components.gates.checks import Gate, judge
from components.gates.draws import lot_of
from components.gates.params import Recurrence
from components.gates.retrieval import retrieval_precision

AT_070 = Recurrence(min_precision=0.7, expected_precision=0.8)
HIGHER = "window=explicit --set calibration.high=0.99 --set calibration.low=..."
FACTS = {"low": 0.9, "high": 0.99, "encoder": "e"}


@dataclass
class Lot:
    """A run's sets: anchor 4 i with three views each, and what is known about them."""

    make: Make
    sets: int
    facts: Mapping[str, Any] = field(default_factory=lambda: FACTS)
    similarity: float = 0.95
    inputs: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        images, blobs = photographs(4, side=16)
        objects = [object_row(row, images[row % 4]["image_id"]) for row in range(4 * self.sets)]
        rows = [
            {
                "anchor": 4 * i,
                "views": [4 * i + j for j in (1, 2, 3)],
                "similarities": [self.similarity] * 3,
                "category": "mug",
                "group": 4 * i,
            }
            for i in range(self.sets)
        ]
        pairs = [
            {"src_row": 4 * i, "dst_row": 4 * i + j, "similarity": self.similarity, "flags": 0}
            for i in range(self.sets)
            for j in (1, 2, 3)
        ]
        crop = {"crop.png": blobs[0]["image.png"]}
        self.inputs = {
            "images": self.make("images", "images", images, blobs=blobs, vectors=thumbnails(blobs)),
            "objects": self.make("objects", "objects", objects, blobs=[crop] * len(objects)),
            "sets": self.make("sets", "sets", rows, self.facts, Mined()),
            "pairs": self.make("pairs", "pairs", pairs, self.facts),
        }
        self.know()

    def know(self, subjects: Mapping[int, str] = {}, judged: Sequence[tuple[int, int, str, str]] = ()) -> "Lot":
        """subjects: object row -> subject; judged: (row, row, verdict, rater)."""
        count = len(subjects)
        self.calibrate(label_rows=count, labels=count, labelled_objects=count)
        names = [{"row": row, "subject": name, "photograph": row} for row, name in sorted(subjects.items())]
        said = [judgement(*verdict) for verdict in judged]
        self.inputs["identities"] = self.make(f"i{np.random.random()}", "identities", names)
        self.inputs["judgements"] = self.make(f"j{np.random.random()}", "judgements", said)
        return self

    def calibrate(self, *curve: dict[str, Any], **facts: Any) -> "Lot":
        """curve: rows of `calibration`; facts: what it says of the window, unless as in `WINDOW`."""
        self.inputs["calibration"] = self.make(f"c{np.random.random()}", "calibration", curve, WINDOW | facts)
        return self

    def judge(self, params: Recurrence = AT_070) -> tuple[Gate, dict[str, Any]]:
        gate = retrieval_precision(self.inputs, params)
        return gate, judge(gate, {check.name: bool((check.excess <= 0).all()) for check in gate.checks}, True)

    def drawn(self, count: int) -> list[tuple[int, int]]:
        lot = lot_of(Dataset(self.inputs["sets"]), Dataset(self.inputs["objects"]))
        return [tuple(lot.pair(reference)) for reference in lot.draws(count)]


def named(sets: int, wrong_references: int) -> dict[int, str]:
    """A subject for every object; that many references, the first of the first sets, are another product."""
    subjects = {row: f"s{row // 4}" for row in range(4 * sets)}
    wrong = [4 * i + j for j in (1, 2, 3) for i in range(sets)][:wrong_references]
    return subjects | {row: f"other-{row}" for row in wrong}


def judgement(first: int, second: int, word: Word, rater: str) -> dict[str, Any]:
    """A row of `judgements`; the gate goes by its object rows."""
    place = Place("0" * 64, Box(0, 0, 9, 9))
    verdict = Verdict(place, place, word, rater, "", QUESTION)
    return {"src_row": min(first, second), "dst_row": max(first, second), **verdict.row()}
