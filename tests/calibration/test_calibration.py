"""Calibration: which object a label means, which pairs are labelled how, and which window the labels support."""

from pathlib import Path

import numpy as np
import pytest
from folders import files_of
from mining_data import Made, cluster_vectors, make_corpus, picture
from PIL import ImageOps

from components.calibration import stage as calibration
from components.calibration.labels import Labels, label_pairs
from components.calibration.params import Params as Calibration
from components.calibration.subjects import name_objects, prominence
from components.calibration.window import (
    Threshold,
    find_high,
    find_low,
    find_window,
    precision_curve,
    thresholds,
)
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.join.scores import Pairs
from components.common.stage.params import validate
from components.common.vision.corpus import load
from components.common.vision.geometry import Box
from components.mining.params import Params as Mining

PARAMS = Calibration(loosest=0.3, target=0.65)


def calibrate(paths: dict[str, Path], folder: Path, params: Calibration = PARAMS):
    outputs = {"calibration": folder / "calibration", "identities": folder / "identities"}
    inputs = {role: paths[role] for role in ("images", "objects", "embeddings", "subjects")}
    report = calibration.run(inputs, outputs, params)
    return report, Dataset(outputs["calibration"]), Dataset(outputs["identities"])


def judged(paths: dict[str, Path], params: Calibration = PARAMS) -> dict[tuple[int, int], str]:
    """Object rows -> verdict of each pair that labels judge."""
    corpus, subjects = load(paths), Dataset(paths["subjects"]).rows()
    named = name_objects(corpus, subjects, params)
    labels = label_pairs(corpus, subjects, named, thresholds(params), params)
    pairs = zip(labels.rows[labels.pairs.src].tolist(), labels.rows[labels.pairs.dst].tolist(), strict=True)
    return dict(zip(pairs, labels.verdict.tolist(), strict=True))


def labels_of(similarity: list[float], verdict: list[str], strangers: np.ndarray | None = None) -> Labels:
    """Labels with these similarities and verdicts; each pair is of two objects of its own."""
    count = len(similarity)
    pairs = Pairs(np.arange(count), np.arange(count) + count, np.array(similarity, np.float32))
    nobody = np.zeros((2 * count, 99), np.int64) if strangers is None else strangers
    return Labels(np.arange(2 * count), np.arange(2 * count), pairs, np.array(verdict, dtype="U9"), nobody)


def point(threshold: float, kish: float, bound: float) -> Threshold:
    return Threshold(threshold, int(kish), kish, kish, bound, bound)


def test_a_clean_corpus_passes_and_states_its_window(corpus_paths, tmp_path):
    report, made, identities = calibrate(corpus_paths, tmp_path)
    facts = made.facts
    assert facts["passed"] is True and PARAMS.loosest <= facts["low"] < facts["high"] <= 1
    at_low = next(row for row in made.rows() if row["threshold"] == facts["low"])
    assert at_low["lower_bound"] >= PARAMS.target and 8 <= at_low["votes"] < 9 and at_low["precision"] > 0.9
    assert facts["encoder"] and facts["calibration_id"] and facts["identities"] == identities.digest
    assert report.metrics["calibration_passed"] == 1 and report.figures["pairs_near_the_threshold"].width > 100
    assert set(report.plots["precision_against_threshold"][0]) == {"threshold", "precision", "lower_bound"}
    assert f"worth {at_low['votes']:.1f} independent ones; for products like the labelled ones" in report.notes[0]


def test_few_products_cannot_show_much(corpus_paths, tmp_path):
    """Eight products, all right, show .688: pairs as independent would have shown .95 and more."""
    strict = PARAMS.model_copy(update={"target": 0.7})
    assert calibrate(corpus_paths, tmp_path, strict)[1].facts["passed"] is False


def test_every_named_object_is_named(corpus_paths, tmp_path):
    _, _, identities = calibrate(corpus_paths, tmp_path)
    subjects = [row["subject"] for row in Dataset(corpus_paths["subjects"]).rows()]  # in the order of the objects
    assert [(row["row"], row["subject"]) for row in identities.rows()] == list(enumerate(subjects))


