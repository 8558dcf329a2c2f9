"""Calibration: labelled photographs -> the similarity window, and which product each labelled object is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from components.calibration.labels import Labels, label_pairs, linked_photographs
from components.calibration.params import Params
from components.calibration.subjects import MEMBERS, Label, Named, name_objects
from components.calibration.window import Threshold, Window, find_window, precision_curve, thresholds
from components.common.data.digests import digest_value
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.join.exact import check_unit
from components.common.stage.report import Report
from components.common.statistics import first_tested
from components.common.verdicts import DIFFERENT, DUPLICATE, SAME
from components.common.vision.corpus import Corpus, load
from components.common.vision.sheets import sheet

SHEET_PAIRS = 16


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """images, objects, embeddings, subjects -> calibration (curve, and the window as facts) and identities.

    Raises `UserError` if the inputs do not belong together or a vector is not a finite unit vector.
    """
    corpus = load(inputs)
    check_unit(corpus.vectors)
    subjects_dataset = Dataset(inputs["subjects"])
    subjects = subjects_dataset.rows()
    named = name_objects(corpus, subjects, params)
    counts = {
        "label_rows": subjects_dataset.facts["label_rows"],
        "labels": named.labels,
        "labelled_objects": len(named.subjects),
    }
    labels = label_pairs(corpus, subjects, named, thresholds(params), params)
    curve = precision_curve(labels, params)
    window = find_window(curve, labels, params)
    with Writer(outputs["identities"], "identities", "calibration", inputs, params) as out:
        out.write(0, _identities(corpus, subjects, named))
    with Writer(outputs["calibration"], "calibration", "calibration", inputs, params) as out:
        out.write(0, [point._asdict() for point in curve])
        out.facts = _facts(window, corpus, labels, params, Dataset(outputs["identities"]).digest, counts)
    report = _report(corpus, labels, curve, window, params, counts)
    report.metrics.update(_unused(named))
    report.notes.extend(named.notes())
    return report


def _identities(corpus: Corpus, subjects: list[Label], named: Named) -> pa.Table:
    """Every object that labels name, with the smallest photograph that its photograph is labelled to repeat."""
    rows = np.array(sorted(named.subjects), np.int64)
    names = pa.array([named.subjects[row] for row in rows.tolist()], pa.string())
    repeats = linked_photographs(corpus, subjects)[corpus.photo[rows]]
    return pa.table({"row": rows, "subject": names, "photograph": repeats.astype(np.int64)})


def _unused(named: Named) -> dict[str, float]:
    counts = {
        "labels_without_object": len(named.unplaced),
        "contested_objects": len(named.contested),
        "objects_beyond_the_sample": sum(named.crowded.values()) - MEMBERS * len(named.crowded),
    }
    return {name: float(count) for name, count in counts.items()}


def _facts(
    window: Window, corpus: Corpus, labels: Labels, params: Params, identities: str, counts: Mapping[str, int]
) -> dict[str, Any]:
    """counts: rows in the labels' file, labels about photographs of this run, objects that they name."""
    facts = {
        "low": window.low,
        "high": window.high,
        "passed": window.passed,
        "target": params.target,
        "confidence": params.confidence,
        "encoder": corpus.encoder,
        "labelled": len(labels.verdict),
        "identities": identities,
        **counts,
    }
    return facts | {"calibration_id": digest_value(facts)}


