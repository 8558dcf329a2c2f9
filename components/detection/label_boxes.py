"""Boxes of the table of labels, with or without a subject."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from components.common.data.labels import Label, parse
from components.common.data.names import Names
from components.common.data.storage import read_address
from components.common.vision.geometry import Box
from components.detection.annotations import Annotations, Unusable, meant
from components.detection.boxes import PRODUCT, Candidate, whole


def read_label_boxes(address: str, photographs: Sequence[Mapping[str, Any]], inset: float) -> Annotations:
    """The boxes of the labels at `address` for these rows of the dataset `images`.

    A photograph that only has labels without a box has one box: the whole of it without `inset` of each side. Raises
    `UserError` if it is not a table of labels, names none of the photographs, or no row can be used.
    """
    data = read_address(address)
    labels = parse(data, address)
    matches = Names(row["uri"] for row in photographs).match(
        dict.fromkeys(label.path for label in labels if label.path)
    )
    rows = {row["uri"]: row for row in photographs}
    annotations = Annotations({"annotations": sha256(data).hexdigest()})
    boxless: dict[str, Candidate] = {}
    for label in labels:
        try:
            if label.flaw:
                raise Unusable("broken", f"it {label.flaw}")
            row = rows[meant(label.path, matches)]
            if label.box is None:
                box = whole(row["width"], row["height"], inset)
                boxless.setdefault(row["image_id"], _candidate(label, box))
            else:
                annotations.boxes[row["image_id"]].append(_candidate(label, Box(*label.box)))
        except Unusable as unusable:
            annotations.rejects.add(f"line {label.line}", unusable)
    for image_id in boxless.keys() - annotations.boxes.keys():
        annotations.boxes[image_id].append(boxless[image_id])
    annotations.check(address, matches, list(rows))
    return annotations


def _candidate(label: Label, box: Box) -> Candidate:
    return Candidate(box, label.category or PRODUCT, 1.0)
