"""Human boxes: COCO's JSON (cocodataset.org, format of object detection) and the box CSV of Open Images V4 to V7."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from components.common.data.storage import match_names, read_address
from components.common.errors import UserError
from components.common.vision.geometry import Box
from components.detection.boxes import Candidate

Annotations = tuple[dict[str, str], Mapping[str, list[Candidate]]]
"""Digests of the files, and image_id -> candidates."""

CORNERS = ("XMin", "XMax", "YMin", "YMax")
FLAWS = {"IsGroupOf": "crowd", "IsDepiction": "depiction", "IsInside": "inside"}


def read_coco(address: str, photographs: Sequence[Mapping[str, Any]]) -> Annotations:
    """The boxes of a COCO file for these rows of `images`, matched by file_name.

    Raises `UserError` if it is no COCO file or names none of the photographs.
    """
    data = read_address(address)
    try:
        coco = json.loads(data)
        categories = {category["id"]: str(category["name"]) for category in coco["categories"]}
        images = {image["id"]: image for image in coco["images"]}
        names = match_names([image["file_name"] for image in images.values()], [row["uri"] for row in photographs])
        rows = {row["uri"]: row for row in photographs}
        found = defaultdict(list)
        for annotation in coco["annotations"]:
            image = images[annotation["image_id"]]
            if row := rows.get(names.get(image["file_name"], "")):
                found[row["image_id"]].append(_coco_candidate(annotation, image, row, categories))
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{address} is not valid COCO JSON: {error}") from None
    except KeyError as error:
        raise UserError(
            f"{address} is not a COCO detection file: {error} is missing; it needs images, annotations and categories"
        ) from None
    _must_match(names or not photographs, address)
    return {"annotations": sha256(data).hexdigest()}, found


def _coco_candidate(
    annotation: dict[str, Any], image: dict[str, Any], row: Mapping[str, Any], categories: dict[Any, str]
) -> Candidate:
    x, y, w, h = (float(value) for value in annotation["bbox"])
    frame = tuple(image.get(side, row[side]) for side in ("width", "height"))
    flaw = "crowd" if annotation.get("iscrowd") else "" if frame == (row["width"], row["height"]) else "frame"
    return Candidate(Box(x, y, w, h), categories[annotation["category_id"]], 1.0, flaw)


def read_open_images(address: str, class_names: str, photographs: Sequence[Mapping[str, Any]]) -> Annotations:
    """The boxes of an Open Images CSV for these rows of `images`; ImageID is the file name without its ending.

    class_names: address of the CSV of class codes and names, or empty. Raises `UserError` if a column is missing or no
    ImageID names a photograph.
    """
    data = read_address(address)
    stems: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in photographs:
        stems[PurePosixPath(row["uri"]).stem].append(row)
    table = _known_rows(data, address, pa.array(list(stems), pa.string()))
    _must_match(table.num_rows or not photographs, address)
    names, digests = _class_names(class_names)
    found = defaultdict(list)
    for box in table.to_pylist():
        for row in stems[box["ImageID"]]:
            found[row["image_id"]].append(_open_images_candidate(box, row, names))
    return {"annotations": sha256(data).hexdigest(), **digests}, found


def _known_rows(data: bytes, address: str, stems: pa.Array) -> pa.Table:
    """The rows about photographs that are there; the file is read in blocks, as the published one has 14 million."""
    header = next(csv.reader(io.StringIO(data[: 1 << 16].decode("utf-8-sig", "replace"))), [])
    for column in ("ImageID", "LabelName", *CORNERS):
        if column not in header:
            raise UserError(f"{address} has no column '{column}': name the box CSV of Open Images")
    types = {"ImageID": pa.string(), "LabelName": pa.string()} | dict.fromkeys(CORNERS, pa.float64())
    types |= {name: kind for name, kind in _optional().items() if name in header}
    options = arrow_csv.ConvertOptions(column_types=types, include_columns=list(types))
    try:
        blocks = arrow_csv.open_csv(pa.BufferReader(data), convert_options=options)
        kept = [pa.Table.from_batches([block]).filter(pc.is_in(block["ImageID"], value_set=stems)) for block in blocks]
        return pa.concat_tables(kept) if kept else blocks.schema.empty_table()
    except pa.ArrowInvalid as error:
        raise UserError(f"{address} is not a valid Open Images CSV: {error}") from None


def _optional() -> dict[str, pa.DataType]:
    return {"Confidence": pa.float64()} | dict.fromkeys(FLAWS, pa.int64())


def _open_images_candidate(box: dict[str, Any], row: Mapping[str, Any], names: dict[str, str]) -> Candidate:
    left, right, top, bottom = (box[corner] for corner in CORNERS)
    width, height = row["width"], row["height"]
    flaw = next((reason for column, reason in FLAWS.items() if box.get(column) == 1), "")
    pixels = Box(left * width, top * height, (right - left) * width, (bottom - top) * height)
    score = box.get("Confidence")
    return Candidate(pixels, names.get(box["LabelName"], box["LabelName"]), 1.0 if score is None else score, flaw)


def _class_names(address: str) -> tuple[dict[str, str], dict[str, str]]:
    """Class code -> name, and the digest of the file that says so."""
    if not address:
        return {}, {}
    data = read_address(address)
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
    return {row[0]: row[1] for row in rows if len(row) >= 2}, {"class_names": sha256(data).hexdigest()}


def _must_match(found: Any, address: str) -> None:
    if not found:
        raise UserError(f"{address} names none of the photographs: give the annotations of this collection")
