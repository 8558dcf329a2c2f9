"""The window join against brute force: exact at the edges, whatever the tile, processor, precision and storage."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from join_data import ON_GPU, assert_equal, brute_force, in_order, unit

from components.common.errors import UserError
from components.common.join import native, products
from components.common.join.built import Isa, best_isa
from components.common.join.exact import join_tile, prepare, window_join
from components.common.join.scores import concatenate, row_products

ENGINES = [{"isa": isa} for isa in Isa if isa <= best_isa()] + [ON_GPU] * bool(find_spec("triton"))
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine["isa"].name)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(0, 40),
    dim=st.integers(1, 9),
    tile=st.integers(1, 17),
    dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32]),
    grouped=st.booleans(),
    engine=st.sampled_from(ENGINES),
    seed=st.integers(0, 10**6),
)
def test_the_join_equals_brute_force(count, dim, tile, dtype, grouped, engine, seed):
    rng = np.random.default_rng(seed)
    vectors = torch.from_numpy(unit(rng, count, dim, np.float64)).to(dtype)
    groups = rng.integers(max(count // 2, 1), size=count) if grouped else None
    scores = brute_force(vectors, -2, 2).similarity
    # Both ends are values that occur: the hardest window.
    low, high = sorted(float(s) for s in rng.choice(scores, 2)) if len(scores) else (0.2, 0.8)
    assert_equal(window_join(vectors, low, high, groups, tile, **engine), brute_force(vectors, low, high, groups))


@settings(max_examples=40, deadline=None)
@given(
    old=st.integers(0, 120),
    new=st.integers(0, 120),
    tile=st.integers(1, 300),
    grouped=st.booleans(),
    engine=st.sampled_from(ENGINES),
    seed=st.integers(0, 10**6),
)
def test_new_rows_joined_later_give_all_pairs(old, new, tile, grouped, engine, seed):
    rng = np.random.default_rng(seed)
    vectors = unit(rng, old + new, 8)
    groups = rng.integers(20, size=old + new) if grouped else None
    before = window_join(vectors[:old], 0.8, 0.99, None if groups is None else groups[:old], tile, **engine)
    added = window_join(vectors, 0.8, 0.99, groups, tile, **engine, since=old)
    assert (added.dst >= old).all()
    assert_equal(in_order(concatenate([before, added])), window_join(vectors, 0.8, 0.99, groups, **engine))


@every_engine
@pytest.mark.parametrize(("count", "dim", "tile"), [(1009, 37, 333), (997, 64, 16384), (1201, 128, 512)])
def test_planted_clusters_are_found_exactly(count, dim, tile, engine):
    """More rows than a block of the kernel, never a multiple of its tiles; three objects per photograph."""
    vectors = unit(np.random.default_rng(dim), count, dim, clusters=40)
    groups = np.arange(count) // 3
    scores = brute_force(vectors, 0.9, 0.97).similarity
    low, high = float(scores[0]), float(scores.max())
    expected = brute_force(vectors, low, high, groups)
    assert len(expected.src) > 1000
    assert_equal(window_join(vectors, low, high, groups, tile, **engine), expected)


@every_engine
def test_unrelated_vectors_have_no_pairs(engine):
    vectors = unit(np.random.default_rng(7), 1500, 64, clusters=1500)
    assert_equal(window_join(vectors, 0.6, **engine), brute_force(vectors, 0.6, 2))


@every_engine
def test_a_hub_keeps_all_its_partners(engine, monkeypatch):
    """All pairs of 700 equal vectors, and a buffer just large enough for one step of the kernel."""
    monkeypatch.setattr(native, "CAPACITY", 48 * native.BLOCK)
    vectors = np.tile(unit(np.random.default_rng(8), 1, 24), (700, 1))
    assert_equal(window_join(vectors, 0.9, **engine), brute_force(vectors, 0.9, 2))


@every_engine
def test_threads_change_nothing(engine):
    vectors = unit(np.random.default_rng(9), 2000, 32, clusters=300)
    expected, threads = window_join(vectors, 0.9, **engine), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert_equal(window_join(vectors, 0.9, **engine), expected)
    finally:
        torch.set_num_threads(threads)


def test_the_ends_of_the_window_belong_to_it():
    vectors = unit(np.random.default_rng(0), 30, 8)
    score = float(np.median(brute_force(vectors, -2, 2).similarity))
    above, below = np.nextafter(np.float32(score), np.float32(2)), np.nextafter(np.float32(score), np.float32(-2))
    assert score in window_join(vectors, score, score).similarity
    assert score not in window_join(vectors, float(above), 1.1).similarity
    assert score not in window_join(vectors, -1.1, float(below)).similarity


@every_engine
@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
@pytest.mark.parametrize("block", [7, 64])
def test_neither_block_nor_matrix_precision_changes_a_bit(precision, block, engine, monkeypatch):
    vectors = unit(np.random.default_rng(1), 300, 64)
    expected = window_join(vectors, 0.9, 0.97)
    assert len(expected.src) > 1000
    for module in (products, native):
        monkeypatch.setattr(module, "BLOCK", block)
    torch.set_float32_matmul_precision(precision)
    try:
        assert_equal(window_join(vectors, 0.9, 0.97, tile=130, **engine), expected)
    finally:
        torch.set_float32_matmul_precision("highest")


@every_engine
def test_tile_rows_may_come_in_any_order(engine):
    vectors = unit(np.random.default_rng(2), 100, 16)
    rows = prepare(vectors, 0.8, **engine)
    tiles = {index: join_tile(rows, index, 0.8, 0.99, tile=32) for index in (3, 1, 0, 2)}
    assert_equal(concatenate([tiles[i] for i in range(4)]), window_join(vectors, 0.8, 0.99))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 3.0])
def test_a_row_that_is_not_a_unit_vector_is_named(value):
    vectors = unit(np.random.default_rng(3), 9, 4)
    vectors[6] = value
    with pytest.raises(UserError, match=r"vector 6 has length .*run the embedding stage again"):
        window_join(vectors, 0.5, 0.9)


@every_engine
def test_objects_of_one_photograph_are_never_a_pair(engine):
    vectors = np.tile(unit(np.random.default_rng(4), 1, 8), (6, 1))
    pairs = window_join(vectors, 0.5, groups=np.array([0, 0, 1, 1, 2, 2]), **engine)
    assert len(pairs.src) == 12
    assert not (pairs.src // 2 == pairs.dst // 2).any()


def test_row_products_are_inner_products():
    rng = np.random.default_rng(5)
    for dim in (1, 2, 3, 5, 64, 129):
        a, b = torch.from_numpy(rng.normal(size=(2, 10, dim)).astype(np.float32))
        torch.testing.assert_close(row_products(a, b).double(), (a.double() * b).sum(1), rtol=1e-4, atol=1e-5)


def test_row_products_are_folded_in_half():
    """(1 + 3e8) + (1 - 3e8) is 0 in fp32; to it are added the eighth and the zero that pads the odd width."""
    parts = torch.tensor([[1, 0.125, 1, 3e8, 0, -3e8]])
    assert row_products(parts, torch.ones(1, 6)).item() == 0.125


def test_the_pairs_are_those_of_faiss():
    """The same pairs as an exact flat index, except at the ends of the window, where its rounding differs."""
    faiss = pytest.importorskip("faiss")
    vectors, low = unit(np.random.default_rng(6), 500, 32).astype(np.float32), 0.9
    index = faiss.IndexFlatIP(32)
    index.add(vectors)
    limits, scores, rows = index.range_search(vectors, low)
    src = np.repeat(np.arange(500), np.diff(limits).astype(int))
    theirs = {(int(a), int(b)) for a, b, s in zip(src, rows, scores, strict=True) if a < b and abs(s - low) > 1e-5}
    ours = window_join(vectors, low, tile=100)
    clear = np.abs(ours.similarity - low) > 1e-5
    assert len(theirs) > 1000
    assert {(int(a), int(b)) for a, b in zip(ours.src[clear], ours.dst[clear], strict=True)} == theirs
