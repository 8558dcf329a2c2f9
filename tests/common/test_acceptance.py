"""Bets on a lot: the bounds, the decisions and the numbers of draws that they need."""

import numpy as np
import pytest

from components.common.acceptance import (
    draws_needed,
    fewest_right,
    log_evidence,
    lower_limit,
    pass_probabilities,
    shows_less,
    shows_more,
    upper_limit,
)

LIMIT = 0.7


@pytest.mark.parametrize(
    ("draws", "right", "lower", "passes"),
    [
        (0, 0, 0.0, False),
        (12, 12, 0.6939, False),
        (13, 13, 0.7131, True),
        (20, 18, 0.6303, False),
        (20, 19, 0.7070, True),
        (30, 27, 0.6885, False),
        (30, 28, 0.7385, True),
        (100, 82, 0.6935, False),
        (100, 83, 0.7056, True),
        (215, 170, 0.7006, True),
        (360, 277, 0.6972, False),
        (360, 278, 0.7002, True),
    ],
)
def test_what_draws_show_the_lot_to_exceed(draws: int, right: int, lower: float, passes: bool) -> None:
    assert lower_limit(draws, right) == pytest.approx(lower, abs=5e-5)
    assert shows_more(draws, right, LIMIT) is passes
    assert not shows_less(draws, right, LIMIT)


@pytest.mark.parametrize(
    ("draws", "right", "upper", "fails"),
    [
        (0, 0, 1.0, False),
        (20, 18, 0.9963, False),
        (3, 0, 0.7443, False),
        (4, 0, 0.6480, True),
        (10, 2, 0.6218, True),
        (10, 3, 0.7179, False),
        (100, 55, 0.6963, True),
        (100, 56, 0.7056, False),
    ],
)
def test_what_draws_show_the_lot_to_be_below(draws: int, right: int, upper: float, fails: bool) -> None:
    assert upper_limit(draws, right) == pytest.approx(upper, abs=5e-5)
    assert shows_less(draws, right, LIMIT) is fails
    assert not shows_more(draws, right, LIMIT)


def test_the_evidence_is_the_mean_likelihood_ratio_over_shares_above_the_limit() -> None:
    shares = np.linspace(LIMIT, 1, 200_001)
    for draws, right in ((5, 3), (40, 35), (60, 20)):
        ratio = (shares / LIMIT) ** right * ((1 - shares) / (1 - LIMIT)) ** (draws - right)
        assert log_evidence(draws, right, LIMIT) == pytest.approx(np.log(np.trapezoid(ratio, shares) / 0.3), abs=1e-6)


FEWEST = fewest_right(lambda draws, right: shows_more(draws, right, LIMIT), 400)


def test_looking_after_every_draw_keeps_the_error() -> None:
    looks = range(1, 401)
    assert pass_probabilities(FEWEST, LIMIT, looks)[-1] == pytest.approx(0.036, abs=5e-4)
    by_draw = pass_probabilities(FEWEST, 0.8, looks)
    assert by_draw[359] >= 0.95
    assert by_draw[99] == pytest.approx(_simulated(0.8, 100), abs=0.03)


def _simulated(truth: float, draws: int, lots: int = 2000) -> float:
    """Share of lots that pass at any look."""
    right = np.cumsum(np.random.default_rng(0).random((lots, draws)) < truth, axis=1)
    return float((right >= FEWEST[1 : draws + 1]).any(1).mean())


@pytest.mark.parametrize(
    ("limit", "truth", "draws"), [(0.7, 0.8, 360), (0.7, 0.85, 137), (0.6, 0.8, 94), (0.8, 0.9, 229)]
)
def test_draws_needed_for_a_lot_that_should_pass(limit: float, truth: float, draws: int) -> None:
    assert draws_needed(limit, truth, 0.95, 1000) == draws
    assert draws_needed(limit, truth, 0.95, 50) == 50


def test_one_right_of_many_has_a_limit() -> None:
    assert 0 < lower_limit(10_000, 1) < 1e-4
    assert upper_limit(10_000, 9_999) > 1 - 1e-4
