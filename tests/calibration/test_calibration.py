"""Calibration: which object a label means, which pairs are labelled how, and which window the labels support."""

from pathlib import Path

import numpy as np
import pytest
from folders import files_of
from mining_data import cluster_vectors, make_corpus, picture
from PIL import ImageOps

from components.calibration import stage as calibration
from components.calibration.labels import Labels
from components.calibration.params import Params as Calibration
from components.calibration.stage import (
    Found,
    Threshold,
    find_high,
    find_low,
    find_window,
    precision_curve,
    precision_inside,
    thresholds,
)
from components.calibration.subjects import prominence
from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.join.scores import Pairs
from components.common.stage.params import validate
from components.common.statistics import share_lower_bound
from components.common.vision.geometry import Box
from components.mining.params import Params as Mining

PARAMS = Calibration(min_labels=20, loosest=0.3)


def calibrate(paths: dict[str, Path], folder: Path, params: Calibration = PARAMS):
    outputs = {"calibration": folder / "calibration", "labels": folder / "labels"}
    inputs = {role: paths[role] for role in ("images", "objects", "embeddings", "subjects")}
    report = calibration.run(inputs, outputs, params)
    return report, Dataset(outputs["calibration"]), Dataset(outputs["labels"])


def labels_of(similarity: list[float], verdict: list[str]) -> Labels:
    """Labels with these similarities and verdicts; each pair is its own cluster."""
    count = len(similarity)
    pairs = Pairs(np.arange(count), np.arange(count) + count, np.array(similarity, np.float32))
    names = np.array([f"s{i}" for i in range(count)], dtype=object)
    return Labels(pairs, np.array(verdict, dtype="U9"), np.full(count, "calibration", dtype=object), names)


def point(threshold: float, correct: int, labelled: int) -> Threshold:
    bound = share_lower_bound(correct, labelled)
    return Threshold(threshold, labelled, correct, correct / labelled, bound)


def test_a_clean_corpus_passes_and_states_its_window(corpus_paths, tmp_path):
    report, made, labels = calibrate(corpus_paths, tmp_path)
    facts = made.facts
    assert facts["passed"] is True and PARAMS.loosest <= facts["low"] < facts["high"] <= 1
    at_low = next(row for row in made.rows() if row["threshold"] == facts["low"])
    assert at_low["lower_bound"] >= PARAMS.target and at_low["labelled"] >= PARAMS.min_labels
    assert facts["encoder"] and facts["calibration_id"] and facts["labels"] == labels.digest
    assert report.metrics["calibration_passed"] == 1 and report.figures["pairs_near_the_threshold"].width > 100
    assert set(report.plots["precision_against_threshold"][0]) == {"threshold", "precision", "lower_bound"}


def test_the_claim_names_both_bounds_inside_the_window(corpus_paths, tmp_path):
    report, _, _ = calibrate(corpus_paths, tmp_path)
    pair_bound, subject_bound = (report.metrics[f"window_precision_bound{by}"] for by in ("", "_by_subject"))
    assert f"at least {pair_bound:.2f} with pairs as independent and {subject_bound:.2f}" in report.notes[0]
    assert "if they are taken as independent" in report.notes[0]


def test_precision_inside_leaves_out_what_lies_above_the_window():
    labels = labels_of([0.7, 0.8, 0.85, 0.9, 0.95, 0.99], ["same", "same", "different", "duplicate", "same", "same"])
    inside = precision_inside(labels, Found(0.75, 0.96, True), PARAMS)
    assert (inside.labelled, inside.correct) == (3, 2)
    assert inside.bound == share_lower_bound(2, 3) and 0 < inside.subject_bound < 2 / 3


def test_no_label_below_the_loosest_is_for_the_gate(corpus_paths, tmp_path):
    """Different pairs are not labelled there, so that right ones alone would judge an explicit window."""
    strict = PARAMS.model_copy(update={"loosest": 0.95})
    rows = calibrate(corpus_paths, tmp_path, strict)[2].rows()
    vectors = Dataset(corpus_paths["embeddings"]).vectors().astype(np.float32)
    low = [row for row in rows if vectors[row["src_row"]] @ vectors[row["dst_row"]] < 0.949]
    assert low and {row["purpose"] for row in low} == {"calibration"}
    assert any(row["purpose"] == "gate" for row in rows)


