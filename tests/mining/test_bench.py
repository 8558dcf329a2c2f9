"""The benchmark: every engine finds the same pairs, and a difference is told apart from rounding."""

import numpy as np
import pytest

from components.common.errors import UserError
from components.mining import bench
from components.mining.bench import HIGH, LOW, differing, product_vectors
from components.mining.join import window_join


def test_all_engines_find_the_same_pairs():
    pytest.importorskip("faiss")
    rows = bench.bench(640, 24, 1, ["torch", "faiss-range", "faiss-knn"])
    assert [(row.n, row.engine) for row in rows] == [
        (n, name) for n in (160, 320, 640) for name in ("ours", "torch", "faiss-range", "faiss-knn")
    ]
    assert all(row.equal and row.pairs and row.peak_rss_bytes > 2**24 for row in rows)
    assert rows[8].ratio == 1


def test_vectors_have_tens_of_pairs_each_in_the_window_and_more_that_are_similar():
    vectors = product_vectors(2000, 64)
    pairs = window_join(vectors, 0.4)
    inside = (pairs.similarity >= LOW) & (pairs.similarity <= HIGH)
    assert 10 < 2 * inside.sum() / 2000 < 50
    assert (pairs.similarity < LOW - 0.1).sum() > inside.sum()


def test_a_missing_pair_is_no_rounding():
    vectors = product_vectors(400, 32)
    pairs = window_join(vectors, LOW, HIGH)
    keys = pairs.src * 400 + pairs.dst
    middle = int(np.argmin(np.abs(pairs.similarity - 0.95)))
    assert differing(keys, keys, vectors) == (0, True)
    assert differing(np.delete(keys, middle), keys, vectors) == (1, False)


def test_a_pair_at_the_end_of_the_window_may_differ(monkeypatch):
    vectors = product_vectors(400, 32)
    pairs = window_join(vectors, LOW, HIGH)
    keys = pairs.src * 400 + pairs.dst
    lowest = int(np.argmin(pairs.similarity))
    monkeypatch.setattr(bench, "LOW", float(pairs.similarity[lowest]))
    assert differing(np.delete(keys, lowest), keys, vectors) == (1, True)


@pytest.mark.parametrize("wrong", [{"n": 3}, {"d": 1}, {"repeats": 0}, {"peers": ["abacus"]}])
def test_what_cannot_be_measured_is_refused(wrong):
    with pytest.raises(UserError, match=r"use --n|there is no peer 'abacus'"):
        bench.bench(**({"n": 1000, "d": 8, "repeats": 1, "peers": []} | wrong))
