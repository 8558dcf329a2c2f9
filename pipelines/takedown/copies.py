"""Pictures that the next ingest will refuse by appearance: the same deny list decides, so a plan can predict it."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.stage.progress import track
from components.common.vision.images import Rejected, decode
from components.ingest.denied import REASON, Denied, DenyList
from components.lineage.rows import Run

Row = dict[str, Any]


def copies_of(denied: Sequence[Denied], runs: Iterable[Run]) -> dict[str, str]:
    """The runs' other photographs that will be refused with these entries: sha256 -> name in the collection."""
    known = {entry.image_id for entry in denied}
    copies: list[Row] = []
    for images in (run["images"].dataset for run in runs):
        every = images.rows(["image_id", "uri", *blob_columns("image")])
        rows = [row for row in every if row["image_id"] not in known]
        known |= {row["image_id"] for row in rows}
        copies += alike(images, "image", rows, denied)
    return {row["image_id"]: row["uri"] for row in copies}


def alike(dataset: Dataset, blob: str, rows: Sequence[Row], denied: Sequence[Denied]) -> Iterator[Row]:
    """The rows whose picture would be refused by appearance. rows: with the columns that locate the picture."""
    if any(entry.look for entry in denied):
        with ThreadPoolExecutor() as pool:
            refusals = pool.map(lambda row: is_refused(dataset.blob(row, blob), denied), rows)
            refused = track(refusals, f"pictures of {dataset.folder.name} compared", len(rows))
            yield from (row for row, is_copy in zip(rows, refused, strict=True) if is_copy)


def is_refused(data: bytes, denied: Sequence[Denied]) -> bool:
    """Whether a picture's file would be refused by appearance."""
    try:
        DenyList(denied).check("", decode(data))
    except Rejected as refused:  # for another reason, if it is not a picture
        return refused.reason == REASON
    return False