def _report(
    corpus: Corpus,
    labels: Labels,
    curve: Sequence[Threshold],
    window: Window,
    params: Params,
    counts: Mapping[str, int],
) -> Report:
    same, similarity = labels.verdict == SAME, labels.pairs.similarity
    metrics = {
        "window_low": window.low,
        "window_high": window.high,
        "calibration_passed": float(bool(window.passed)),
        "labelled_objects": float(len(labels.rows)),
        "labelled_pairs": float(len(labels.verdict)),
        "same_pairs": float(same.sum()),
        "duplicate_pairs": float((labels.verdict == DUPLICATE).sum()),
    }
    notes = [
        _sentence(window, curve, params, counts),
        f"the window's high end, {window.high:.3f}, is {window.high_from}",
    ]
    if not curve:
        return Report(metrics, notes=notes)
    at_low = [point for point in curve if point.threshold == window.low]
    for point in at_low:
        metrics |= {"window_precision": point.precision, "window_precision_bound": point.lower_bound}
        metrics |= {"strangers": float(labels.strangers[:, list(thresholds(params)).index(point.threshold)].sum())}
    inside = (similarity >= np.float32(window.low)) & (similarity <= np.float32(window.high))
    metrics["window_recall"] = float((same & inside).sum() / max(int(same.sum()), 1))
    figures = {"pairs_near_the_threshold": _pair_sheet(corpus, _hardest(labels, window.low))}
    return Report(metrics, {"precision_against_threshold": [_plotted(point) for point in curve]}, figures, notes)


def _plotted(point: Threshold) -> dict[str, Any]:
    return {"threshold": point.threshold, "precision": point.precision, "lower_bound": point.lower_bound}


def _sentence(window: Window, curve: Sequence[Threshold], params: Params, counts: Mapping[str, int]) -> str:
    if window.passed is None:
        cause = (
            f"none of the {counts['label_rows']} label rows names an object of this run"
            if counts["label_rows"] and not counts["labelled_objects"]
            else "a window belongs to one encoder; label photographs and set calibration.window to calibrated to find "
            "this encoder's"
        )
        return f"the window is the stated one, [{window.low}, {window.high}], untested: {cause}"
    if not window.passed:
        tested = curve[first_tested([point.kish for point in curve]) :][:1]
        why = [
            f"at the strictest threshold with enough of them, {point.threshold:.3f}, the mean is {point.precision:.2f} "
            f"and its lower bound {point.lower_bound:.2f}, with {point.anchors} objects that have partners"
            for point in tested
        ]
        return (
            f"no window passes: labels do not show precision {params.target} "
            f"({', '.join(why) or 'no labelled object has a similar partner'}); the stated low end, {window.low}, is "
            "kept so that the gate can judge this run's sets and say what to do"
        )
    point = next(point for point in curve if point.threshold == window.low)
    return (
        f"the window is [{window.low:.3f}, {window.high:.3f}]: from {window.low:.3f} up, {point.precision:.2f} of a "
        f"labelled object's partners are right, on average over {point.anchors} objects worth {point.votes:.1f} "
        f"independent ones; for products like the labelled ones it is at least {point.lower_bound:.2f} with "
        f"{params.confidence:.0%} confidence (target {params.target})"
    )


def _hardest(labels: Labels, low: float) -> list[tuple[int, int, str]]:
    """Different products above the threshold and views of one product below it: the nearest to it, half of each."""
    similarity, picked = labels.pairs.similarity, []
    for verdict, wrong_side in ((DIFFERENT, similarity >= low), (SAME, similarity < low)):
        places = np.flatnonzero((labels.verdict == verdict) & wrong_side)
        places = places[np.argsort(np.abs(similarity[places] - low), kind="stable")][: SHEET_PAIRS // 2]
        src, dst = labels.rows[labels.pairs.src[places]], labels.rows[labels.pairs.dst[places]]
        captions = [f"{verdict} {value:.3f}" for value in similarity[places]]
        picked += list(zip(src.tolist(), dst.tolist(), captions, strict=True))
    return picked


def _pair_sheet(corpus: Corpus, pairs: Sequence[tuple[int, int, str]]) -> Image.Image:
    """Pairs of objects side by side, captioned with verdict and similarity, and with their rows."""
    cells = [[(corpus.crop(src), caption), (corpus.crop(dst), f"rows {src}, {dst}")] for src, dst, caption in pairs]
    return sheet(cells, ["one object", "the other"], abreast=4)
