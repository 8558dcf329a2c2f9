"""The box CSV of Open Images V4 to V7: one row per box, corners as shares of the photograph's sides."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

from components.common.data.names import Names
from components.common.data.storage import read_address
from components.common.data.tables import read_table, text_of
from components.common.vision.geometry import Box, finite
from components.detection.annotations import Annotations, Rejects, Unusable, is_set, meant
from components.detection.boxes import Candidate

CORNERS = ("XMin", "XMax", "YMin", "YMax")
REQUIRED = ("ImageID", "LabelName", *CORNERS)
_SPELLINGS = {name.lower(): name for name in ("Confidence", "IsGroupOf", "IsDepiction", "IsInside")}
FLAWS = {"IsGroupOf": "crowd", "IsDepiction": "depiction", "IsInside": "inside"}


def read_open_images(address: str, class_names: str, photographs: Sequence[Mapping[str, Any]]) -> Annotations:
    """The boxes of an Open Images CSV for these rows of the dataset `images`; ImageID is the file name without suffix.

    class_names: address of the CSV of class codes and names, or empty. Raises `UserError` if a column is missing, no
    ImageID names a photograph, or no box is usable.
    """
    data = read_address(address)
    names = Names((row["uri"] for row in photographs), endings=False)
    rows = {row["uri"]: row for row in photographs}
    categories, digests = _class_names(class_names)
    annotations = Annotations({"annotations": sha256(data).hexdigest(), **digests})
    lines = list(_fitting_lines(data, address, names, annotations.rejects))
    matches = names.match(cells["ImageID"] for _, cells in lines)
    for line, cells in lines:
        try:
            row = rows[meant(cells["ImageID"], matches)]
            candidate = _candidate(cells, row, categories)
            annotations.boxes[row["image_id"]].append(candidate)
        except Unusable as unusable:
            annotations.rejects.add(f"line {line}", unusable)
    annotations.check(address, matches, list(rows))
    return annotations


def _fitting_lines(data: bytes, address: str, names: Names, rejects: Rejects) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of each row whose ImageID fits a photograph; of the 14 million published, often few do."""
    fits = cache(names.fits)
    for line in read_table(data, address, REQUIRED, _SPELLINGS).lines:
        if line.flaw:
            rejects.add(f"line {line.number}", Unusable("broken", f"it {line.flaw}"))
        elif fits(line.cell("ImageID")):
            yield line.number, line.cells
        else:
            rejects.add(f"line {line.number}", Unusable("missing", f"'{line.cell('ImageID')}'"))


def _candidate(cells: dict[str, str], row: Mapping[str, Any], categories: dict[str, str]) -> Candidate:
    corners = finite(cells[corner].replace(",", ".") for corner in CORNERS)  # a share has no thousands separator
    score = finite([cells.get("Confidence") or 1])
    if not corners or not score:
        raise Unusable(
            "broken", ", ".join(f"{name} '{cells[name]}'" for name in (*CORNERS, "Confidence") if name in cells)
        )
    left, right, top, bottom = corners
    width, height = row["width"], row["height"]
    flaw = next((reason for column, reason in FLAWS.items() if is_set(cells.get(column))), "")
    pixels = Box(left * width, top * height, (right - left) * width, (bottom - top) * height)
    return Candidate(pixels, categories.get(cells["LabelName"], cells["LabelName"]), score[0], flaw)


def _class_names(address: str) -> tuple[dict[str, str], dict[str, str]]:
    """Class code -> name, and the digest of the file."""
    if not address:
        return {}, {}
    data = read_address(address)
    rows = csv.reader(io.StringIO(text_of(data, address), newline=""))
    return {row[0]: row[1] for row in rows if len(row) >= 2}, {"class_names": sha256(data).hexdigest()}