def test_labels_are_right_and_dealt_by_pairs_of_subjects(corpus_paths, tmp_path):
    _, _, labels = calibrate(corpus_paths, tmp_path)
    subjects = [row["subject"] for row in Dataset(corpus_paths["subjects"]).rows()]  # in the order of the objects
    purposes: dict[tuple[str, ...], set[str]] = {}
    for row in labels.rows():
        both = subjects[row["src_row"]], subjects[row["dst_row"]]
        assert row["verdict"] == ("same" if both[0] == both[1] else "different")
        assert row["cluster"] == both[0] and row["src_row"] < row["dst_row"]
        purposes.setdefault(tuple(sorted(both)), set()).add(row["purpose"])
    assert all(len(found) == 1 for found in purposes.values())
    assert {"calibration", "gate"} == set.union(*purposes.values())
    same = [row for row in labels.rows() if row["verdict"] == "same"]
    assert len(same) == 8 * 10  # all pairs of five photographs of eight products, however unlike


def test_the_gate_share_moves_nobody_else(corpus_paths, tmp_path):
    """A pair that calibrates at a small share still calibrates at a larger one."""
    few = calibrate(corpus_paths, tmp_path / "few", PARAMS.model_copy(update={"share": 0.3}))[2].rows()
    many = calibrate(corpus_paths, tmp_path / "many", PARAMS.model_copy(update={"share": 0.6}))[2].rows()
    assert all(b["purpose"] == "calibration" for a, b in zip(few, many, strict=True) if a["purpose"] == "calibration")
    assert sum(row["purpose"] == "gate" for row in many) < sum(row["purpose"] == "gate" for row in few)


def test_same_inputs_same_bytes(corpus_paths, tmp_path):
    for name in ("a", "b"):
        calibrate(corpus_paths, tmp_path / name)
    for role in ("calibration", "labels"):
        assert files_of(tmp_path / "a" / role) == files_of(tmp_path / "b" / role)


