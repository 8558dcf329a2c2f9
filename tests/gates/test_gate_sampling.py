"""Sampling: the number of labels that decides, and who is asked."""

import numpy as np
import pytest

from components.common.statistics import share_lower_bound
from components.gates.sampling import Frame, choose, labels_needed, shares, stratify


@pytest.mark.parametrize(("truth", "needed"), [(0.75, 894), (0.80, 215), (0.85, 93), (0.90, 45)])
def test_labels_needed_give_the_asked_power(truth: float, needed: int) -> None:
    assert labels_needed(0.70, truth, power=0.95, confidence=0.95) == needed
    right = np.random.default_rng(0).binomial(needed, truth, size=4000)
    passed = np.mean([share_lower_bound(int(k), needed) >= 0.70 for k in right])
    assert 0.94 <= passed <= 0.98  # a sawtooth: the next label may ask for one more right answer


def frame(count: int, anchors: int, seed: int = 0) -> Frame:
    rng = np.random.default_rng(seed)
    similarity = rng.uniform(0.93, 0.975, count).astype(np.float32)
    src = rng.integers(anchors, size=count)
    strata, _ = stratify(similarity, src % 2, bands=4)
    return Frame(src, np.arange(count) + anchors, similarity, strata)


def test_sample_follows_the_emitted_pairs() -> None:
    pairs = frame(4000, anchors=3000)
    chosen = choose(pairs, np.arange(4000), 400, seed=1)
    assert len(chosen) == len(set(chosen.tolist())) == 400
    np.testing.assert_allclose(np.bincount(pairs.strata[chosen], minlength=8), pairs.counts / 10, atol=1)


def test_no_anchor_is_asked_twice_before_all_were_asked_once() -> None:
    pairs = frame(1000, anchors=20)
    chosen = choose(pairs, np.arange(1000), 160, seed=1)
    for stratum in range(8):
        asked = np.bincount(pairs.anchors[chosen][pairs.strata[chosen] == stratum])
        asked = asked[asked > 0]
        assert asked.max() - asked.min() <= 1


def test_sample_is_the_same_in_any_order_and_grows_by_adding() -> None:
    pairs = frame(500, anchors=100)
    mixed = np.random.default_rng(3).permutation(500)
    assert set(choose(pairs, np.arange(500), 60, 5)) == set(choose(pairs, np.sort(mixed), 60, 5))
    few, many = (choose(pairs, np.arange(500), total, 5) for total in (60, 120))
    assert len(set(few.tolist()) - set(many.tolist())) <= 4  # rounding of the strata's shares
    assert set(choose(pairs, np.arange(500), 60, 6)) != set(few)


def test_what_a_stratum_lacks_goes_to_the_others() -> None:
    assert shares(np.array([50, 50]), np.array([3, 100]), 20).tolist() == [3, 17]
    assert shares(np.array([50, 50]), np.array([3, 4]), 20).tolist() == [3, 4]
    assert shares(np.array([0, 0]), np.array([0, 0]), 20).tolist() == [0, 0]
