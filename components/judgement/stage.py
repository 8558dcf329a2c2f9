"""Judgement: the file of people's verdicts becomes verdicts on this run's objects."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from components.common.data.reading import Dataset
from components.common.data.storage import read_address
from components.common.data.writing import Writer
from components.common.stage.report import Report
from components.common.verdicts import Place, Verdict, parse, render
from components.common.vision.geometry import Box, iou
from components.judgement.agreement import agreements
from components.judgement.params import Params

OVERLAP = 0.5
"""Intersection over union from which an object is the one that a verdict is about."""
LEFT_OUT = "verdicts_left_out.csv"

Objects = dict[str, list[tuple[int, Box]]]
"""Photograph -> its objects: row and box."""


class Placed(NamedTuple):
    """Verdicts on this run's objects: (row, row) in ascending order -> rater -> verdict; and why others are on none.

    replaced: how many verdicts a later one of the same rater on the same pair took the place of.
    """

    verdicts: dict[tuple[int, int], dict[str, Verdict]]
    left_out: dict[str, list[Verdict]]
    replaced: int


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """images, objects -> judgements. Raises `UserError` if the file is absent or is not one of verdicts."""
    data = read_address(params.verdicts) if params.verdicts else b""
    placed = place(parse(data, params.verdicts) if params.verdicts else [], objects_by_photograph(inputs))
    contents = {"verdicts": sha256(data).hexdigest()}
    with Writer(outputs["judgements"], "judgements", "judgement", inputs, params, contents) as out:
        out.write(
            0, [_row(pair, verdict) for pair, given in sorted(placed.verdicts.items()) for verdict in given.values()]
        )
    return _report(placed)


def place(verdicts: Sequence[Verdict], objects: Objects) -> Placed:
    """Finds the objects that each verdict is about. A rater's last verdict on a pair counts."""
    placed = Placed(defaultdict(dict), defaultdict(list), 0)
    replaced = 0
    for verdict in verdicts:
        rows = [object_at(side, objects) for side in (verdict.first, verdict.second)]
        if reason := next((row for row in rows if isinstance(row, str)), ""):
            placed.left_out[reason].append(verdict)
        elif rows[0] == rows[1]:
            placed.left_out["both places are one object"].append(verdict)
        else:
            given = placed.verdicts[min(rows), max(rows)]  # type: ignore[type-var, index]
            replaced += verdict.rater in given
            given[verdict.rater] = verdict
    return placed._replace(replaced=replaced)


def objects_by_photograph(inputs: Mapping[str, Path]) -> Objects:
    """The objects of the datasets `images` and `objects`; a photograph without any has an empty list."""
    table = Dataset(inputs["objects"]).table(["image_id", *"xywh"])
    objects: Objects = defaultdict(list)
    for image in Dataset(inputs["images"]).table(["image_id"])["image_id"].to_pylist():
        objects[image] = []
    for row, (image, *sides) in enumerate(
        zip(*(table[name].to_pylist() for name in ("image_id", *"xywh")), strict=True)
    ):
        objects[image].append((row, Box(*sides)))
    return objects


def object_at(place: Place, objects: Objects) -> int | str:
    """The row of the object at a place, or why there is none."""
    if place.image not in objects:
        return "their photograph is not in this run"
    overlap, row = max(((iou(box, place.box), -row) for row, box in objects[place.image]), default=(0.0, 0))
    return -row if overlap >= OVERLAP else "no object is at their box any more"


def _row(pair: tuple[int, int], verdict: Verdict) -> dict[str, Any]:
    places = dict(zip(("src_row", "dst_row"), pair, strict=True))
    return places | {name: getattr(verdict, name) for name in ("verdict", "rater", "at", "question")}


def _report(placed: Placed) -> Report:
    words = {pair: {rater: given.verdict for rater, given in by.items()} for pair, by in placed.verdicts.items()}
    raters = {rater for given in words.values() for rater in given}
    disputed = [given for given in words.values() if len(set(given.values())) > 1]
    left_out = [verdict for verdicts in placed.left_out.values() for verdict in verdicts]
    metrics = {
        "judged_pairs": len(words),
        "verdicts": sum(map(len, words.values())),
        "raters": len(raters),
        "disputed_pairs": len(disputed),
        "verdicts_replaced": placed.replaced,
        "verdicts_left_out": len(left_out),
    }
    notes = [
        f"{len(verdicts)} verdicts are not used, as {reason}; they stay in the file, and are listed in files/{LEFT_OUT}"
        for reason, verdicts in placed.left_out.items()
    ]
    notes += [str(agreement) for agreement in agreements(words)]
    if disputed:
        notes.append(
            f"{len(disputed)} pairs are disputed: a pair counts as right if more than half of its raters say same"
        )
    files: dict[str, bytes | str] = {LEFT_OUT: render(left_out, header=True)} if left_out else {}
    return Report({name: float(count) for name, count in metrics.items()}, notes=notes, files=files)
