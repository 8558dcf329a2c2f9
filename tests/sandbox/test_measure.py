"""The figures on the model cards, on cases with known answers."""

import numpy as np
import pytest

from components.common.vision.geometry import Box
from components.sandbox.training.measure import ap50, average_precision, retrieval

GROUND = Box(10, 10, 40, 40)


def test_perfect_vectors_are_found_and_lone_products_do_not_count() -> None:
    vectors = np.eye(3)[[0, 0, 1, 1, 2]]
    figures = retrieval(vectors, ["a", "a", "b", "b", "lone"], [0, 1, 2, 3, 4])
    assert figures["recall_at_1"] == 1 and figures["pair_ap"] == 1


def test_products_of_one_photograph_are_not_compared() -> None:
    vectors = np.array([(1, 0), (0.99, -0.14), (0.9, 0.44)])
    assert retrieval(vectors, ["a", "b", "a"], [0, 1, 2])["recall_at_1"] == 0.5  # b is nearest to the first a
    assert retrieval(vectors, ["a", "b", "a"], [0, 0, 1])["recall_at_1"] == 1


def test_thresholds_hold_their_bound() -> None:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((40, 16))
    vectors = np.repeat(centres, 6, axis=0) + 0.7 * rng.standard_normal((240, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    designs = [f"d{k // 6}" for k in range(240)]
    figures = retrieval(vectors, designs, list(range(240)))
    similarity = (vectors @ vectors.T)[np.triu_indices(240, 1)]
    same = np.equal.outer(np.arange(240) // 6, np.arange(240) // 6)[np.triu_indices(240, 1)]
    assert same[similarity >= figures["threshold_lb_0.9"]].mean() > 0.9
    assert figures["threshold_lb_0.7"] < figures["threshold_lb_0.9"]


def test_average_precision_by_hand() -> None:
    assert average_precision(np.array([True, False, True]), 2) == pytest.approx((1 + 2 / 3) / 2)


def test_a_second_box_on_one_product_is_wrong() -> None:
    once = ap50([[(GROUND, 0.9)], []], [[GROUND], [GROUND]])
    twice = ap50([[(GROUND, 0.9), (GROUND, 0.8)], [(GROUND, 0.7)]], [[GROUND], [GROUND]])
    assert once == pytest.approx(0.5)
    assert twice == pytest.approx((1 + 2 / 3) / 2)


def test_loose_boxes_do_not_count() -> None:
    assert ap50([[(Box(10, 10, 40, 85), 0.9)]], [[GROUND]]) == 0


def test_a_window_holds_all_equally_similar_pairs_or_none() -> None:
    """All right pairs at 1 and all wrong ones at 0: a window that includes the first wrong one includes all of them."""
    vectors, designs = np.eye(4)[np.repeat(np.arange(4), 4)], [f"d{k // 4}" for k in range(16)]
    figures = retrieval(vectors, designs, list(range(16)))
    assert figures["threshold_lb_0.7"] == 1
