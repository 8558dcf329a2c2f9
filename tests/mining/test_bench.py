"""The benchmark: every engine finds the same pairs, and real differences are told apart from rounding."""

import numpy as np
import pytest
import torch

from components.common.errors import UserError
from components.common.join.built import best_isa, in_words
from components.common.join.exact import window_join
from components.mining.bench import measure as bench
from components.mining.bench import peers
from components.mining.bench.measure import Row, differing
from components.mining.bench.synthetic import HIGH, LOW, product_vectors


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """All engines on a CPU, at two dimensions."""
    pytest.importorskip("faiss")
    return bench.bench(640, [48, 24], 1, [])


def test_all_engines_find_the_same_pairs(rows):
    names = ("ours", "torch", "faiss-range", "faiss-knn")
    assert [(row.d, row.n, row.engine) for row in rows] == [
        (d, n, name) for d in (24, 48) for n in (160, 320, 640) for name in names
    ]
    assert all(row.equal and row.pairs and row.peak_rss_bytes > 2**24 for row in rows)
    assert rows[8].ratio == 1


def test_work_is_compared_with_a_measured_product(rows):
    assert all(row.peak_share == pytest.approx(row.n**2 * row.d / row.seconds / row.peak.flops) for row in rows)
    assert rows[0].peak.flops > 1e8 and "product of 2048 x 2048" in rows[0].peak.what


def test_ours_says_which_instruction_set_it_used(rows):
    assert all(row.kernel == (in_words(best_isa(), "cpu") if row.engine == "ours" else "") for row in rows)


def test_growth_is_relative_to_the_previous_size(rows):
    of = {(row.d, row.n): row for row in rows if row.engine == "faiss-range"}
    assert [row.growth_n is None for row in of.values()] == [True, False, False] * 2
    assert [row.growth_d is None for row in of.values()] == [True] * 3 + [False] * 3
    assert of[48, 640].growth_n == pytest.approx(of[48, 640].seconds / of[48, 320].seconds)
    assert of[48, 640].growth_d == pytest.approx(of[48, 640].seconds / of[24, 640].seconds)


def test_four_times_the_size_is_two_doublings():
    assert bench.doubling(seconds=9.0, size=4.0) == pytest.approx(3.0)
    assert bench.doubling(seconds=0.25, size=2.0) == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["torch-compare", "torch-topk"])
def test_the_gpu_peers_find_the_same_pairs_on_a_cpu(name, monkeypatch):
    monkeypatch.setattr(peers, "SIDE", 100)  # so that there are many blocks
    vectors = product_vectors(330, 32)
    pairs = window_join(vectors, LOW, HIGH)
    keys = peers.PEERS["cuda"][name]("cpu")[0](vectors)
    assert differing(keys, pairs.src * 330 + pairs.dst, vectors)[1]
    assert len(keys) > 1000


def test_each_vector_has_tens_of_pairs_in_the_window_and_more_similar_ones():
    vectors = product_vectors(2000, 64)
    pairs = window_join(vectors, 0.4)
    inside = (pairs.similarity >= LOW) & (pairs.similarity <= HIGH)
    assert 10 < 2 * inside.sum() / 2000 < 50
    assert (pairs.similarity < LOW - 0.1).sum() > inside.sum()


def test_a_missing_pair_does_not_pass_as_rounding():
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


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"n": 3}, "use --n of at least 160"),
        ({"dimensions": [64, 1]}, "--d of at least 2"),
        ({"repeats": 0}, "--repeats of at least 1"),
        ({"peers": ["abacus"]}, "there is no peer 'abacus' on cpu"),
        ({"peers": ["faiss-gpu"]}, "there is no peer 'faiss-gpu' on cpu"),
        ({"device": "tpu"}, "there is no device 'tpu'"),
    ],
)
def test_what_cannot_be_measured_is_refused(wrong, sentence):
    with pytest.raises(UserError, match=sentence):
        bench.bench(**({"n": 1000, "dimensions": [8], "repeats": 1, "peers": []} | wrong))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_reported():
    with pytest.raises(UserError, match="no CUDA device"):
        bench.bench(1000, [8], 1, [], "cuda")
