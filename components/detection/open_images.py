"""The box CSV of Open Images V4 to V7: a row for each box, corners as shares of the photograph's sides."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from components.common.data.names import Names
from components.common.data.storage import read_address
from components.common.errors import UserError
from components.common.vision.geometry import Box
from components.detection.annotations import Annotations, Rejects, Unusable, finite, is_set, meant
from components.detection.boxes import Candidate

CORNERS = ("XMin", "XMax", "YMin", "YMax")
REQUIRED = ("ImageID", "LabelName", *CORNERS)
FLAWS = {"IsGroupOf": "crowd", "IsDepiction": "depiction", "IsInside": "inside"}


def read_open_images(address: str, class_names: str, photographs: Sequence[Mapping[str, Any]]) -> Annotations:
    """The boxes of an Open Images CSV for these rows of the dataset `images`; ImageID is the file name without ending.

    class_names: address of the CSV of class codes and names, or empty. Raises `UserError` if a column is missing, no
    ImageID names a photograph, or no box is usable.
    """
    data = read_address(address)
    names = Names((row["uri"] for row in photographs), endings=False)
    rows = {row["uri"]: row for row in photographs}
    categories, digests = _class_names(class_names)
    read = Annotations({"annotations": sha256(data).hexdigest(), **digests})
    table = _known_rows(data, address, names, read.rejects)
    matches = names.match(pc.unique(table["ImageID"]).to_pylist())
    for cells in table.to_pylist():
        try:
            row = rows[meant(cells["ImageID"], matches)]
            read.boxes[row["image_id"]].append(_candidate(cells, row, categories))
        except Unusable as unusable:
            read.rejects.add(f"ImageID {cells['ImageID']}", unusable)
    if photographs:
        read.check(address, matches)
    return read


def _known_rows(data: bytes, address: str, names: Names, rejects: Rejects) -> pa.Table:
    """The rows about photographs that are there, as text; the file is read in blocks, as the published one has 14
    million rows."""
    header = _header(data, address)
    wanted = [column for column in (*REQUIRED, "Confidence", *FLAWS) if column in header]
    try:
        blocks = arrow_csv.open_csv(
            pa.BufferReader(data),
            arrow_csv.ReadOptions(column_names=header, skip_rows=1),
            arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=_rejecting(rejects)),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(wanted, pa.string()), include_columns=wanted),
        )
        kept = [blocks.schema.empty_table()]
        for block in blocks:
            image_ids = pc.unique(block["ImageID"]).to_pylist()
            fitting = pa.array([name for name in image_ids if names.fits(name)], pa.string())
            kept.append(pa.Table.from_batches([block]).filter(pc.is_in(block["ImageID"], value_set=fitting)))
            rejects.counts["missing"] += len(block) - len(kept[-1])
    except pa.ArrowInvalid as error:
        raise UserError(f"{address} is not a valid Open Images CSV: {error}") from None
    return pa.concat_tables(kept)


def _header(data: bytes, address: str) -> list[str]:
    first_line = data[: 1 << 16].decode("utf-8-sig", "replace")
    header = [name.strip() for name in next(csv.reader(io.StringIO(first_line)), [])]
    for column in REQUIRED:
        if column not in header:
            raise UserError(f"{address} has no column '{column}': name the box CSV of Open Images")
    if repeated := [name for name, count in Counter(header).items() if count > 1]:
        raise UserError(f"{address} has several columns '{repeated[0]}': keep one of them")
    return header


def _rejecting(rejects: Rejects) -> Callable[[arrow_csv.InvalidRow], str]:
    """What pyarrow does with a row of too few or too many cells."""

    def reject(row: arrow_csv.InvalidRow) -> str:
        detail = f"it has {row.actual_columns} cells, but the header names {row.expected_columns} columns"
        rejects.add(f"the row '{row.text[:100]}'", Unusable("broken", detail))
        return "skip"

    return reject


def _candidate(cells: dict[str, str], row: Mapping[str, Any], categories: dict[str, str]) -> Candidate:
    corners = finite(cells[corner] for corner in CORNERS)
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
    """Class code -> name, and the digest of the file that says so."""
    if not address:
        return {}, {}
    data = read_address(address)
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
    return {row[0]: row[1] for row in rows if len(row) >= 2}, {"class_names": sha256(data).hexdigest()}
