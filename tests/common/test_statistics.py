"""Intervals against tabulated values and against the coverage that they promise."""

import itertools

import numpy as np
import pytest

from components.common.statistics import (
    LEAST_CLUSTERS,
    Ballot,
    _drawn_patterns,
    cluster_bootstrap,
    cluster_t,
    count_votes,
    holm,
    paired_difference,
    share_lower_bound,
)


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


@pytest.mark.parametrize(("interval", "least"), [(cluster_bootstrap, 0.92), (cluster_t, 0.935)])
@pytest.mark.parametrize("shape", ["normal", "skewed"])
def test_intervals_cover_the_truth_about_as_often_as_they_say(interval, least, shape):
    """24 subjects with four samples each, whose scores lie together: 95 % of a thousand intervals, or nearly so. A
    percentile bootstrap is a little short with so few subjects, and Student's interval with skewed scores."""
    rng = np.random.default_rng(7)
    subjects = np.repeat(np.arange(24), 4)
    options = {"draws": 1000} if interval is cluster_bootstrap else {}
    hits, naive = [], []
    for _ in range(1000):
        own = rng.normal(size=24) if shape == "normal" else rng.exponential(size=24) - 1
        values = own[subjects] + 0.5 * rng.normal(size=96)
        found = interval(values, subjects.astype(str), **options)
        hits.append(found.low <= 0 <= found.high)
        spread = 1.96 * values.std() / np.sqrt(96)
        naive.append(abs(values.mean()) <= spread)
    assert np.mean(hits) >= least - (0.02 if shape == "skewed" else 0), np.mean(hits)
    assert np.mean(naive) < 0.75, "as if samples of a subject were independent: too sure"


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


SUBJECTS = [str(number) for number in range(24)]


@pytest.mark.parametrize("shape", ["normal", "heavy tails", "few differ"])
def test_equal_runs_are_told_apart_as_rarely_as_promised(shape):
    rng = np.random.default_rng(3)
    draw = {
        "normal": lambda: rng.normal(size=16),
        "heavy tails": lambda: rng.standard_t(3, size=16),
        "few differ": lambda: (rng.random(16) < 0.3) * rng.choice([-1.0, 1.0], 16),
    }[shape]
    found = [paired_difference(draw(), SUBJECTS[:16]) for _ in range(400)]
    assert np.mean([each.p < 0.05 for each in found]) <= 0.072  # 0.05 and two standard errors
    assert all((each.p < 0.05) == (each.low > 0 or each.high < 0) for each in found)


def test_a_real_difference_is_found_nearly_as_often_as_by_students_t():
    """Student's t has a power of 0.90 here."""
    rng = np.random.default_rng(4)
    found = [paired_difference(rng.normal(0.7, 1, 24), SUBJECTS) for _ in range(150)]
    assert np.mean([each.p < 0.05 for each in found]) >= 0.84
    assert np.mean([each.low <= 0.7 <= each.high for each in found]) >= 0.92


def test_samples_of_one_subject_are_one_vote():
    rng = np.random.default_rng(5)
    own = rng.normal(size=24)
    many = paired_difference(np.repeat(own, 50), np.repeat(SUBJECTS, 50))
    assert tuple(many) == pytest.approx(tuple(paired_difference(own, SUBJECTS)))
    assert many.low < 0 < many.high


def test_few_changed_samples_are_not_certain():
    """Four of 24 in one direction: half of sixteen sign patterns say so by chance, Student's t would say p = 0.04."""
    few = paired_difference([1.0] * 4 + [0.0] * 20, SUBJECTS)
    assert few.p == 2 / 16 and few.low == pytest.approx(0)
    assert paired_difference([0.0] * 24, SUBJECTS) == (0, 0, 0, 1)  # nothing differs
    assert paired_difference([1.0] * 6, SUBJECTS[:6]).p == 2 / 64
    with pytest.raises(ValueError, match=f"5 clusters are too few for a test, {LEAST_CLUSTERS} are needed"):
        paired_difference([1.0] * 5, SUBJECTS[:5])


def test_the_p_value_is_the_share_of_all_sign_patterns_that_go_as_far():
    own = np.random.default_rng(7).normal(0.4, 1, 10)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=10)))
    means = signs @ own / 10
    assert paired_difference(own, SUBJECTS[:10]).p == 2 * np.mean(means >= own.mean() - 1e-12)


def test_many_subjects_are_judged_by_patterns_that_are_drawn():
    own = np.random.default_rng(8).normal(0.5, 1, 40)
    drawn, all_ = (paired_difference(own[:count], list(map(str, range(count)))) for count in (40, 26))
    assert drawn.low < 0 < own.mean() < drawn.high and drawn.p > 0.05
    assert _drawn_patterns(own[:26]) == pytest.approx(all_.p / 2, abs=0.003)


def test_holm_against_its_definition_and_its_error():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1, 1]
    uniform = np.random.default_rng(6).random((2000, 17))
    assert np.mean([min(holm(list(each))) < 0.05 for each in uniform]) <= 0.06
