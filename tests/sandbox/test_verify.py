"""The quality table: intervals, windows, bars, and the whole of it from the committed weights and photographs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.common.statistics import Interval
from components.evaluation.params import Params
from components.sandbox.training.measure import Neighbours
from components.sandbox.verify import grid_models, small_models
from components.sandbox.verify.intervals import bootstrap, precision_above
from components.sandbox.verify.small_models import window
from components.sandbox.verify.table import BARS, Measured, rows_of, verify_models

PRECISE = "ir: precision of the benchmark's pairs in the corpus' window"
MISSED = {
    "ir: recall@1",
    PRECISE,
    "ir: objects of the benchmark with 3 views in it",
    "captioner: attributes right",
}
"""Known and accepted: their weights stay as they are. If this set changes, check README's table."""
TOO_FEW = "insertion: 3 references over 1, ir, designs with two sides"
"""Reached with all samples; one of each design is too few to show it."""


def products(designs: int, views: int, alike: int = 1) -> Neighbours:
    """`views` products of each design; `alike` designs share a vector, other vectors are orthogonal."""
    names = [f"d{k:02}" for k in np.repeat(np.arange(designs), views)]
    vectors = np.eye(designs)[np.repeat(np.arange(designs) // alike, views)]
    return Neighbours(vectors, names, list(range(len(names))))


def all_at(value: float, low: float) -> dict[str, Measured]:
    return {what: Measured(Interval(value, low, 1.0)) for what in BARS}


def test_an_interval_resamples_whole_clusters() -> None:
    """Ten samples in two uniform clusters: only three means are possible, however many samples there are."""
    values, clusters = np.array([0.0] * 5 + [1.0] * 5), ["a"] * 5 + ["b"] * 5
    seen: set[float] = set()

    def mean(rows: np.ndarray) -> float:
        seen.add(float(values[rows].mean()))
        return float(values[rows].mean())

    assert bootstrap(mean, clusters) == Interval(0.5, 0.0, 1.0)
    assert seen == {0.0, 0.5, 1.0}


def test_the_precision_of_pairs_is_counted_and_varies_with_both_designs() -> None:
    """Two look-alikes of 4 photographs each among 20 designs: 16 wrong pairs, all present or all absent."""
    pairs_alone = products(20, 4)
    assert precision_above(pairs_alone, 0.9) == Interval(1, 1, 1)
    assert precision_above(pairs_alone, 1.1) == Interval(0, 0, 1)  # without pairs nothing is known
    one_confusion = products(20, 4)
    one_confusion.similarity[:4, 4:8] = one_confusion.similarity[4:8, :4] = 1
    interval = precision_above(one_confusion, 0.9)
    assert interval.mean == 120 / 136
    assert interval.low < 0.77 and interval.high == 1  # 16 independent errors in 136 would give .82 to .93


def test_a_window_is_chosen_on_the_corpus_and_judged_on_the_benchmark() -> None:
    good, bad = products(20, 4), products(20, 4, alike=2)
    same = window(good, good)
    assert same[PRECISE].interval.mean == 1
    assert same["ir: objects of the benchmark with 3 views in it"].interval == Interval(1, 1, 1)
    other = window(good, bad)
    assert other[PRECISE] == (precision_above(bad, 1.0), "from 1.000")
    assert other[PRECISE].interval.high < BARS[PRECISE]  # type: ignore[operator]
    assert not rows_of(all_at(1, 1) | other)[list(BARS).index(PRECISE)].passed
    nowhere = window(bad, good)
    assert {measured.interval for measured in nowhere.values()} == {Interval(0, 0, 0)}
    assert nowhere[PRECISE].detail == "no window holds in the corpus"


def test_the_lower_end_of_an_interval_has_to_reach_the_bar() -> None:
    barred = {what for what, bar in BARS.items() if bar}
    assert {row.what for row in rows_of(all_at(1.0, 0.0)) if not row.passed} == barred
    assert all(row.passed for row in rows_of(all_at(2.0, 2.0)))
    at = rows_of({what: Measured(Interval(2, bar or 0.0, 2)) for what, bar in BARS.items()})
    assert all(row.passed for row in at)


def test_the_table_says_which_bar_is_missed_and_a_missed_one_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without measuring: one measure reaches its bar on average, but not surely."""
    unsure = "detector: AP50"
    for measured, missed in ((all_at(2, 2), []), (all_at(2, 2) | {unsure: Measured(Interval(2, 0, 2))}, [unsure])):
        monkeypatch.setattr(small_models, "small_models", lambda measured=measured: measured)
        monkeypatch.setattr(grid_models, "grid_models", lambda evaluation: {})
        monkeypatch.setenv("COLUMNS", "200")
        assert verify_models(Params(), None) == (not missed)
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if "MISSED" in line] == [line for line in lines if unsure in line and missed]


def test_every_listed_row_is_measured_and_every_measure_listed() -> None:
    measured = all_at(1, 1)
    measured["ir: luck"] = measured.pop("ir: recall@1")
    with pytest.raises(ValueError, match="not both: ir: luck, ir: recall@1"):
        rows_of(measured)


@pytest.mark.pipeline
def test_verify_measures_every_model_and_says_which_bar_is_missed(tmp_path: Path) -> None:
    """With two denoising steps fewer than usual, which reach the same bars, and a sample of each design, which
    reach all of the same bars but one."""
    path = tmp_path / "table.json"
    command = [sys.executable, "-m", "pipelines.cli.start", "sandbox", "verify", "--steps", "8", "--limit", "24"]
    finished = subprocess.run([*command, "--json", str(path)], capture_output=True, text=True, check=False)
    rows = json.loads(path.read_text())
    assert {row["what"]: row["bar"] for row in rows} == BARS
    assert all(-1 <= row["low"] <= row["value"] <= row["high"] for row in rows)
    assert all(row["passed"] == (row["bar"] is None or row["low"] >= row["bar"]) for row in rows)
    missed = {row["what"] for row in rows if not row["passed"]}
    assert missed == MISSED | {TOO_FEW}
    assert all(row["high"] >= row["bar"] for row in rows if row["what"] == TOO_FEW)
    assert (finished.returncode, finished.stdout.count("MISSED")) == (1, len(missed)), finished.stderr
