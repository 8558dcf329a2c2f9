"""Which split a tuple belongs to: its group decides, so that no object is in both splits.

Nor is any photograph: if one shows a validation object, training does not use it.
"""

import numpy as np
import pyarrow as pa

from components.assembly.params import Params
from components.common.data.seeds import unit_interval
from components.common.references import TRAIN, VALIDATION


def split_of_groups(groups: np.ndarray, object_ids: pa.ChunkedArray, params: Params) -> dict[int, str]:
    """Group -> split. groups: of every set [S]; object_ids: of every object, by row.

    A stable hash of the group's first object decides, so that adding photographs moves no other group. A group larger
    than the intended validation split goes to training: chains of look-alikes can make a group of any size.
    """
    names, sizes = np.unique(groups, return_counts=True)
    keys = object_ids.take(pa.array(names)).to_pylist() if len(names) else []
    largest = params.validation_share * len(groups)
    return {
        int(name): VALIDATION
        if size <= max(largest, 1) and unit_interval(params.seed, "split", key) < params.validation_share
        else TRAIN
        for name, size, key in zip(names, sizes, keys, strict=True)
    }


def held_out(rows: np.ndarray, groups: np.ndarray, image_ids: pa.ChunkedArray, splits: dict[int, str]) -> set[str]:
    """The photographs (image_id) that show a member of a validation set: no training tuple may use them.

    rows, groups: object row of each member and the group of its set [M]; image_ids: of every object, by row. A shared
    photograph does not bind two groups to one split, since photographs of several objects chain nearly all groups
    together.
    """
    names, place = np.unique(groups, return_inverse=True)
    held = np.array([splits[int(name)] == VALIDATION for name in names], bool)
    return set(image_ids.take(pa.array(rows[held[place]], pa.int64())).to_pylist())
