"""The similarity window that labelled pairs support.

A cosine has a meaning for one encoder only (the paper's [0.93, 0.975] belongs to its IR encoder), so the window is
calibrated for every encoder. Its low is chosen by fixed-sequence testing (Learn then Test, arXiv 2110.01052):
from the strictest threshold down, each must show with confidence that the target is reached; the first that does not
ends the sequence, so that the chosen one holds although many were tested. Its high best separates labelled
near-duplicates from other views.

The tested value is the mean over anchors of the share of their partners that are right; a partner that nobody labelled
counts as wrong. The bound treats products as the units (`common.statistics.count_votes`): it is about products like the
labelled ones, if all photographs of a labelled product are labelled, and is cautious otherwise.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from components.calibration.labels import Labels
from components.calibration.params import Params
from components.common.statistics import Ballot, count_votes, first_tested
from components.common.verdicts import DUPLICATE, SAME

RESOLUTION = 0.001  # of the window's high, cosine
SEPARATED = 0.5
"""Youden's J from which a threshold separates near-duplicates from other views: below, it would cost too many views."""


class Threshold(NamedTuple):
    """What pairs of at least this similarity (cosine) show.

    anchors: named objects with a partner. kish: how many independent votes they are worth by their number per product
    alone. votes: the same with the variance between products. precision: mean share of right partners, 0..1;
    lower_bound: of it.
    """

    threshold: float
    anchors: int
    kish: float
    votes: float
    precision: float
    lower_bound: float


class Window(NamedTuple):
    """The window. passed: whether pairs from low up reached the target; None if there was nothing to test it on.
    high_from: how its high was found, in words."""

    low: float
    high: float
    passed: bool | None
    high_from: str


def thresholds(params: Params) -> np.ndarray:
    """The tested thresholds, strictest first, float64 [T]."""
    count = int((params.strictest - params.loosest) / params.step + 1e-9) + 1
    return np.round(params.strictest - params.step * np.arange(count), 6)


def precision_curve(labels: Labels, params: Params) -> list[Threshold]:
    """What each threshold shows, strictest first, where it has pairs; near-duplicates count neither way."""
    judged, curve = labels.where(labels.verdict != DUPLICATE), []
    for place, threshold in enumerate(thresholds(params)):
        above = judged.where(judged.pairs.similarity >= np.float32(threshold))
        ballot = ballot_of(above, labels.strangers[:, place])
        anchors = int(np.isfinite(ballot.scores()).sum())
        if anchors:
            shown = count_votes(ballot, params.confidence)
            point = Threshold(float(threshold), anchors, ballot.kish(), shown.effective, shown.mean, shown.bound)
            curve.append(point)
    return curve


def ballot_of(judged: Labels, strangers: np.ndarray) -> Ballot:
    """The votes of named objects, each pair counting for both of its objects. strangers: int [L], unknown partners."""
    src, dst = judged.pairs.src, judged.pairs.dst
    anchor, partner = np.concatenate([src, dst]), np.concatenate([dst, src])
    right = np.tile(judged.verdict == SAME, 2)
    return Ballot(anchor, judged.product[partner], right, judged.product, strangers)


def find_low(curve: Sequence[Threshold], params: Params) -> float | None:
    """The loosest threshold before the first that misses the target; None if the very first misses it."""
    low = None
    for point in curve[first_tested([point.kish for point in curve]) :]:
        if point.lower_bound < params.target:
            break
        low = point.threshold
    return low


def find_high(labels: Labels, low: float, params: Params) -> tuple[float, str]:
    """The threshold above which most near-duplicates and fewest other views of the same product lie (Youden's J), and
    how it was found, in words.

    Where labelled near-duplicates are too few, or hardly more similar than other views, it is the similarity that the
    share `keep_views` of the other views stays below; without any view, `high`. Never at or below `low`.
    """
    similarity = labels.pairs.similarity
    repeats = similarity[(labels.verdict == DUPLICATE) & (similarity > low)]
    views = similarity[(labels.verdict == SAME) & (similarity >= low)]
    if not len(views):
        return (params.high, "the stated one") if params.high > low else (1.0, "open, as no view is as similar")
    grid = np.round(np.arange(low + RESOLUTION, 1 + RESOLUTION / 2, RESOLUTION), 3)
    views_below = np.array([(views <= high).mean() for high in grid])
    most = float(grid[int(np.argmax(views_below >= params.keep_views))])
    by_views = f"where {params.keep_views:g} of the labelled views lie below it"
    if len(repeats) < params.min_duplicates:
        return most, f"{by_views} ({len(repeats)} near-duplicates are too few to place it)"
    gain = views_below + np.array([(repeats > high).mean() for high in grid]) - 1
    best = int(np.argmax(gain))
    if gain[best] < SEPARATED:
        return most, f"{by_views} ({len(repeats)} near-duplicates are hardly more similar than other views)"
    return float(grid[best]), f"where it best separates {len(repeats)} near-duplicates from other views"


def find_window(curve: Sequence[Threshold], labels: Labels, params: Params) -> Window:
    """The window that the labels support; the stated one where there are none, or where no threshold passes.

    Few labelled products cannot show any threshold for others like them, however good the encoder. The stated low does
    not depend on these labels, so that the precision gate may judge this run's sets with them.
    """
    if params.window == "explicit" or not len(labels.rows):
        return Window(params.low, params.high, None, "the stated one")
    low = find_low(curve, params)
    start = params.low if low is None else low
    high, high_from = find_high(labels, start, params)
    return Window(start, high, low is not None, high_from)
