"""Intervals against tabulated values and against the coverage that they promise."""

import numpy as np
import pytest

from components.common.statistics import Ballot, cluster_bootstrap, count_votes, share_lower_bound


@pytest.mark.parametrize(("correct", "total"), [(41, 50), (78, 100), (152, 200), (296, 400), (725, 1000)])
def test_least_correct_that_shows_a_precision_of_070(correct, total):
    assert share_lower_bound(correct, total) >= 0.70 > share_lower_bound(correct - 1, total)


def test_closed_forms_and_extremes():
    assert share_lower_bound(10, 10) == pytest.approx(0.05 ** (1 / 10))
    assert share_lower_bound(0, 10) == share_lower_bound(0, 0) == 0


def test_the_bound_holds_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for truth in (0.7, 0.9):
        bounds = [share_lower_bound(int(correct), 60) for correct in rng.binomial(60, truth, 2000)]
        assert np.mean(np.array(bounds) <= truth) >= 0.94


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(20), 30)
    values = rng.normal(size=20)[clusters] + 0.1 * rng.normal(size=600)
    whole = cluster_bootstrap(values, clusters.astype(str), draws=2000)
    alone = cluster_bootstrap(values, np.arange(600).astype(str), draws=2000)
    assert whole.low < whole.mean < whole.high
    assert whole.high - whole.low > 3 * (alone.high - alone.low)
    assert cluster_bootstrap(values, clusters.astype(str), draws=2000) == whole
    with pytest.raises(ValueError, match="no values"):
        cluster_bootstrap([], [])


def equal_products(count: int, size: int = 4) -> Ballot:
    """Products of `size` objects, each object right with all others of its product."""
    product = np.repeat(np.arange(count), size)
    anchor = np.repeat(np.arange(count * size), size - 1)
    return Ballot(anchor, product[anchor], np.ones(len(anchor), bool), product, np.zeros(len(product), int))


@pytest.mark.parametrize(("products", "bound"), [(1, 0.05), (3, 0.368), (8, 0.688), (9, 0.717)])
def test_equal_products_are_one_vote_each(products, bound):
    votes = count_votes(equal_products(products))
    assert (votes.mean, votes.effective) == (1, products) and votes.bound == pytest.approx(bound, abs=5e-4)


def random_ballot(seed=0, anchors=30, products=8, pairs=200) -> Ballot:
    rng = np.random.default_rng(seed)
    product = rng.integers(0, products, anchors)
    strangers = rng.integers(0, 3, anchors)
    right = rng.random(pairs) < 0.8
    return Ballot(rng.integers(0, anchors, pairs), rng.integers(0, products, pairs), right, product, strangers)


def test_a_product_is_left_out_as_anchor_and_as_partner():
    ballot = random_ballot()
    means = []
    for product in range(8):
        kept = (ballot.product[ballot.anchor] != product) & (ballot.partner_product != product)
        scores = []
        for anchor in np.flatnonzero(ballot.product != product):
            right = ballot.right[kept & (ballot.anchor == anchor)]
            if partners := len(right) + ballot.strangers[anchor]:
                scores.append(right.sum() / partners)
        means.append(np.mean(scores))
    np.testing.assert_allclose(ballot.means_without_one(), means)


def test_look_alikes_that_share_wrong_pairs_lower_the_votes():
    """Twelve products all right, beside ten of them right and two that always take each other for themselves."""
    right = equal_products(12)
    alike = right.product[right.anchor] >= 10
    confused = Ballot(
        right.anchor,
        np.where(alike, 21 - right.partner_product, right.partner_product),
        ~alike,
        *(right.product, right.strangers),
    )
    assert count_votes(confused).effective < count_votes(right).effective
    assert count_votes(confused).bound < 0.6


def test_partners_that_nobody_labelled_are_wrong():
    ballot = equal_products(8)
    strange = Ballot(ballot.anchor, ballot.partner_product, ballot.right, ballot.product, np.full(32, 3))
    assert count_votes(strange).mean == 0.5
    nobody = Ballot(*(np.zeros(0, int) for _ in range(5)))
    assert count_votes(nobody) == (0, 0, 0)