def test_pairs_are_judged_by_subject(corpus_paths):
    subjects = [row["subject"] for row in Dataset(corpus_paths["subjects"]).rows()]
    verdicts = judged(corpus_paths)
    assert all(word == ("same" if subjects[a] == subjects[b] else "different") for (a, b), word in verdicts.items())
    # All pairs of five photographs of eight products, however unlike.
    assert sum(word == "same" for word in verdicts.values()) == 8 * 10


def test_partners_that_nobody_labelled_are_wrong(corpus_paths, tmp_path):
    """With the labels of one photograph per product taken away, its views are strangers to the others."""
    whole = calibrate(corpus_paths, tmp_path / "whole")[1]
    rows = Dataset(corpus_paths["subjects"]).rows()
    first = {row["subject"]: row["image_id"] for row in rows[::-1] if row["subject"].startswith(("mug", "can"))}
    kept = [row for row in rows if first.get(row["subject"]) != row["image_id"]]
    with Writer(tmp_path / "fewer", "subjects", "ingest", {}, Made()) as out:
        out.write(0, kept)
        out.facts = {"label_rows": len(kept)}
    _, fewer, _ = calibrate({**corpus_paths, "subjects": tmp_path / "fewer"}, tmp_path / "part")
    at = {made: {row["threshold"]: row for row in made.rows()} for made in (whole, fewer)}
    threshold = min(value for value, row in at[whole].items() if row["precision"] == 1)
    assert 0.7 < at[fewer][threshold]["precision"] < 0.8  # three of four partners
    assert fewer.facts["passed"] is False


def test_same_inputs_same_bytes(corpus_paths, tmp_path):
    for name in ("a", "b"):
        calibrate(corpus_paths, tmp_path / name)
    for role in ("calibration", "identities"):
        assert files_of(tmp_path / "a" / role) == files_of(tmp_path / "b" / role)


