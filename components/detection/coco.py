"""COCO's JSON (cocodataset.org, object detection): `images`, `categories` and `annotations`, linked by ids."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from components.common.data.names import Matches, Names
from components.common.data.storage import read_address
from components.common.errors import UserError
from components.common.vision.geometry import Box, finite
from components.detection.annotations import Annotations, Unusable, is_set, meant
from components.detection.boxes import Candidate

SECTIONS = ("images", "categories", "annotations")
Entries = Mapping[str, Mapping[str, dict[str, Any]]]
"""id -> name -> entry: several names if the file gives one id to different things."""


class _File(NamedTuple):
    """images, categories: by id. matches: what the file names mean. rows: uri -> row of `images`."""

    images: Entries
    categories: Entries
    matches: Matches
    rows: Mapping[str, Mapping[str, Any]]


def read_coco(address: str, photographs: Sequence[Mapping[str, Any]]) -> Annotations:
    """The boxes of a COCO file for these rows of the dataset `images`, matched by file_name.

    Raises `UserError` if it is not a COCO file, names none of the photographs, or has annotations but no usable one.
    """
    data = read_address(address)
    sections = _sections(data, address)
    images = _by_id(sections["images"], "file_name")
    names = dict.fromkeys(name for named in images.values() for name in named)
    matches = Names(row["uri"] for row in photographs).match(names)
    file = _File(images, _by_id(sections["categories"], "name"), matches, {row["uri"]: row for row in photographs})
    annotations = Annotations({"annotations": sha256(data).hexdigest()})
    for place, annotation in enumerate(sections["annotations"]):
        try:
            image_id, candidate = _candidate(annotation, file)
            annotations.boxes[image_id].append(candidate)
        except Unusable as unusable:
            known = annotation.get("id") if isinstance(annotation, dict) else None
            where = f"entry {place} of annotations" if known is None else f"annotation {known}"
            annotations.rejects.add(where, unusable)
    annotations.check(address, matches, list(file.rows))
    return annotations


def _sections(data: bytes, address: str) -> dict[str, list[Any]]:
    try:
        content = json.loads(data)
    except ValueError as error:
        raise UserError(f"{address} is not valid JSON: {error}") from None
    for section in SECTIONS:
        if not isinstance(content, dict) or not isinstance(content.get(section), list):
            raise UserError(
                f"{address} is not a COCO detection file: it has no list '{section}'; it needs {', '.join(SECTIONS)}"
            )
    return content


def _by_id(entries: list[Any], name: str) -> Entries:
    """The entries that have an id and a name."""
    listed: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for entry in entries:
        if isinstance(entry, dict) and entry.get("id") is not None and entry.get(name) is not None:
            listed[_id(entry["id"])].setdefault(str(entry[name]), entry)
    return listed


def _id(value: Any) -> str:
    """An id as text: programs write 7, 7.0 and "7" for the same one."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _candidate(annotation: Any, file: _File) -> tuple[str, Candidate]:
    """image_id and candidate of an annotation. Raises `Unusable`."""
    if not isinstance(annotation, dict):
        raise Unusable("broken", "not a JSON object")
    name, image = _only("image", annotation.get("image_id"), file.images)
    row = file.rows[meant(name, file.matches)]
    category, _ = _only("category", annotation.get("category_id"), file.categories)
    sides = finite(annotation.get("bbox") or ())
    if len(sides) != 4:
        sides = _around(annotation.get("segmentation"))
    if not sides:
        raise Unusable("broken", f"its bbox is {json.dumps(annotation.get('bbox'))[:100]}")
    flaw = "crowd" if is_set(annotation.get("iscrowd")) else "frame" if _other_frame(image, row) else ""
    return row["image_id"], Candidate(Box(*sides), category, 1.0, flaw)


def _around(polygons: Any) -> tuple[float, ...]:
    """x, y, w and h of the box around some polygons, each x, y, x, y ...; empty if they are none."""
    if not isinstance(polygons, list) or not all(isinstance(polygon, list) for polygon in polygons):
        return ()
    points = finite(value for polygon in polygons for value in polygon)
    if len(points) < 6 or any(len(polygon) % 2 for polygon in polygons):
        return ()
    xs, ys = points[::2], points[1::2]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _only(kind: str, identifier: Any, listed: Entries) -> tuple[str, dict[str, Any]]:
    """The one thing that has this id, with its name."""
    named = listed.get(_id(identifier), {})
    if not named:
        raise Unusable("orphan", f"the file lists no {kind} {identifier}")
    if len(named) > 1:
        first, second, *_ = named
        raise Unusable("ambiguous", f"{kind} {identifier} is listed as '{first}' and as '{second}'")
    return next(iter(named.items()))


def _other_frame(image: dict[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether the file gives a size for the photograph that it does not have."""
    return any(image.get(side) is not None and finite([image[side]]) != (row[side],) for side in ("width", "height"))
