"""Intervals against tabulated values and against the coverage that they promise."""

import numpy as np
import pytest

from components.common.statistics import cluster_bootstrap, cluster_lower_bound, share_lower_bound, share_upper_bound


@pytest.mark.parametrize(("correct", "total"), [(41, 50), (78, 100), (152, 200), (296, 400), (725, 1000)])
def test_least_correct_that_shows_a_precision_of_070(correct, total):
    assert share_lower_bound(correct, total) >= 0.70 > share_lower_bound(correct - 1, total)


def test_closed_forms_and_extremes():
    assert share_lower_bound(10, 10) == pytest.approx(0.05 ** (1 / 10))
    assert share_upper_bound(0, 10) == pytest.approx(1 - 0.05 ** (1 / 10))
    assert share_lower_bound(0, 10) == share_lower_bound(0, 0) == 0
    assert share_upper_bound(10, 10) == share_upper_bound(0, 0) == 1
    assert share_lower_bound(7, 20) == pytest.approx(1 - share_upper_bound(13, 20))


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


def test_the_cluster_bound_counts_subjects_not_pairs():
    """Ten subjects, two of them wrong in all their 30 pairs, prove far less than 300 independent pairs."""
    clusters = [f"s{i}" for i in range(10) for _ in range(30)]
    values = [float(name not in ("s0", "s1")) for name in clusters]
    assert cluster_lower_bound(values, clusters) < 0.65 < 0.75 < share_lower_bound(240, 300)
    assert cluster_lower_bound(values, [str(i) for i in range(300)]) == pytest.approx(
        share_lower_bound(240, 300), abs=0.01
    )
    assert cluster_lower_bound(values, clusters, 0.99) <= cluster_lower_bound(values, clusters, 0.9)
    assert cluster_lower_bound([], []) == 0
