"""Copies of a photograph: re-encoded, resized, mirrored, or cropped to about three quarters of each side.

Local features (SIFT; Lowe 2004, as RootSIFT of Arandjelovic and Zisserman 2012) of two pictures are matched, and the
matches that one map without rotation explains are counted. Pictures of one room that differ in what stands in it share
few such matches, where a difference hash or a thumbnail finds them alike. Two photographs of one printed package share
many, but only on the package: those of a copy are spread like the features of all that both pictures show.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

SIDE = 256
"""px, longer side of the grey picture in which features are found."""
FEATURES, DIMENSIONS = 150, 128
CONTRAST = 0.01  # features of faint texture count as well: plain rooms have no others
LEVELS = 255
ROWS = 12
"""Features multiplied at a time. For larger products OpenBLAS starts its own threads, which wait for each other when
pictures are compared in parallel: nine times slower on two busy cores."""
ALIKE = 0.85  # cosine from which two features match
TOLERANCE = 3  # px, how far a match may lie from where the map puts it
TRIALS = 500
TURNED = np.arange(8, 0, -1) % 8
AGREEING = 22
"""Matches on one map from which two pictures are copies of one photograph."""
SPREAD = 0.55  # least area over which the matches are spread / that of all features in the part that both show
UPRIGHT = 1.0  # degrees: a copy is not rotated, another photograph of the same thing usually is


class Look(NamedTuple):
    """The features of a picture. points: float32 [F, 2], px. features: uint8 [F, DIMENSIONS], square roots, 0..255."""

    points: np.ndarray
    features: np.ndarray


def look_of(image: Image.Image) -> Look:
    """The features of an upright picture, at most FEATURES, the strongest."""
    scale = SIDE / max(image.size)
    size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    grey = np.asarray(image.convert("L").resize(size, Image.Resampling.BOX))
    finder = cv2.SIFT_create(nfeatures=FEATURES, contrastThreshold=CONTRAST)  # type: ignore[attr-defined]
    points, features = finder.detectAndCompute(grey, None)
    if features is None:
        return Look(np.zeros((0, 2), np.float32), np.zeros((0, DIMENSIONS), np.uint8))
    shares = features / np.maximum(features.sum(1, keepdims=True), 1e-6)
    places = np.array([point.pt for point in points], np.float32)
    return Look(places[:FEATURES], np.round(np.sqrt(shares) * LEVELS).astype(np.uint8)[:FEATURES])


def looks_of(image: Image.Image) -> tuple[Look, Look]:
    """The features of a picture and those of its mirror image: a copy may be mirrored."""
    look = look_of(image)
    return look, mirrored(look)


def mirrored(look: Look) -> Look:
    """The features that the mirror image has.

    A feature is 4 x 4 cells, rows across its own direction, of 8 directions: rows and directions are reversed.
    """
    cells = look.features.reshape(-1, 4, 4, 8)[:, ::-1][..., TURNED]
    return Look(look.points * np.array([-1, 1], np.float32), cells.reshape(-1, DIMENSIONS))


def agreement(ways: Sequence[Look], known: Look) -> int:
    """How many matches of a picture with another agree on one map: the best of the picture's `ways` (`looks_of`)."""
    return max(_agreeing(look, known) for look in ways)


def copies(ways: Sequence[Look], known: Sequence[Look]) -> Iterator[int]:
    """Which of the known pictures a picture is a copy of, by their numbers."""
    return (number for number, look in enumerate(known) if agreement(ways, look) >= AGREEING)


def _agreeing(look: Look, known: Look) -> int:
    ours, theirs = _matches(look.features, known.features)
    if len(ours) < AGREEING:
        return 0
    place, inliers = cv2.estimateAffinePartial2D(
        look.points[ours],
        known.points[theirs],
        method=cv2.RANSAC,
        ransacReprojThreshold=TOLERANCE,
        maxIters=TRIALS,
    )
    if place is None or abs(np.degrees(np.arctan2(place[1, 0], place[0, 0]))) > UPRIGHT:
        return 0
    agreeing = known.points[theirs][inliers.ravel() > 0]
    if len(agreeing) < AGREEING or _area(agreeing) < SPREAD * _area(_shared(look, known, place)):
        return 0
    return len(agreeing)


def _shared(look: Look, known: Look, place: np.ndarray) -> np.ndarray:
    """The points of the known picture that lie where the other picture, laid over it, has points."""
    back = cv2.invertAffineTransform(place)
    points = known.points @ back[:, :2].T + back[:, 2]
    inside = (points >= look.points.min(0) - 1) & (points <= look.points.max(0) + 1)
    return known.points[inside.all(1)]


def _area(points: np.ndarray) -> float:
    """The area over which points are spread, px squared, up to a constant factor."""
    return float(np.sqrt(max(np.linalg.det(np.cov(points.T)), 0.0))) if len(points) > 2 else 0.0


def _matches(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two arrays of features that are each other's nearest, and alike."""
    if not len(ours) or not len(theirs):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    left, right_T = ours.astype(np.float32), theirs.astype(np.float32).T  # sums of integers: exact in any order
    cosines = np.concatenate([left[at : at + ROWS] @ right_T for at in range(0, len(left), ROWS)]) / LEVELS**2
    nearest, back = cosines.argmax(1), cosines.argmax(0)
    rows = np.flatnonzero(back[nearest] == np.arange(len(ours)))
    rows = rows[cosines[rows, nearest[rows]] >= ALIKE]
    return rows, nearest[rows]
