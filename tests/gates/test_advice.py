"""Advice about the window fits its cause, and no two gates of a run pull it both ways."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gate_data import Make, point, verdicts
from lot_data import AT_070, HIGHER, Lot, named

from components.gates.stage import run

FAINT = point(0.9, 0.4, 0.3)


@pytest.fixture
def lot(make: Make) -> Callable[..., Lot]:
    return lambda *values: Lot(make, *values)


def test_a_window_that_cannot_be_precise_is_said_with_the_way_out(lot: Callable[..., Lot]) -> None:
    _, row = lot(10).know(named(10, 30)).calibrate(FAINT, passed=False, label_rows=40, labelled_objects=40).judge()
    assert row["reason"].startswith(
        "no window reaches precision 0.8 with this encoder: the strictest has a mean of 0.40 and a lower bound of 0.30"
        ", from 0.9 up, where 20 of 40 labelled objects have partners; with all references of 10 sets judged"
    )
    assert row["next_step"].startswith("use an encoder that tells these objects apart (models.ir")
    _, none = lot(0).calibrate(FAINT, passed=False, label_rows=40, labelled_objects=40).judge()
    assert (none["reason"].partition(":")[0], none["next_step"]) == (row["reason"].partition(":")[0], row["next_step"])
    _, empty = lot(0).calibrate(passed=False, label_rows=40, labelled_objects=40).judge()
    assert "no labelled object has a similar partner" in empty["reason"]


def test_what_is_right_but_too_little_to_show_it_asks_for_labels(lot: Callable[..., Lot]) -> None:
    _, row = lot(0).calibrate(point(0.9, 0.95, 0.6), passed=False, label_rows=9, labelled_objects=9).judge()
    assert row["next_step"].startswith("add labelled photographs of more products")
    # What counts is the first threshold with half as many votes as any: neither luck above it nor rows below it.
    lucky, tested, loose = point(0.95, 1.0, 0.5), point(0.9, 0.5, 0.3), point(0.8, 0.4, 0.35)
    _, poor = lot(0).calibrate(lucky | {"kish": 1.0}, tested, loose, passed=False, labelled_objects=9).judge()
    assert poor["reason"].startswith("no window reaches precision 0.8") and "from 0.9 up" in poor["reason"]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (0, "none of the 12 label rows names a photograph of this run: correct their paths"),
        (12, "none of the 12 labels fits an object of this run: correct their boxes"),
    ],
)
def test_labels_that_could_not_be_used_come_before_new_ones(
    lot: Callable[..., Lot], labels: int, sentence: str
) -> None:
    for sets in (0, 10):
        _, row = lot(sets).calibrate(label_rows=12, labels=labels, labelled_objects=0).judge()
        assert row["next_step"].startswith(sentence)


@pytest.mark.parametrize("wrong", [0, 30])
def test_two_gates_never_pull_the_window_both_ways(lot: Callable[..., Lot], wrong: int, tmp_path: Path) -> None:
    world = lot(10).know(named(10, wrong))
    run(world.inputs, {"verdicts": tmp_path / "verdicts"}, AT_070.model_copy(update={"min_yield": 0.9}))
    rows = verdicts(tmp_path / "verdicts")
    precision, sets = rows["retrieval-precision"], rows["yield"]
    assert sets["verdict"] == "fail"
    if wrong:
        assert HIGHER in precision["next_step"]
        assert sets["next_step"] == "first do what the gate retrieval-precision says"
    else:
        assert precision["verdict"] == "pass" and "widen the window: --set" in sets["next_step"]


def test_a_calibrated_window_is_widened_by_its_target(lot: Callable[..., Lot]) -> None:
    _, row = lot(0).calibrate(FAINT, passed=True, target=0.85, label_rows=9, labelled_objects=9).judge()
    assert row["next_step"].endswith("or widen the window: lower calibration.target, 0.85 in this run")
