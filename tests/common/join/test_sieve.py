"""The bytes' upper bound: never below the similarity that decides, even if every rounding goes the wrong way."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from join_data import spiky_vectors

from components.common.join import built, sieve
from components.common.join.built import Isa, best_isa
from components.common.join.exact import window_join
from components.common.join.native import LEVELS, Native
from components.common.join.scores import row_products
from components.common.join.sieve import Rounded, choose_basis, round_rows

WHOLE = slice(None)
NATIVE = [isa for isa in LEVELS if isa <= best_isa()]


def similarities(rows: np.ndarray) -> np.ndarray:
    """Exact similarities of all rows with all rows, [N, N]."""
    left, right = np.indices((len(rows), len(rows))).reshape(2, -1)
    return (
        row_products(torch.from_numpy(rows[left]), torch.from_numpy(rows[right])).numpy().reshape(len(rows), len(rows))
    )


def rounding_down(levels: int) -> np.ndarray:
    """Vectors [3, 64]; the last two are equal and lose nearly half a step in every coordinate.

    The largest coordinate of the first sets the step so that theirs are just below a half.
    """
    step = 0.125 / (levels // 8 + 1.499)
    first = np.zeros(64)
    first[:2] = levels * step, np.sqrt(1 - (levels * step) ** 2)
    return np.array([first, np.full(64, 0.125), np.full(64, 0.125)], np.float32)


@settings(max_examples=60, deadline=None)
@given(spiky_vectors(), st.sampled_from(sorted(set(LEVELS.values()))), st.integers(0, 10**6))
def test_no_similarity_is_above_its_bound(vectors, levels, seed):
    """Including vectors whose coordinates are clipped."""
    rows, dim = vectors.astype(np.float32), vectors.shape[1]
    turn, _ = torch.linalg.qr(torch.from_numpy(np.random.default_rng(seed).normal(size=(dim, dim))))
    for width in {1, (dim + 1) // 2, dim}:
        rounded = round_rows(torch.from_numpy(rows), turn[:, :width], levels)
        assert (rounded.bound(WHOLE, WHOLE).numpy() >= similarities(rows)).all()


@pytest.mark.parametrize("levels", sorted(set(LEVELS.values())))
def test_the_slack_covers_the_worst_rounding_and_hardly_more(levels):
    rows = rounding_down(levels)
    rounded = round_rows(torch.from_numpy(rows), torch.eye(64, dtype=torch.float64), levels)
    bound, exact = float(rounded.bound(WHOLE, WHOLE)[1, 2]), float(similarities(rows)[1, 2])
    lost = exact - rounded.step**2 * float(rounded.q[1].double() @ rounded.q[2].double())
    assert lost > 0.04
    assert exact <= bound <= exact + 0.1 * lost


def test_the_rest_is_bounded_tightly():
    rows = np.array([[0.6, 0.8, 0.0], [0.6, 0.8, 0.0], [0.6, 0.0, 0.8]], np.float32)
    bound = round_rows(torch.from_numpy(rows), torch.eye(3, dtype=torch.float64)[:, :1], 127).bound(WHOLE, WHOLE)
    assert 1 <= bound[0, 1] < 1.02
    assert bound[0, 2] >= 0.36


@pytest.mark.parametrize("isa", NATIVE)
def test_without_the_slack_a_pair_at_the_edge_would_be_lost(isa, monkeypatch):
    rows = rounding_down(LEVELS[isa])
    edge = float(similarities(rows)[1, 2])
    monkeypatch.setattr(sieve, "choose_basis", lambda *_: torch.eye(64, dtype=torch.float64))
    assert window_join(rows, edge, isa=isa).dst.tolist() == [2]

    def careless(vectors: torch.Tensor, basis: torch.Tensor, levels: int) -> Rounded:
        rounded = round_rows(vectors, basis, levels)
        return rounded._replace(weight=torch.zeros_like(rounded.weight))

    monkeypatch.setattr(sieve, "round_rows", careless)
    assert not len(window_join(rows, edge, isa=isa).dst)


@pytest.mark.parametrize("isa", NATIVE)
def test_the_greatest_bytes_do_not_saturate(isa):
    """Each row has one large coordinate, of either sign: the largest possible products of bytes."""
    rows = np.repeat(np.eye(4, dtype=np.float32), 30, axis=0) * np.tile([1, -1], 60)[:, None].astype(np.float32)
    src, dst = np.triu_indices(len(rows), 1)
    same = similarities(rows)[src, dst] == 1
    pairs = window_join(rows, 1.0, isa=isa)
    assert (pairs.src.tolist(), pairs.dst.tolist()) == (src[same].tolist(), dst[same].tolist())


def test_vectors_that_span_few_directions_need_few():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 12)) @ rng.normal(size=(12, 256))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert choose_basis(torch.from_numpy(rows.astype(np.float32)), 0.95, 127).shape == (256, 16)


@pytest.mark.parametrize("isa", NATIVE)
def test_vectors_are_stored_as_bytes_along_few_directions(isa):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(2000, 512)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert Native(torch.from_numpy(rows), None, 0.9, isa).sieve.packed.nbytes < rows.nbytes / 8


def test_a_machine_without_the_kernel_has_none(monkeypatch, tmp_path):
    found = built.library(tmp_path)
    monkeypatch.setattr(built, "library", lambda: found)
    assert best_isa() == Isa.NONE
    assert "15 times slower: install g++ and run `make setup`" in built.in_words(Isa.NONE, "cpu")


def test_a_kernel_is_called_by_its_instruction_set():
    assert [built.in_words(isa, "cpu") for isa in LEVELS] == ["kernel: AVX2", "kernel: AVX512"]
