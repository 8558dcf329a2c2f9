"""Judgement: the file of people's verdicts becomes verdicts on this run's objects."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from components.common.counts import counted
from components.common.data.reading import Dataset
from components.common.data.storage import read_address
from components.common.data.writing import Writer
from components.common.stage.report import Report
from components.common.verdicts import QUESTION, Place, Verdict, parse, render
from components.common.vision.geometry import Box, iou
from components.judgement.agreement import agreements
from components.judgement.params import Params

OVERLAP = 0.8
"""Intersection over union above which an object is the one that a verdict is about: up to it, detection by default
keeps two boxes as two objects."""
KAPPAS = 6  # sentences on the page
LEFT_OUT = "verdicts_left_out.csv"
ASKED = QUESTION.partition(":")[0]


class Objects:
    """The objects of a run by photograph, read from the datasets `images` and `objects` when they are needed."""

    def __init__(self, inputs: Mapping[str, Path]):
        self._images, self._objects = Dataset(inputs["images"]), Dataset(inputs["objects"])
        self._of: dict[str, list[tuple[int, Box]] | None] = {}

    def look_up(self, photographs: Collection[str]) -> None:
        """Reads the boxes of these photographs in one pass, so that `at` need not read for each."""
        unread = pa.array(sorted({photograph for photograph in photographs if photograph not in self._of}), pa.string())
        if not unread:
            return
        self._of |= dict.fromkeys(unread.to_pylist())
        images = self._images.table(["image_id"])["image_id"]
        self._of |= {image: [] for image in images.filter(pc.is_in(images, unread)).to_pylist()}
        table = self._objects.table(["image_id", *"xywh"])
        rows = pc.indices_nonzero(pc.is_in(table["image_id"], unread))
        for row, place in zip(rows.to_pylist(), table.take(rows).to_pylist(), strict=True):
            here = self._of[place["image_id"]]
            if here is not None:
                here.append((row, Box(*(place[side] for side in "xywh"))))

    def at(self, place: Place) -> int | str:
        """The row of the object at a place, or why there is none."""
        self.look_up([place.image])
        if (here := self._of[place.image]) is None:
            return "their photograph is not in this run"
        overlap, row = max(((iou(box, place.box), -row) for row, box in here), default=(0.0, 0))
        return -row if overlap > OVERLAP else "no object is at their box any more"


class Placed(NamedTuple):
    """Verdicts on this run's objects: (row, row) in ascending order -> rater -> verdict; and why others are left out.

    replaced: how many verdicts were replaced by a later one of the same rater on the same pair.
    """

    verdicts: dict[tuple[int, int], dict[str, Verdict]]
    left_out: dict[str, list[Verdict]]
    replaced: int


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """images, objects -> judgements. Raises `UserError` if the file is absent or is not one of verdicts."""
    data = read_address(params.verdicts) if params.verdicts else b""
    placed = place(parse(data, params.verdicts) if params.verdicts else [], Objects(inputs))
    contents = {"verdicts": sha256(data).hexdigest()}
    with Writer(outputs["judgements"], "judgements", "judgement", inputs, params, contents) as out:
        out.write(0, [_row(pair, verdict) for pair, by in sorted(placed.verdicts.items()) for verdict in by.values()])
    return _report(placed)


def place(verdicts: Sequence[Verdict], objects: Objects) -> Placed:
    """Finds the objects that each verdict is about. Of a rater's verdicts on a pair the latest counts."""
    placed = Placed(defaultdict(dict), defaultdict(list), 0)
    replaced = 0
    objects.look_up({side.image for verdict in verdicts for side in (verdict.first, verdict.second)})
    for verdict in sorted(verdicts, key=lambda verdict: verdict.moment):
        rows = _rows(verdict, objects)
        if isinstance(rows, str):
            placed.left_out[rows].append(verdict)
        else:
            by_rater = placed.verdicts[rows]
            replaced += verdict.rater in by_rater
            by_rater[verdict.rater] = verdict
    return placed._replace(replaced=replaced)


def _rows(verdict: Verdict, objects: Objects) -> tuple[int, int] | str:
    """The objects of a verdict in ascending order, or why it is about none."""
    if verdict.asked.lower() not in ("", ASKED):
        return f"they answer another question than {ASKED}"
    first, second = objects.at(verdict.first), objects.at(verdict.second)
    for row in (first, second):
        if isinstance(row, str):
            return row
    if first == second:
        return "both places are one object"
    return min(first, second), max(first, second)  # type: ignore[type-var, return-value]


def _row(pair: tuple[int, int], verdict: Verdict) -> dict[str, Any]:
    return dict(zip(("src_row", "dst_row"), pair, strict=True)) | verdict.row()


def _report(placed: Placed) -> Report:
    words = {pair: {rater: one.verdict for rater, one in by.items()} for pair, by in placed.verdicts.items()}
    raters = {rater for by_rater in words.values() for rater in by_rater}
    disputed = sum(len(set(by_rater.values())) > 1 for by_rater in words.values())
    unnamed = sum(not verdict.asked for by_rater in placed.verdicts.values() for verdict in by_rater.values())
    left_out = [verdict for verdicts in placed.left_out.values() for verdict in verdicts]
    metrics = {
        "judged_pairs": len(words),
        "verdicts": sum(map(len, words.values())),
        "raters": len(raters),
        "disputed_pairs": disputed,
        "verdicts_replaced": placed.replaced,
        "verdicts_left_out": len(left_out),
    }
    notes = [
        f"Not used: {counted(len(verdicts), 'verdict')}, as {reason}. The file keeps them; files/{LEFT_OUT} lists them."
        for reason, verdicts in placed.left_out.items()
    ]
    if placed.replaced:
        notes.append(f"Not used: {counted(placed.replaced, 'verdict')} with a later one of the rater on the same pair.")
    if unnamed:
        notes.append(f"{counted(unnamed, 'verdict')} named no question and counted as an answer to {ASKED}.")
    kappas = agreements(words)
    notes += [str(agreement) for agreement in kappas[:KAPPAS]]
    if len(kappas) > KAPPAS:
        notes.append(f"Of {len(kappas)} kappas these are the lowest {KAPPAS - 1} and Fleiss' of all raters.")
    if disputed:
        notes.append(
            f"Disputed: {counted(disputed, 'pair')}. A pair counts as right if more than half of its raters say same."
        )
    files: dict[str, bytes | str] = {LEFT_OUT: render(left_out, header=True)} if left_out else {}
    return Report({name: float(count) for name, count in metrics.items()}, notes=notes, files=files)