def test_killed_between_its_outputs(corpus_paths, tmp_path, monkeypatch):
    calibrate(corpus_paths, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(calibration, "_facts", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            calibrate(corpus_paths, tmp_path / "killed")
    calibrate(corpus_paths, tmp_path / "killed")
    for role in ("calibration", "identities"):
        assert files_of(tmp_path / "killed" / role) == files_of(tmp_path / "whole" / role)


def test_without_labels_the_default_window_is_unjudged(tmp_path):
    paths = make_corpus(tmp_path, [["mug-0"]] * 4, subjects=[])
    report, made, identities = calibrate(paths, tmp_path)
    assert (made.facts["low"], made.facts["high"], made.facts["passed"]) == (0.93, 0.975, None)
    assert len(made) == 0 and len(identities) == 0
    assert "is the stated one, [0.93, 0.975], untested" in report.notes[0]


def test_labels_that_name_no_object_are_told_from_no_labels(tmp_path):
    subjects = [{"photo": 0, "subject": "mug", "x": 500, "y": 0, "w": 9, "h": 9}]
    report, made, _ = calibrate(make_corpus(tmp_path, [["mug-0"]] * 4, subjects=subjects), tmp_path)
    assert "untested: none of the 1 label rows names an object of this run" in report.notes[0]
    assert (made.facts["label_rows"], made.facts["labels"], made.facts["labelled_objects"]) == (1, 1, 0)


def test_an_encoder_that_sees_nothing_fails_honestly(tmp_path):
    shown = [[f"mug-{i % 8}"] for i in range(40)]
    vectors = cluster_vectors(["mug"] * 40)  # all alike, whatever the product
    report, made, _ = calibrate(make_corpus(tmp_path, shown, vectors), tmp_path)
    assert made.facts["passed"] is False and made.facts["low"] == PARAMS.low
    assert "no window passes" in report.notes[0]


def test_a_label_of_a_photograph_means_its_most_prominent_object(tmp_path):
    shown = [["loner-1", "mug-0", "loner-2"]] * 2  # three equal boxes side by side: the middle one is central
    subjects = [{"photo": 0, "subject": "mug"}, {"photo": 1, "subject": "mug"}]
    pictures = [picture(n, 99) for n in range(2)]
    paths = make_corpus(tmp_path, shown, photographs=pictures, subjects=subjects)
    assert judged(paths) == {(1, 4): "same"}
    assert prominence(Box(30, 30, 40, 40), 100, 100) > prominence(Box(0, 0, 45, 45), 100, 100)


def test_a_label_of_a_box_needs_overlap(tmp_path):
    subjects = [{"photo": n, "subject": "mug", "x": x, "y": 0, "w": 96, "h": 96} for n, x in enumerate((0, 20, 70))]
    paths = make_corpus(tmp_path, [["mug-0"]] * 3, subjects=subjects)
    assert judged(paths) == {(0, 1): "same"}


def test_empty_subjects_never_recur(tmp_path):
    subjects = [{"photo": n, "subject": ""} for n in range(3)]
    paths = make_corpus(tmp_path, [["mug-0"]] * 3, subjects=subjects)
    assert set(judged(paths).values()) == {"different"}


def test_repeats_are_found_by_label_and_by_hash(tmp_path):
    pictures = [picture(0), ImageOps.mirror(picture(0)), picture(1), picture(2)]
    subjects = [{"photo": n, "subject": "mug", "duplicate_of": 2 if n == 3 else None} for n in range(4)]
    paths = make_corpus(tmp_path, [["mug-0"]] * 4, photographs=pictures, subjects=subjects)
    verdicts = judged(paths)
    assert {pair for pair, verdict in verdicts.items() if verdict == "duplicate"} == {(0, 1), (2, 3)}
    assert len(verdicts) == 6
    linked = calibrate(paths, tmp_path)[2].rows()
    assert linked[2]["photograph"] == linked[3]["photograph"] != linked[0]["photograph"]


def test_the_sequence_ends_at_the_first_miss():
    params = Calibration(target=0.7)
    curve = [
        point(0.9, 40, 0.6),
        point(0.8, 60, 0.8),
        point(0.7, 90, 0.75),
        point(0.6, 100, 0.65),
        point(0.5, 100, 0.9),
    ]
    assert find_low(curve, params) == 0.7  # it starts at 0.8, where half of the most votes are reached
    assert find_low(curve[:1], params) is None
    assert find_low([point(0.9, 60, 0.6), point(0.8, 60, 0.8)], params) is None


def test_the_curve_counts_pairs_at_and_above_the_threshold():
    labels = labels_of([0.99, 0.9, 0.9, 0.8], ["duplicate", "same", "different", "same"])
    curve = precision_curve(labels, Calibration(strictest=0.95, loosest=0.8, step=0.05))
    shown = [(p.threshold, p.anchors, p.precision) for p in curve]
    assert shown == [(0.9, 4, 0.5), (0.85, 4, 0.5), (0.8, 6, pytest.approx(2 / 3))]
    tested = thresholds(Calibration()).tolist()
    assert tested[0] == 0.99 and tested[-1] == 0.5 and len(tested) == 99


def test_the_high_end_parts_views_from_repeats():
    views, repeats = np.linspace(0.7, 0.94, 50), np.linspace(0.96, 0.999, 10)
    labels = labels_of([*views, *repeats], ["same"] * 50 + ["duplicate"] * 10)
    high, how = find_high(labels, 0.7, Calibration())
    assert 0.939 <= high <= 0.96 and how == "where it best separates 10 near-duplicates from other views"
    too_few = Calibration(min_duplicates=11, keep_views=0.9)
    high, how = find_high(labels, 0.7, too_few)
    assert np.quantile(views, 0.9) <= high <= np.quantile(views, 0.9) + 0.01 and "too few" in how
    assert find_high(labels, 0.95, too_few) == (0.975, "the stated one")  # no view is that similar
    assert find_high(labels, 0.98, too_few)[0] == 1.0


def test_repeats_that_look_like_other_views_do_not_cost_views():
    """As on photographs of a shelf: some repeats are less similar than most views of other days."""
    views, repeats = np.linspace(0.66, 0.94, 200), np.linspace(0.7, 0.95, 20)
    labels = labels_of([*views, *repeats], ["same"] * 200 + ["duplicate"] * 20)
    high, how = find_high(labels, 0.65, Calibration())
    assert (views <= high).mean() >= 0.99 and "hardly more similar" in how


def test_labels_without_any_similar_pair_do_not_pass():
    labels = labels_of([0.1, 0.2], ["same", "same"])
    assert find_window(precision_curve(labels, Calibration()), labels, Calibration()).passed is False


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
