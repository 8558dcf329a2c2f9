"""Objects gate: boxes lie in their photographs, are neither too small nor too large, and do not repeat each other."""

from pathlib import Path

import numpy as np

from components.common.data.reading import Dataset
from components.gates.checks import Check, Gate
from components.gates.params import Vectors

BROKEN = "find the boxes in the objects table, then correct the annotations or the detection parameters"


def objects(inputs: dict[str, Path], params: Vectors) -> Gate:
    """Measures every box against its photograph, against the other boxes of that photograph, and against the limits
    that detection applied, which are in the manifest of `objects`.
    """
    photo, boxes, extent = _load(inputs)
    limits = Dataset(inputs["objects"]).manifest.params
    return Gate(
        "objects",
        (
            Check(
                "objects",
                "the number of objects",
                len(boxes),
                low=params.min_objects,
                next_step="lower detection's score or size limits, or check that annotations name these photographs",
            ),
            Check(
                "overhang",
                "how far a box extends beyond its upright photograph (px)",
                overhang(boxes, extent),
                high=params.box_slack,
                next_step=BROKEN,
            ),
            Check(
                "area_share",
                "the share of the photograph that a box covers",
                boxes[:, 2] * boxes[:, 3] / np.maximum(extent.prod(1), 1),
                low=limits["min_share"],
                high=limits["max_share"],
                next_step=BROKEN,
            ),
            Check(
                "shorter_side",
                "the shorter side of a box (px)",
                boxes[:, 2:].min(1),
                low=limits["min_side"],
                next_step=BROKEN,
            ),
            Check(
                "overlap",
                "the largest IoU of a box with another of its photograph",
                largest_overlap(photo, boxes),
                high=limits["max_iou"],
                next_step="lower detection's overlap limit: suppression of repeated boxes did not work",
            ),
        ),
    )


def _load(inputs: dict[str, Path]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per object: photograph index [N], box x y w h [N, 4] and the photograph's width and height [N, 2] (px)."""
    images = Dataset(inputs["images"]).table(["image_id", "width", "height"])
    table = Dataset(inputs["objects"]).table(["image_id", "x", "y", "w", "h"])
    index = {image_id: i for i, image_id in enumerate(images["image_id"].to_pylist())}
    photo = np.array([index.get(image_id, -1) for image_id in table["image_id"].to_pylist()], np.int64)
    sizes = np.stack([images["width"].to_numpy(), images["height"].to_numpy()], 1).astype(np.float64)
    # An object of an unknown photograph gets one without extent, so that its box lies outside.
    sizes = np.concatenate([sizes, np.zeros((1, 2))])
    boxes = np.stack([table[side].to_numpy() for side in ("x", "y", "w", "h")], 1).astype(np.float64)
    return photo, boxes, sizes[photo]


def overhang(boxes: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """px by which each box [N, 4] leaves its photograph of width and height `extent` [N, 2]; 0 inside."""
    start, end = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    return np.maximum(np.maximum(-start, end - extent).max(1), 0.0)


def largest_overlap(photo: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """For each box [N, 4] its largest IoU with another box of the same photograph [N]; 0 where there is none."""
    largest = np.zeros(len(boxes))
    order = np.argsort(photo, kind="stable")
    for shift in range(1, int(np.bincount(photo + 1).max()) if len(photo) else 0):
        first, second = order[:-shift], order[shift:]
        same = photo[first] == photo[second]
        first, second = first[same], second[same]
        overlap = _iou(boxes[first], boxes[second])
        np.maximum.at(largest, first, overlap)
        np.maximum.at(largest, second, overlap)
    return largest


def _iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes paired by row, [N, 4] x [N, 4] -> [N]."""
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    shared = np.maximum(high - low, 0).prod(1)
    union = a[:, 2:].prod(1) + b[:, 2:].prod(1) - shared
    return shared / np.maximum(union, 1e-9)
