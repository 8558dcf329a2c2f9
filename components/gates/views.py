"""Distinct views: the views of a set come from different photographs that do not nearly repeat one another.

This checks the mining stage, which made the sets. So the pairs are counted again, from the finished sets alone, and
shifted photographs are found by another method than mining's (`shifts.py`). Hashes and their distance are mining's own:
they define near-repeats, and a second copy of the definition would check nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.stage.report import Report
from components.common.vision.duplicates import hashes_of
from components.gates.checks import Check, Gate
from components.gates.params import Recurrence
from components.gates.shifts import shifted

CHUNK_PAIRS = 1_000_000


def distinct_views(inputs: dict[str, Path], params: Recurrence) -> Gate:
    """Compares every two members (anchor or view) of every set."""
    objects = Dataset(inputs["objects"]).table(["image_id", "dhash", "dhash_flipped"])
    photographs = Dataset(inputs["images"])
    images = photographs.table(["image_id", "dhash", "dhash_flipped"])
    photo = pc.index_in(objects["image_id"], value_set=images["image_id"]).to_numpy().astype(np.int64)
    crop_hashes, photo_hashes = hashes_of(objects), hashes_of(images)
    pairs = same = near_crop = near_photo = near_shift = near = 0
    for first, second in member_pairs(Dataset(inputs["sets"])):
        by_crop = crop_hashes.distance(first, second) <= params.crop_bits
        by_photo = photo_hashes.distance(photo[first], photo[second]) <= params.photo_bits
        by_shift = shifted(photographs, photo[first], photo[second], params.shift_correlation)
        pairs, same = pairs + len(first), same + int((photo[first] == photo[second]).sum())
        near_crop, near_photo = near_crop + int(by_crop.sum()), near_photo + int(by_photo.sum())
        near_shift, near = near_shift + int(by_shift.sum()), near + int((by_crop | by_photo | by_shift).sum())
    metrics = {
        "view_pairs": pairs,
        "near_duplicate_crops": near_crop,
        "near_duplicate_photographs": near_photo,
        "shifted_photographs": near_shift,
    }
    return Gate(
        "distinct-views",
        (
            Check(
                "same_image_pairs",
                "the number of pairs within a set that share their photograph",
                same,
                high=0,
                next_step="forbid pairs of one photograph in mining",
            ),
            Check(
                "near_duplicate_share",
                "the share of nearly equal pairs among the pairs of views within a set",
                near / max(pairs, 1),
                high=params.max_near_duplicates,
                next_step="raise duplicates.photo_bits, lower duplicates.moved_correlation, or lower the window's high "
                "end (calibration.high with calibration.window=explicit)",
            ),
        ),
        Report({name: float(value) for name, value in metrics.items()}),
    )


def member_pairs(sets: Dataset) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every two members of every set as object rows, first [P] and second [P], some at a time."""
    for table in sets.tables(["anchor", "views"]):
        anchors, views = table["anchor"].to_numpy(), table["views"].combine_chunks()
        sizes = np.diff(views.offsets.to_numpy())
        for size in np.unique(sizes):
            chosen = np.flatnonzero(sizes == size)
            flat = views.take(pa.array(chosen)).flatten().to_numpy().reshape(len(chosen), size)
            members = np.concatenate([anchors[chosen, None], flat], 1)
            yield from _pairs_of(members)


def _pairs_of(members: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every two columns of members [S, M], paired by row."""
    one, other = np.triu_indices(members.shape[1], 1)
    step = max(CHUNK_PAIRS // max(len(one), 1), 1)
    for start in range(0, len(members), step):
        chunk = members[start : start + step]
        yield chunk[:, one].ravel(), chunk[:, other].ravel()
