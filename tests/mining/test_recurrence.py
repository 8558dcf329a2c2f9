"""Recurrence on synthetic vectors: a long tail of products recurs more and more, unrelated objects never."""

import numpy as np
import pytest
from mining_data import cluster_vectors

from components.common.join.exact import window_join
from components.mining import recurrence as analysis
from components.mining.recurrence import growth_exponent, neighbour_similarity, recurrence
from components.mining.sets import neighbours

LOW, COUNT, DIM, MIN_VIEWS = 0.8, 2000, 96, 3


def grown(vectors: np.ndarray) -> analysis.Rows:
    """`recurrence` of objects, one per photograph."""
    pairs = window_join(vectors, LOW)
    near = neighbours(pairs, np.zeros(len(pairs.src), np.int32), len(vectors))
    return recurrence(near, np.arange(len(vectors)), np.arange(len(vectors)), len(vectors), MIN_VIEWS)


@pytest.fixture(scope="module")
def long_tailed() -> np.ndarray:
    """Views of products whose popularity follows Zipf's law, 1 / rank."""
    popularity = 1 / np.arange(1, 2 * COUNT + 1)
    products = np.random.default_rng(0).choice(len(popularity), COUNT, p=popularity / popularity.sum())
    return cluster_vectors([f"product-{product}" for product in products], dim=DIM)


@pytest.fixture(scope="module")
def unrelated() -> np.ndarray:
    return cluster_vectors([f"loner-{index}" for index in range(COUNT)], dim=DIM)


def test_a_long_tail_makes_recurrence_grow_faster_than_the_corpus(long_tailed):
    rows = grown(long_tailed)
    for share in ("with_1_view", "with_min_views"):
        assert [row[share] for row in rows] == sorted(row[share] for row in rows)
    assert rows[0]["with_min_views"] < rows[-1]["with_min_views"] < rows[-1]["with_1_view"] < 1
    assert growth_exponent(rows) > 1.05


def test_rare_products_grow_fastest():
    """Five views each: the chance that a small part of the corpus has four of them grows as its fourth power."""
    rows = grown(cluster_vectors([f"product-{index % 400}" for index in range(COUNT)], dim=DIM))
    assert rows[-1]["with_min_views"] == 1
    assert growth_exponent(rows) > 2


def test_unrelated_objects_do_not_recur(unrelated):
    rows = grown(unrelated)
    assert [(row["with_1_view"], row["with_min_views"]) for row in rows] == [(0, 0)] * len(rows)
    assert growth_exponent(rows) is None


def test_the_exponent_is_that_of_a_power_law():
    sizes = (100, 200, 400, 1000)
    for exponent in (1.0, 1.4, 2.0):
        rows = [{"photographs": n, "with_min_views": 1e-4 * n ** (exponent - 1)} for n in sizes]
        assert growth_exponent([{"photographs": 50, "with_min_views": 0.0}, *rows]) == pytest.approx(exponent)


def test_neighbours_are_the_nearest_in_other_photographs(long_tailed, monkeypatch):
    """Against all similarities at once; the blocks do not divide the rows evenly."""
    vectors, photo = long_tailed[:500], np.arange(500) // 2
    monkeypatch.setattr(analysis, "BLOCK", 64)
    similarity = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    similarity[photo[:, None] == photo] = -1
    expected = np.sort(similarity, axis=1)[:, ::-1][:, :3]
    histogram = neighbour_similarity(vectors, photo)
    middles = np.array([row["similarity"] for row in histogram])
    for column, name in enumerate(("first", "second", "third")):
        shares = np.array([row[name] for row in histogram])
        assert shares.sum() == pytest.approx(1)
        assert shares @ middles == pytest.approx(expected[:, column].clip(0, 1).mean(), abs=analysis.BIN / 2)


def test_related_objects_have_nearer_neighbours(long_tailed, unrelated):
    above = [
        sum(row["third"] for row in neighbour_similarity(vectors, np.arange(COUNT)) if row["similarity"] > LOW)
        for vectors in (long_tailed, unrelated)
    ]
    assert above[0] > 0.5 and above[1] == 0
