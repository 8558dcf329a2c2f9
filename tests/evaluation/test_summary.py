"""Means, paired differences, intervals and sentences, checked against plain computations."""

import numpy as np
import pytest

from components.common.systems import REAL
from components.evaluation import summary
from components.evaluation.metrics import IDENTITY


def rows(system: str, values: dict[str, float], metric: str = "ir") -> list[dict]:
    """Score rows; sample `a1` belongs to subject `a`."""
    return [
        {"system": system, "benchmark": "insertion", "subject": name[0], "sample": name, "metric": metric,
         "value": value}
        for name, value in values.items()
    ]  # fmt: skip


def brute_force(values: dict[str, float], seed: int) -> tuple[float, float]:
    """Percentile interval from resampling subjects, one draw at a time."""
    subjects = sorted({name[0] for name in values})
    own = {s: [v for name, v in values.items() if name[0] == s] for s in subjects}
    picks = np.random.default_rng(seed).integers(len(subjects), size=(10_000, len(subjects)))
    means = [np.mean([v for k in draw for v in own[subjects[k]]]) for draw in picks]
    return tuple(np.quantile(means, [0.025, 0.975]))


TRUE = {"a1": 0.8, "a2": 0.7, "b1": 0.5, "b2": 0.6, "c1": 0.9}
LENT = {"a1": 0.5, "a2": 0.6, "b1": 0.4, "b2": 0.2}  # c1 is missing


def test_the_gap_is_paired_and_resamples_subjects() -> None:
    table = summary.tabulate(rows("objectmate", TRUE) + rows("shuffled-refs", LENT), seed=3)
    gap = table.contrast("insertion", "ir", "reference_gap")
    differences = {name: TRUE[name] - LENT[name] for name in LENT}
    assert gap is not None and gap.mean == pytest.approx(np.mean(list(differences.values())))
    assert (gap.low, gap.high) == pytest.approx(brute_force(differences, 3))


def planted(gap: float, rng: np.random.Generator) -> list[dict]:
    """Scores of 24 subjects in two samples each, which differ far more than the two systems do."""
    own = {f"{chr(97 + subject)}{k}": 0.6 + 0.2 * rng.normal() for subject in range(24) for k in (1, 2)}
    lent = {name: value - gap + 0.03 * rng.normal() for name, value in own.items()}
    return rows("objectmate", own) + rows("shuffled-refs", lent)


def test_a_planted_gap_is_found_and_none_is_where_there_is_none() -> None:
    """200 benchmarks each: a gap of .03 under scores that spread by .2, and none."""
    rng, found = np.random.default_rng(8), {}
    for gap in (0.03, 0.0):
        tables = [summary.tabulate(planted(gap, rng), seed=0) for _ in range(200)]
        found[gap] = [table.contrast("insertion", "ir", "reference_gap") for table in tables]
    assert np.mean([each.low > 0 for each in found[0.03]]) > 0.95
    assert np.mean([each.mean for each in found[0.03]]) == pytest.approx(0.03, abs=0.002)
    assert np.mean([each.low <= 0.03 <= each.high for each in found[0.03]]) > 0.89
    assert np.mean([each.low > 0 or each.high < 0 for each in found[0.0]]) < 0.1


def test_an_error_that_falls_is_a_positive_gap() -> None:
    table = summary.tabulate(
        rows("objectmate", {"a1": 0.1, "b1": 0.2}, "object_error")
        + rows("shuffled-refs", {"a1": 0.3, "b1": 0.3}, "object_error"),
        seed=0,
    )
    gap = table.contrast("insertion", "object_error", "reference_gap")
    assert gap is not None and gap.mean == pytest.approx(0.15) and gap.low > 0
    assert any("than with another object's on error inside the box" in note for note in summary.notes(table))


def test_metrics_plots_and_notes_agree() -> None:
    table = summary.tabulate(rows("objectmate", TRUE) + rows("shuffled-refs", LENT), seed=0)
    metrics = summary.metrics(table)
    assert metrics["insertion.ir.objectmate"] == pytest.approx(np.mean(list(TRUE.values())))
    assert metrics["insertion.reference_gap.ir.low"] <= metrics["insertion.reference_gap.ir"]
    assert "insertion.view_gain.ir" not in metrics  # there was no run with one reference
    plots = summary.plots(table)
    assert [row["system"] for row in plots["insertion_scores"]] == ["objectmate", "shuffled-refs"]
    assert plots["insertion_scores"][0]["mean"] == pytest.approx(metrics["insertion.ir.objectmate"])
    [gap] = plots["insertion_differences"]
    assert (gap["system"], gap["mean"]) == ("reference_gap", metrics["insertion.reference_gap.ir"])
    [note] = summary.notes(table)
    assert note.startswith("Insertion: with its own references the model does better than with another object's")


@pytest.mark.parametrize(
    ("lent", "verdict"),
    [
        ({"a1": 0.9, "b1": 0.4, "c1": 0.8}, "no difference is shown"),
        ({"a1": 0.95, "b1": 0.7, "c1": 0.99}, "does worse than with another"),
    ],
)
def test_a_missing_gap_is_reported(lent: dict[str, float], verdict: str) -> None:
    table = summary.tabulate(rows("objectmate", TRUE) + rows("shuffled-refs", lent), seed=0)
    assert any(verdict in note for note in summary.notes(table))


def test_a_trivial_baseline_that_wins_is_named_and_so_is_a_score_above_real_photographs() -> None:
    pasted = {name: value + 0.2 for name, value in TRUE.items()}
    real = dict.fromkeys(TRUE, 0.4)
    table = summary.tabulate(rows("objectmate", TRUE) + rows("copy-paste", pasted) + rows(REAL, real), seed=0)
    said = summary.notes(table)
    assert any("needs no model, does better than the model on IR (the encoder that mined)" in note for note in said)
    assert "Insertion: objectmate scores above other photographs of the same objects on IR (the encoder that mined): " \
        "this is what copying gives, not a better likeness." in said  # fmt: skip
    assert any(note.startswith("Insertion: copy-paste scores above other") for note in said), (
        "any system, not ours only"
    )
    flags = {row["system"]: row["above_ceiling"] for row in summary.plots(table)["insertion_scores"]}
    assert flags == {"objectmate": True, "copy-paste": True, REAL: False}
    assert {row["subjects"] for row in summary.plots(table)["insertion_scores"]} == {3}


def test_a_score_within_the_ceilings_interval_is_no_copying() -> None:
    real = {name: value + 0.01 for name, value in TRUE.items()}
    table = summary.tabulate(rows("objectmate", TRUE) + rows(REAL, real), seed=0)
    assert not any(row["above_ceiling"] for row in summary.plots(table)["insertion_scores"])
    errors = summary.tabulate(rows("objectmate", TRUE, "object_error") + rows(REAL, LENT, "object_error"), seed=0)
    assert not any(row["above_ceiling"] for row in summary.plots(errors)["insertion_scores"]), "less is better there"


def test_a_metric_of_likeness_needs_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(IDENTITY, "sharpness", "dino")
    real = dict.fromkeys(TRUE, 0.1)
    table = summary.tabulate(rows("objectmate", TRUE, "sharpness") + rows(REAL, real, "sharpness"), seed=0)
    assert any(
        note.endswith("on sharpness: this is what copying gives, not a better likeness.")
        for note in summary.notes(table)
    )
