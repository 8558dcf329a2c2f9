"""The approximate join: the exact join has all its pairs, misses are counted, threads and tiles do not matter."""

import faiss
import numpy as np
import pytest
from folders import files_of
from join_data import assert_equal, in_order, unit
from mining_data import make_corpus, with_window

from components.common.data.reading import Dataset
from components.common.join.exact import Pairs, concatenate, tile_count, window_join
from components.mining.approximate import Lists, file_rows, find_centroids, join_tile, recall
from components.mining.params import Params
from components.mining.stage import run

LOW, HIGH = 0.7, 0.9


def hard(count: int = 3000, dim: int = 24, dtype: type = np.float16) -> np.ndarray:
    """Rows of wide clusters, most of whose pairs cross the borders of lists."""
    return unit(np.random.default_rng(dim), count, dim, dtype, clusters=60)


def joined(lists: Lists, groups: np.ndarray | None = None, tile: int = 16384) -> Pairs:
    tiles = range(tile_count(len(lists.values), tile))
    return concatenate([join_tile(lists, index, LOW, HIGH, groups, tile) for index in tiles])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("grouped", [False, True])
def test_its_pairs_are_pairs_of_the_exact_join(dtype, grouped):
    vectors = hard(dtype=dtype)
    groups = np.arange(len(vectors)) // 3 if grouped else None
    lists = file_rows(vectors, find_centroids(vectors), nprobe=2)
    exact, approximate = window_join(vectors, LOW, HIGH, groups), joined(lists, groups)
    exact_keys, approximate_keys = (pairs.src * len(vectors) + pairs.dst for pairs in (exact, approximate))
    assert 100 < len(approximate.src) < len(exact.src)
    in_both = np.isin(exact_keys, approximate_keys)
    assert_equal(approximate, exact.where(in_both))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_searching_all_lists_finds_every_pair(dtype):
    """Even at the ends of the window, although storage in the lists rounds."""
    vectors = hard(500, 37, dtype)
    pairs = window_join(vectors, LOW)
    low, high = float(np.median(pairs.similarity)), float(pairs.similarity.max())
    lists = file_rows(vectors, find_centroids(vectors, 20), nprobe=20)
    assert_equal(join_tile(lists, 0, low, high), window_join(vectors, low, high))


def test_recall_is_the_share_found_of_the_exact_pairs():
    vectors = hard(1500)
    groups, centroids = np.arange(1500) // 2, find_centroids(vectors)
    exact = len(window_join(vectors, LOW, HIGH, groups).src)
    shares = []
    for nprobe in (1, 4, 16, len(centroids)):
        lists = file_rows(vectors, centroids, nprobe)
        measured = recall(lists, LOW, HIGH, groups)  # fewer rows than the sample size: all are used
        assert measured == (1500, exact, len(joined(lists, groups).src))
        shares.append(measured.share)
    assert shares[0] < 0.9 and shares == sorted(shares) and shares[-1] == 1


def test_recall_of_a_sample_is_close_to_that_of_all_rows():
    vectors = hard(6000)
    lists = file_rows(vectors, find_centroids(vectors), nprobe=2)
    measured, exact = recall(lists, LOW, HIGH), window_join(vectors, LOW, HIGH)
    assert measured.rows == 2048 and measured.pairs < len(exact.src)
    assert measured.share == pytest.approx(len(joined(lists).src) / len(exact.src), abs=0.03)


def test_without_a_pair_in_the_sample_recall_is_unknown():
    lists = file_rows(np.eye(8, dtype=np.float16), np.eye(8, dtype=np.float32), nprobe=1)
    assert recall(lists, LOW).share is None


def test_neither_threads_nor_tile_rows_change_it():
    vectors, threads = hard(), faiss.omp_get_max_threads()
    centroids = find_centroids(vectors)
    expected = joined(file_rows(vectors, centroids, nprobe=2))
    faiss.omp_set_num_threads(3)
    try:
        np.testing.assert_array_equal(find_centroids(vectors), centroids)
        for tile in (7, 1000):
            assert_equal(joined(file_rows(vectors, centroids, nprobe=2), tile=tile), expected)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(threads)


def test_rows_joined_together_do_not_choose_each_others_lists():
    """The centroids differ only by rounding, so which is nearest depends on the order of a sum.

    faiss would multiply 1000 rows of 256 values with BLAS, but not 7.
    """
    vectors = hard(1000, 256)
    close = np.repeat(unit(np.random.default_rng(1), 30, 256, np.float32), 12, axis=0)
    centroids = close + np.float32(1e-7) * np.random.default_rng(2).normal(size=close.shape).astype(np.float32)
    lists = file_rows(vectors, centroids, nprobe=4)
    expected = joined(lists)
    assert len(expected.src) > 100
    assert_equal(joined(lists, tile=7), expected)


@pytest.mark.parametrize("old", [0, 1, 1700, 2999, 3000])
def test_new_rows_joined_later_give_all_pairs(old):
    """With the centroids of the old rows, as when rows are added to a corpus that was already joined."""
    vectors = hard()
    centroids = find_centroids(vectors[: max(old, 500)])
    before = joined(file_rows(vectors[:old], centroids, nprobe=2), tile=512)
    added = joined(file_rows(vectors, centroids, nprobe=2, since=old), tile=512)
    assert_equal(in_order(concatenate([before, added])), joined(file_rows(vectors, centroids, nprobe=2)))


def test_the_stage_reports_what_it_missed(corpus_paths, tmp_path):
    inputs = with_window(corpus_paths, tmp_path)

    def mine(name: str, **params: object) -> tuple[dict[str, Dataset], list[str], dict[str, float]]:
        folders = {role: tmp_path / name / role for role in ("pairs", "sets", "rejects")}
        report = run(inputs, folders, Params(tile=16, **params))
        report.save(tmp_path / name / "report")
        return {role: Dataset(folder) for role, folder in folders.items()}, report.notes, report.metrics

    exact, notes, metrics = mine("exact")
    assert exact["pairs"].facts["engine"] == "exact" and "recall" not in metrics
    assert not any("approximate" in note for note in notes)
    poor, notes, metrics = mine("poor", engine="ivf", nlist=40, nprobe=1)
    facts = poor["pairs"].facts
    assert facts["recall"] == metrics["recall"] == len(poor["pairs"]) / len(exact["pairs"]) < 1
    assert (facts["engine"], facts["nlist"], facts["nprobe"]) == ("ivf", 40, 1)
    assert facts["recall_pairs"] == len(exact["pairs"])
    assert facts["recall_rows"] == len(Dataset(inputs["objects"]))
    assert 0 < facts["split_recall"] < 1 and poor["sets"].facts == facts
    assert any("the join was approximate (ivf, 1 of 40 lists searched)" in note for note in notes)
    mine("again", engine="ivf", nlist=40, nprobe=1)
    assert files_of(tmp_path / "again" / "pairs") == files_of(tmp_path / "poor" / "pairs")
    whole, _, metrics = mine("whole", engine="ivf", nlist=40, nprobe=40)
    assert metrics["recall"] == 1 and whole["sets"].table().equals(exact["sets"].table())


def test_the_stage_on_an_empty_corpus(tmp_path):
    inputs = with_window(make_corpus(tmp_path, []), tmp_path)
    del inputs["subjects"]
    run(inputs, {role: tmp_path / role for role in ("pairs", "sets", "rejects")}, Params(engine="ivf"))
    assert len(Dataset(tmp_path / "pairs")) == 0


def test_searching_more_lists_than_there_are_is_refused():
    with pytest.raises(ValueError, match="nprobe = 16 must not exceed nlist = 8"):
        Params(nlist=8)
