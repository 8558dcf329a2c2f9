"""Which object each label means, and which labelled objects are compared."""

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from components.calibration.params import Params
from components.common.data.seeds import unit_interval
from components.common.vision.corpus import Corpus
from components.common.vision.geometry import Box, iou

MEMBERS = 200
"""Objects of one subject that are compared, at most: pairs grow with the square, and past this add little."""

Label = dict[str, Any]
"""A row of the dataset `subjects`."""


class Named(NamedTuple):
    """What labels say about objects.

    subjects: object row -> subject. compared: those of them that calibrate, at most MEMBERS per subject. labels: how
    many are about photographs of this run. unplaced: those of them that fit no object. contested: object row -> its
    subjects, where labels disagree; these objects are left out. crowded: subject -> its number of objects, where that
    is more than MEMBERS.
    """

    subjects: dict[int, str]
    compared: dict[int, str]
    labels: int
    unplaced: list[Label]
    contested: dict[int, list[str]]
    crowded: dict[str, int]

    def notes(self) -> list[str]:
        """What a reader should know about labels that were not used."""
        notes = []
        if self.unplaced:
            first = self.unplaced[0]
            box = "the whole photograph" if first["x"] is None else f"x, y, w, h = {[first[side] for side in 'xywh']}"
            notes.append(
                f"{len(self.unplaced)} of {self.labels} labels fit no object, such as '{first['subject']}' ({box}): "
                "boxes are in px of the upright photograph and must overlap an object by calibration.min_iou"
            )
        if self.contested:
            row, names = next(iter(self.contested.items()))
            both = " and ".join(f"'{name}'" for name in names)
            notes.append(
                f"{len(self.contested)} objects are labelled as several subjects and left out, such as object {row} "
                f"as {both}: correct these labels"
            )
        notes += [
            f"subject '{subject}' has {count} objects, of which {MEMBERS} are compared: leave the subject empty if it "
            "stands for unknown products"
            for subject, count in self.crowded.items()
        ]
        return notes


def name_objects(corpus: Corpus, labels: list[Label], params: Params) -> Named:
    """Places each label: a box on the object that overlaps it most, a label of a whole photograph on the object that is
    largest and most central. An object whose only subject is empty never recurs: it is named after its place."""
    objects: dict[int, list[int]] = defaultdict(list)
    for row, place in enumerate(corpus.photo):
        objects[int(place)].append(row)
    places = {image_id: place for place, image_id in enumerate(corpus.image_ids)}
    sizes = corpus.images.rows(["width", "height"])
    here = [label for label in labels if label["image_id"] in places]
    unplaced: list[Label] = []
    claims: dict[int, dict[str, Label]] = defaultdict(dict)
    for label in here:
        place = places[label["image_id"]]
        best = _object_of(label, objects[place], corpus.boxes, sizes[place], params.min_iou)
        if best is None:
            unplaced.append(label)
        else:
            claims[best].setdefault(label["subject"], label)
    subjects = {row: [name for name in claim if name] or [_own_name(claim[""])] for row, claim in claims.items()}
    contested = {row: names for row, names in subjects.items() if len(names) > 1}
    agreed = {row: names[0] for row, names in subjects.items() if len(names) == 1}
    compared, crowded = _compared(corpus, agreed, params.seed)
    return Named(agreed, compared, len(here), unplaced, contested, crowded)


def prominence(box: Box, width: int, height: int) -> float:
    """Area of the box times how central it is (1 in the middle of the photograph, 0 in a corner), px^2."""
    x, y = (box.x + box.w / 2) / width - 0.5, (box.y + box.h / 2) / height - 0.5
    return box.area * max(1 - np.hypot(x, y) / np.hypot(0.5, 0.5), 0.0)


def _object_of(label: Label, rows: list[int], boxes: list[Box], size: dict[str, int], min_iou: float) -> int | None:
    if not rows:
        return None
    if label["x"] is None:
        return max(rows, key=lambda row: (prominence(boxes[row], size["width"], size["height"]), -row))
    wanted = Box(*(label[side] for side in "xywh"))
    best = max(rows, key=lambda row: (iou(boxes[row], wanted), -row))
    return best if iou(boxes[best], wanted) >= min_iou else None


def _own_name(label: Label) -> str:
    return f"only in {label['image_id']} at {label['x']}, {label['y']}"


def _compared(corpus: Corpus, subjects: dict[int, str], seed: int) -> tuple[dict[int, str], dict[str, int]]:
    """The subjects with at most MEMBERS objects each, chosen by a hash of their ids; and the sizes of those cut."""
    members: dict[str, list[int]] = defaultdict(list)
    for row, name in subjects.items():
        members[name].append(row)
    crowded = {name: len(rows) for name, rows in members.items() if len(rows) > MEMBERS}
    ids = corpus.table["object_id"].to_pylist() if crowded else []
    for name in crowded:
        members[name] = sorted(members[name], key=lambda row: unit_interval(seed, "member", ids[row]))[:MEMBERS]
    return {row: name for name, rows in members.items() for row in rows}, crowded