def test_killed_between_its_outputs(corpus_paths, tmp_path, monkeypatch):
    calibrate(corpus_paths, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(calibration, "_facts", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            calibrate(corpus_paths, tmp_path / "killed")
    calibrate(corpus_paths, tmp_path / "killed")
    for role in ("calibration", "labels"):
        assert files_of(tmp_path / "killed" / role) == files_of(tmp_path / "whole" / role)


def test_without_labels_the_default_window_is_unjudged(tmp_path):
    paths = make_corpus(tmp_path, [["mug-0"]] * 4, subjects=[])
    report, made, labels = calibrate(paths, tmp_path)
    assert (made.facts["low"], made.facts["high"], made.facts["passed"]) == (0.93, 0.975, None)
    assert len(made) == 0 and len(labels) == 0
    assert "is the stated one, [0.93, 0.975], untested" in report.notes[0]


def test_an_encoder_that_sees_nothing_fails_honestly(tmp_path):
    shown = [[f"mug-{i % 8}"] for i in range(40)]
    vectors = cluster_vectors(["mug"] * 40)  # all alike, whatever the product
    report, made, _ = calibrate(make_corpus(tmp_path, shown, vectors), tmp_path)
    assert made.facts["passed"] is False and made.facts["low"] == PARAMS.strictest
    assert "no window passes" in report.notes[0]


def test_a_label_of_a_photograph_means_its_most_prominent_object(tmp_path):
    shown = [["loner-1", "mug-0", "loner-2"]] * 2  # three equal boxes side by side: the middle one is central
    subjects = [{"photo": 0, "subject": "mug"}, {"photo": 1, "subject": "mug"}]
    pictures = [picture(n, 99) for n in range(2)]
    paths = make_corpus(tmp_path, shown, photographs=pictures, subjects=subjects)
    _, _, labels = calibrate(paths, tmp_path)
    assert [(row["src_row"], row["dst_row"]) for row in labels.rows()] == [(1, 4)]
    assert prominence(Box(30, 30, 40, 40), 100, 100) > prominence(Box(0, 0, 45, 45), 100, 100)


def test_a_label_of_a_box_needs_overlap(tmp_path):
    subjects = [{"photo": n, "subject": "mug", "x": x, "y": 0, "w": 96, "h": 96} for n, x in enumerate((0, 20, 70))]
    paths = make_corpus(tmp_path, [["mug-0"]] * 3, subjects=subjects)
    _, _, labels = calibrate(paths, tmp_path)
    assert [(row["src_row"], row["dst_row"]) for row in labels.rows()] == [(0, 1)]


def test_empty_subjects_never_recur(tmp_path):
    subjects = [{"photo": n, "subject": ""} for n in range(3)]
    paths = make_corpus(tmp_path, [["mug-0"]] * 3, subjects=subjects)
    assert {row["verdict"] for row in calibrate(paths, tmp_path)[2].rows()} == {"different"}


def test_repeats_are_found_by_label_and_by_hash(tmp_path):
    pictures = [picture(0), ImageOps.mirror(picture(0)), picture(1), picture(2)]
    subjects = [{"photo": n, "subject": "mug", "duplicate_of": 2 if n == 3 else None} for n in range(4)]
    paths = make_corpus(tmp_path, [["mug-0"]] * 4, photographs=pictures, subjects=subjects)
    verdicts = {(r["src_row"], r["dst_row"]): r["verdict"] for r in calibrate(paths, tmp_path)[2].rows()}
    assert {pair for pair, verdict in verdicts.items() if verdict == "duplicate"} == {(0, 1), (2, 3)}
    assert len(verdicts) == 6


def test_the_sequence_ends_at_the_first_miss():
    passing, missing = (95, 100), (60, 100)
    params = Calibration(min_labels=50)
    curve = [point(0.9, 5, 5), point(0.8, *passing), point(0.7, *passing), point(0.6, *missing), point(0.5, 990, 1000)]
    assert find_low(curve, params) == 0.7
    assert find_low(curve[:1], params) is None
    assert find_low([point(0.9, *missing), point(0.8, *passing)], params) is None


def test_the_curve_counts_pairs_at_and_above_the_threshold():
    labels = labels_of([0.99, 0.9, 0.9, 0.8], ["duplicate", "same", "different", "same"])
    curve = precision_curve(labels, Calibration(strictest=0.95, loosest=0.8, step=0.05))
    assert [(p.threshold, p.labelled, p.correct) for p in curve] == [(0.9, 2, 1), (0.85, 2, 1), (0.8, 3, 2)]
    assert (
        thresholds(Calibration())[0] == 0.99
        and thresholds(Calibration())[-1] == 0.5
        and len(thresholds(Calibration())) == 99
    )


def test_the_high_end_parts_views_from_repeats():
    views, repeats = np.linspace(0.7, 0.94, 50), np.linspace(0.96, 0.999, 10)
    labels = labels_of([*views, *repeats], ["same"] * 50 + ["duplicate"] * 10)
    assert 0.939 <= find_high(labels, 0.7, Calibration()) <= 0.96
    too_few = Calibration(min_duplicates=11, keep_views=0.9)
    assert np.quantile(views, 0.9) <= find_high(labels, 0.7, too_few) <= np.quantile(views, 0.9) + 0.01
    assert find_high(labels, 0.95, too_few) == 0.975  # no view is that similar: the default
    assert find_high(labels, 0.98, too_few) == 1.0


def test_labels_without_any_similar_pair_do_not_pass():
    labels = labels_of([0.1, 0.2], ["same", "same"])
    found = find_window(precision_curve(labels, Calibration()), labels, Calibration())
    assert found.passed is False


@pytest.mark.parametrize(
    ("cls", "values", "sentence"),
    [
        (Mining, {"min_views": 11}, "min_views = 11 must not exceed max_views = 10"),
        (Mining, {"windows": 1}, "unknown parameter 'windows'; known are crop_bits"),
        (Calibration, {"loosest": 0.99}, "loosest = 0.99 must be below strictest = 0.99"),
        (Calibration, {"low": 0.98}, "the window is empty: low = 0.98 must be below high = 0.975"),
        (Calibration, {"target": 1.5}, "target = 1.5: Input should be less than 1"),
    ],
)
def test_impossible_parameters_are_one_sentence(cls, values, sentence):
    with pytest.raises(UserError) as error:
        validate(cls, values, "params.yaml: mining")
    assert sentence in str(error.value) and "\n" not in str(error.value)
