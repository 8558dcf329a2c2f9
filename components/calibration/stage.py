"""Calibration: labelled photographs -> the similarity window, and the labels that the gate judges it by.

A cosine means something for one encoder only (the paper's [0.93, 0.975] belongs to its IR encoder), so the window is
found again for every encoder. Its low is chosen by fixed-sequence testing (Learn then Test, arXiv 2110.01052): from
the strictest threshold down, each must show with confidence that precision reaches the target; the first that does not
ends the sequence, so that the chosen one holds although many were tested. Its high best separates labelled
near-duplicates from other views.

What is shown so is about all pairs from low up, taken as independent. High is placed after it on the same labels, and
pairs of one subject are alike; the precision inside the window is therefore reported with two bounds, one of pairs and
one of subjects, and the retrieval gate judges it on labels that were not used here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from PIL import Image

from components.calibration.labels import (
    CALIBRATION,
    DIFFERENT,
    DUPLICATE,
    GATE,
    QUESTION,
    RATER,
    SAME,
    Labels,
    label_pairs,
)
from components.calibration.params import Params
from components.calibration.subjects import MEMBERS, Named, name_objects
from components.common.data.digests import digest_value
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.join.exact import check_unit
from components.common.stage.report import Report
from components.common.statistics import cluster_lower_bound, share_lower_bound
from components.common.vision.corpus import Corpus, load
from components.common.vision.sheets import sheet

SHEET_PAIRS = 16
RESOLUTION = 0.001  # of the window's high, cosine


class Threshold(NamedTuple):
    """Labelled pairs of at least this similarity (cosine): how many, how many of the same product, what that shows."""

    threshold: float
    labelled: int
    correct: int
    precision: float
    lower_bound: float


class Inside(NamedTuple):
    """Labelled pairs inside the window: how many, how many of the same product, and lower bounds of that share.

    bound: Clopper-Pearson, pairs as independent. subject_bound: whole subjects resampled.
    """

    labelled: int
    correct: int
    bound: float
    subject_bound: float


class Found(NamedTuple):
    """The window. passed: whether pairs from low up reached the target; None if there was nothing to test it on."""

    low: float
    high: float
    passed: bool | None


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """images, objects, embeddings, subjects -> calibration (curve, and the window as facts) and labels.

    Raises `UserError` if the inputs do not belong together or a vector is not a finite unit vector.
    """
    corpus = load(inputs)
    check_unit(corpus.vectors)
    subjects = Dataset(inputs["subjects"]).rows()
    named = name_objects(corpus, subjects, params)
    labels = label_pairs(corpus, subjects, named.subjects, params)
    used = labels.where(labels.purpose == CALIBRATION)
    curve = precision_curve(used, params)
    chosen = find_window(curve, used, params)
    with Writer(outputs["labels"], "labels", "calibration", inputs, params) as out:
        out.write(0, _label_table(labels))
    with Writer(outputs["calibration"], "calibration", "calibration", inputs, params) as out:
        out.write(0, [point._asdict() for point in curve])
        out.facts = _facts(chosen, corpus, labels, params, Dataset(outputs["labels"]).digest)
    report = _report(corpus, labels, used, curve, chosen, params)
    report.metrics.update(_unused(named))
    report.notes.extend(named.notes())
    return report


def _unused(named: Named) -> dict[str, float]:
    counts = {
        "labels_without_object": len(named.unplaced),
        "contested_objects": len(named.contested),
        "objects_beyond_the_sample": sum(named.crowded.values()) - MEMBERS * len(named.crowded),
    }
    return {name: float(count) for name, count in counts.items()}


def precision_curve(labels: Labels, params: Params) -> list[Threshold]:
    """Precision at each threshold, strictest first, that has labelled pairs; near-duplicates count neither way."""
    judged = labels.where(labels.verdict != DUPLICATE)
    same, curve = judged.verdict == SAME, []
    for threshold in thresholds(params):
        above = judged.pairs.similarity >= np.float32(threshold)
        labelled, correct = int(above.sum()), int((above & same).sum())
        if labelled:
            bound = share_lower_bound(correct, labelled, params.confidence)
            curve.append(Threshold(threshold, labelled, correct, correct / labelled, bound))
    return curve


def thresholds(params: Params) -> list[float]:
    """The tested thresholds, strictest first."""
    count = int((params.strictest - params.loosest) / params.step + 1e-9) + 1
    return [round(params.strictest - params.step * i, 6) for i in range(count)]


def find_low(curve: Sequence[Threshold], params: Params) -> float | None:
    """The loosest threshold before the first that misses the target; None if the very first misses it.

    The sequence starts where there are `min_labels` pairs: their number depends on similarities only, not on verdicts,
    so that looking at it spends no confidence.
    """
    low = None
    for point in curve:
        if point.labelled >= params.min_labels:
            if point.lower_bound < params.target:
                break
            low = point.threshold
    return low


def find_high(labels: Labels, low: float, params: Params) -> float:
    """The threshold above which most near-duplicates and fewest other views of the same product lie (Youden's J).

    With too few labelled near-duplicates, the similarity that the share `keep_views` of the other views stays below;
    without any, `high`. Never at or below `low`.
    """
    similarity = labels.pairs.similarity
    repeats = similarity[(labels.verdict == DUPLICATE) & (similarity > low)]
    views = similarity[(labels.verdict == SAME) & (similarity >= low)]
    if not len(views):
        return params.high if params.high > low else 1.0
    grid = np.round(np.arange(low + RESOLUTION, 1 + RESOLUTION / 2, RESOLUTION), 3)
    gain = np.array([(views <= high).mean() for high in grid])
    if len(repeats) < params.min_duplicates:
        return float(grid[int(np.argmax(gain >= params.keep_views))])
    gain += np.array([(repeats > high).mean() for high in grid])
    return float(grid[int(np.argmax(gain))])


def find_window(curve: Sequence[Threshold], labels: Labels, params: Params) -> Found:
    """The window that the labels support, or the stated one; where no threshold passes, from the strictest up."""
    if params.window == "explicit" or not len(labels.verdict):
        return Found(params.low, params.high, None)
    low = find_low(curve, params)
    start = params.strictest if low is None else low
    return Found(start, find_high(labels, start, params), low is not None)


def _label_table(labels: Labels) -> pa.Table:
    count, words = len(labels.verdict), (labels.verdict, labels.purpose, labels.cluster)
    verdict, purpose, cluster = (pa.array(column.tolist(), pa.string()) for column in words)
    columns = {
        "src_row": labels.pairs.src,
        "dst_row": labels.pairs.dst,
        "verdict": verdict,
        "purpose": purpose,
        "cluster": cluster,
        "rater": pa.repeat(RATER, count),
        "at": pa.nulls(count, pa.string()),
        "question": pa.repeat(QUESTION, count),
    }
    return pa.table(columns)


def _facts(chosen: Found, corpus: Corpus, labels: Labels, params: Params, labels_digest: str) -> dict[str, Any]:
    facts = {
        "low": chosen.low,
        "high": chosen.high,
        "passed": chosen.passed,
        "target": params.target,
        "confidence": params.confidence,
        "encoder": corpus.encoder,
        "labelled": int((labels.purpose == CALIBRATION).sum()),
        "labels": labels_digest,
    }
    return facts | {"calibration_id": digest_value(facts)}


def _report(
    corpus: Corpus, labels: Labels, used: Labels, curve: Sequence[Threshold], chosen: Found, params: Params
) -> Report:
    metrics = {
        "window_low": chosen.low,
        "window_high": chosen.high,
        "calibration_passed": float(bool(chosen.passed)),
        "labelled_pairs": float(len(labels.verdict)),
        "same_pairs": float((labels.verdict == SAME).sum()),
        "duplicate_pairs": float((labels.verdict == DUPLICATE).sum()),
        "gate_pairs": float((labels.purpose == GATE).sum()),
    }
    inside = precision_inside(used, chosen, params)
    notes = [_sentence(chosen, curve, inside, params)]
    if not curve:
        return Report(metrics, notes=notes)
    metrics["window_recall"] = inside.correct / max(int((used.verdict == SAME).sum()), 1)
    if inside.labelled:
        metrics |= {
            "window_precision": inside.correct / inside.labelled,
            "window_precision_bound": inside.bound,
            "window_precision_bound_by_subject": inside.subject_bound,
        }
    figures = {"pairs_near_the_threshold": _pair_sheet(corpus, _hardest(used, chosen.low))}
    return Report(metrics, {"precision_against_threshold": [_plotted(point) for point in curve]}, figures, notes)


def precision_inside(used: Labels, chosen: Found, params: Params) -> Inside:
    """Precision of the window on the calibration's labels; near-duplicates count neither way."""
    similarity = used.pairs.similarity
    inside = (similarity >= np.float32(chosen.low)) & (similarity <= np.float32(chosen.high))
    judged = used.where(inside & (used.verdict != DUPLICATE))
    same = judged.verdict == SAME
    labelled, correct = len(same), int(same.sum())
    return Inside(
        labelled,
        correct,
        share_lower_bound(correct, labelled, params.confidence),
        cluster_lower_bound(same.astype(float).tolist(), judged.cluster.tolist(), params.confidence),
    )


def _plotted(point: Threshold) -> dict[str, Any]:
    return {"threshold": point.threshold, "precision": point.precision, "lower_bound": point.lower_bound}


def _sentence(chosen: Found, curve: Sequence[Threshold], inside: Inside, params: Params) -> str:
    if chosen.passed is None:
        return (
            f"the window is the stated one, [{chosen.low}, {chosen.high}], untested: a window belongs to one encoder; "
            "label photographs and set calibration.window to calibrated to find this encoder's"
        )
    if not chosen.passed:
        nothing = Threshold(params.strictest, 0, 0, 0.0, 0.0)
        best = max(curve, key=lambda point: point.lower_bound, default=nothing)
        return (
            f"no window passes: precision {params.target} is not shown at any threshold (best lower bound "
            f"{best.lower_bound:.2f} at {best.threshold:.3f} with {best.labelled} pairs); the strictest, {chosen.low}, "
            "is kept so that the gate can judge it; use a better encoder or more labels"
        )
    return (
        f"the window is [{chosen.low:.3f}, {chosen.high:.3f}]: from {chosen.low:.3f} up, pairs reach precision "
        f"{params.target} with {params.confidence:.0%} confidence if they are taken as independent; inside the window "
        f"{inside.correct} of {inside.labelled} labelled pairs are right, at least {inside.bound:.2f} with pairs as "
        f"independent and {inside.subject_bound:.2f} with whole subjects resampled"
    )


def _hardest(used: Labels, low: float) -> list[tuple[int, int, str]]:
    """Different products above the threshold and views of the same below it, those nearest to it, half of each."""
    similarity, picked = used.pairs.similarity, []
    for verdict, wrong_side in ((DIFFERENT, similarity >= low), (SAME, similarity < low)):
        places = np.flatnonzero((used.verdict == verdict) & wrong_side)
        places = places[np.argsort(np.abs(similarity[places] - low), kind="stable")][: SHEET_PAIRS // 2]
        picked += [
            (int(used.pairs.src[at]), int(used.pairs.dst[at]), f"{verdict} {similarity[at]:.3f}") for at in places
        ]
    return picked


def _pair_sheet(corpus: Corpus, pairs: Sequence[tuple[int, int, str]]) -> Image.Image:
    """Pairs of objects side by side, captioned with verdict and similarity, and with their rows."""
    cells = [[(corpus.crop(src), caption), (corpus.crop(dst), f"rows {src}, {dst}")] for src, dst, caption in pairs]
    return sheet(cells, ["one object", "the other"], abreast=4)
