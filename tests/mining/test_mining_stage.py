"""The mining stage on small corpora: what makes a set, what never does, resuming, and the report."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from folders import files_of, killed_at_call
from in_shares import run_in_shares
from mining_data import Made, cluster_vectors, make_corpus, picture, with_window
from PIL import Image, ImageOps

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.join.built import best_isa, in_words
from components.common.join.flags import Flag
from components.common.join.scores import Pairs
from components.mining import tiles
from components.mining.params import Params
from components.mining.sets import distinct_partners, neighbours
from components.mining.stage import run

INPUTS = ("images", "objects", "embeddings", "calibration", "reserved")
PARAMS = Params(tile=16)
LOW = 0.8


def mine(paths: dict[str, Path], folder: Path, params: Params = PARAMS, calibrated: bool = False):
    paths = paths if calibrated else with_window(paths, folder, LOW)
    outputs = {"pairs": folder / "pairs", "sets": folder / "sets", "rejects": folder / "rejects"}
    report = run({role: paths[role] for role in INPUTS}, outputs, params)
    return report, Dataset(outputs["pairs"]), Dataset(outputs["sets"])


def test_products_recur_and_loners_do_not(corpus_paths, tmp_path):
    report, _, sets = mine(corpus_paths, tmp_path)
    rows = Dataset(corpus_paths["objects"]).rows()
    category = [row["category"] for row in rows]
    assert len(sets) == 40
    for row in sets.rows():
        assert category[row["anchor"]] != "loner"
        assert row["category"] == category[row["anchor"]]
        assert len(row["views"]) == 4  # every other photograph of the product
        assert row["similarities"] == sorted(row["similarities"], reverse=True)
        assert row["anchor"] not in row["views"]
        assert row["group"] <= min([row["anchor"], *row["views"]])
        assert len({rows[view]["image_id"] for view in row["views"]}) == 4
    assert report.metrics["yield_sets"] == pytest.approx(40 / len(rows))


def test_the_calibrated_window_is_used(corpus_paths, tmp_path):
    _, pairs, sets = mine(corpus_paths, tmp_path, calibrated=True)
    facts = Dataset(corpus_paths["calibration"]).facts
    similarity = pairs.table()["similarity"].to_numpy()
    assert facts["passed"] and len(sets) > 0
    assert facts["low"] - 1e-6 <= similarity.min() and similarity.max() <= facts["high"] + 1e-6


def test_the_tile_changes_no_row(corpus_paths, tmp_path):
    runs = [mine(corpus_paths, tmp_path / str(tile), PARAMS.model_copy(update={"tile": tile})) for tile in (7, 500)]
    (_, pairs, sets), (_, other_pairs, other_sets) = runs
    assert pairs.table().equals(other_pairs.table())
    assert sets.table().equals(other_sets.table())


@pytest.mark.parametrize(("stop_at", "engine"), [(0, "exact"), (2, "exact"), (3, "exact"), (2, "ivf")])
def test_a_killed_and_resumed_run_is_byte_identical(corpus_paths, tmp_path, stop_at, engine):
    params = PARAMS.model_copy(update={"engine": engine, "nprobe": 2})
    mine(corpus_paths, tmp_path / "whole", params)
    with killed_at_call(stop_at, tiles, "mine_tile") as calls:
        with pytest.raises(KeyboardInterrupt):
            mine(corpus_paths, tmp_path / "killed", params)
        mine(corpus_paths, tmp_path / "killed", params)
    indices = [index for _, _, index, *_ in calls]
    assert indices.count(stop_at) == 2 and all(indices.count(done) == 1 for done in range(stop_at))
    for name in ("pairs", "sets", "rejects"):
        assert files_of(tmp_path / "killed" / name) == files_of(tmp_path / "whole" / name)


@pytest.mark.parametrize(("workers", "engine"), [(1, "exact"), (3, "exact"), (7, "exact"), (2, "ivf")])
def test_tile_rows_joined_by_several_workers_give_the_same_bytes(corpus_paths, tmp_path, workers, engine):
    params = PARAMS.model_copy(update={"engine": engine, "nprobe": 2})
    mine(corpus_paths, tmp_path / "whole", params)
    outputs = {name: tmp_path / "gathered" / name for name in ("pairs", "sets", "rejects")}
    inputs = with_window(corpus_paths, tmp_path / "gathered", LOW)
    run_in_shares(run, {role: inputs[role] for role in INPUTS}, outputs, params, workers)
    for name in ("pairs", "sets", "rejects"):
        assert files_of(outputs[name]) == files_of(tmp_path / "whole" / name)


def test_killed_between_parts_of_the_sets(corpus_paths, tmp_path, monkeypatch):
    mine(corpus_paths, tmp_path / "whole")
    write = Writer.write

    def stop(self, index, *args, **more):
        if self.kind == "sets" and index == 1:
            raise KeyboardInterrupt
        write(self, index, *args, **more)

    monkeypatch.setattr(Writer, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        mine(corpus_paths, tmp_path / "killed")
    monkeypatch.undo()
    mine(corpus_paths, tmp_path / "killed")
    for name in ("pairs", "sets", "rejects"):
        assert files_of(tmp_path / "killed" / name) == files_of(tmp_path / "whole" / name)


def _repeats(image: Image.Image) -> list[Image.Image]:
    """The picture again: mirrored, darker, and slightly cut."""
    width, height = image.size
    cut = image.crop((2, 2, width - 1, height - 1)).resize(image.size)
    return [ImageOps.mirror(image), Image.eval(image, lambda v: v * 3 // 4), cut]


def test_near_duplicates_never_make_a_set(tmp_path):
    """One photograph repeated three times, and two other views: at most two views, so no set of three."""
    first = picture(0)
    pictures = [first, *_repeats(first), picture(1), picture(2)]
    paths = make_corpus(tmp_path, [["mug-0"]] * 6, photographs=pictures)
    report, pairs, sets = mine(paths, tmp_path)
    assert len(sets) == 0
    duplicate = [(row["src_row"], row["dst_row"]) for row in pairs.rows() if row["flags"] & Flag.DUPLICATE]
    assert duplicate == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert report.metrics["duplicate_pairs"] == 6
    assert any("no object has 3 views" in note for note in report.notes)
    _, _, sets = mine(paths, tmp_path / "two", PARAMS.model_copy(update={"min_views": 2}))
    assert [(row["anchor"], sorted(row["views"])[1:]) for row in sets.rows()][:4] == [(n, [5]) for n in range(4)]


def test_duplicates_above_the_window_collapse_too(tmp_path):
    """Three different pictures with equal vectors are one view, linked by pairs that are above the window."""
    vectors = cluster_vectors(["mug-0"] * 6)
    vectors[1] = vectors[2] = vectors[0]
    paths = make_corpus(tmp_path, [["mug-0"]] * 6, vectors)
    _, pairs, sets = mine(paths, tmp_path)
    assert not {(0, 1), (0, 2), (1, 2)} & {(row["src_row"], row["dst_row"]) for row in pairs.rows()}
    for row in sets.rows():
        assert len({0, 1, 2} & {row["anchor"], *row["views"]}) == 1


def test_two_objects_of_one_photograph_give_one_view(tmp_path):
    shown = [["mug-0"], ["mug-0", "mug-0"], ["mug-0"], ["mug-0"]]
    paths = make_corpus(tmp_path, shown)
    _, pairs, sets = mine(paths, tmp_path)
    assert (1, 2) not in {(row["src_row"], row["dst_row"]) for row in pairs.rows()}
    assert len(sets) == 5 and all(len(row["views"]) == 3 for row in sets.rows())


def test_hubs_are_flagged_and_kept(tmp_path):
    paths = make_corpus(tmp_path, [["mug-0"]] * 6)
    report, pairs, _ = mine(paths, tmp_path, PARAMS.model_copy(update={"hub_pairs": 4}))
    assert len(pairs) == 15 and report.metrics["hub_pairs"] == 15
    assert all(row["flags"] & Flag.HUB for row in pairs.rows())
    assert any("over 4 partners" in note for note in report.notes)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_tiny_corpora(tmp_path, count):
    paths = make_corpus(tmp_path, [["mug-0"]] * count)
    report, pairs, sets = mine(paths, tmp_path)
    report.save(tmp_path / "report")
    assert len(pairs) == (count == 2) and len(sets) == 0
    assert pairs.table().schema.names == ["src_row", "dst_row", "similarity", "flags"]


def test_the_report_uses_the_least_number_of_views(corpus_paths, tmp_path):
    report, _, sets = mine(corpus_paths, tmp_path, PARAMS.model_copy(update={"min_views": 5}))
    assert len(sets) == 0
    assert [row["with_min_views"] for row in report.plots["recurrence_against_corpus_size"]] == [0] * 6
    [collection] = report.plots["recurrence_by_collection"]
    assert (collection["with_1_view"], collection["with_min_views"]) == (40, 0)
    assert any("0 (0.0%) at least 5" in note for note in report.notes)
    assert any("no object has 5 views" in note for note in report.notes)


def test_the_report_names_the_instruction_set_that_found_the_pairs(corpus_paths, tmp_path):
    report, _, _ = mine(corpus_paths, tmp_path, PARAMS.model_copy(update={"device": "cpu"}))
    assert f"the join was exact ({in_words(best_isa(), 'cpu')})" in report.notes


def test_the_report_shows_what_recurs(corpus_paths, tmp_path):
    report, _, _ = mine(corpus_paths, tmp_path)
    report.save(tmp_path / "report")
    curve = report.plots["recurrence_against_corpus_size"]
    assert curve[-1]["with_min_views"] == pytest.approx(report.metrics["yield_sets"])
    assert curve[0]["with_1_view"] < curve[-1]["with_1_view"]
    histogram = report.plots["neighbour_similarity"]
    assert sum(row["first"] for row in histogram) == pytest.approx(1)
    assert report.metrics["growth_exponent"] > 1
    [collection] = report.plots["recurrence_by_collection"]
    assert collection == {
        "collection": "test",
        "photographs": 50,
        "objects": 64,
        "with_1_view": 40,
        "with_min_views": 40,
    }
    assert any("40 (62.5%) have a view or more and 40 (62.5%) at least 3" in note for note in report.notes)
    counts = {row["category"]: row for row in report.plots["sets_by_category"]}
    assert counts["mug"]["sets"] == counts["can"]["sets"] == 20 and counts["loner"]["sets"] == 0
    assert report.figures["sets"].width > 400 and report.figures["sets"].height > 1000


def test_every_object_without_a_set_says_why(tmp_path):
    """Three views of a product, an object on its own, and five photographs that differ in their brightness only."""
    shown = [["few"]] * 3 + [["lone"]] + [["same"]] * 5
    photographs = [picture(seed) for seed in range(4)] + [picture(9).point(lambda v, k=k: v // 2 + k) for k in range(5)]
    _, pairs, sets = mine(make_corpus(tmp_path, shown, photographs=photographs), tmp_path)
    rejects = Dataset(tmp_path / "rejects").rows()
    assert len(sets) == 0 and len(pairs) == 3 + 10
    assert [row["key"] for row in rejects] == [f"object-{row}" for row in range(9)]
    assert [row["reason"] for row in rejects] == ["few-partners"] * 3 + ["no-partner"] + ["repeated-views"] * 5
    assert rejects[8]["detail"] == "4 in the window, 0 distinct views"
    assert {row["subject"] for row in rejects} == {"object"}


def test_inputs_that_do_not_belong_together_are_refused(corpus_paths, tmp_path):
    other = make_corpus(tmp_path / "other", [["mug-0"], ["can-0"]], tag="other")
    with pytest.raises(UserError, match=r"was not made from .* run embedding again"):
        mine(corpus_paths | {"objects": other["objects"]}, tmp_path)
    with pytest.raises(UserError, match=r"names photographs that are not in .* run detection again"):
        mine(corpus_paths | {"images": make_corpus(tmp_path / "none", [])["images"]}, tmp_path)


def test_a_window_of_another_encoder_is_refused(corpus_paths, tmp_path):
    embeddings = tmp_path / "embeddings"
    source = Dataset(corpus_paths["embeddings"])
    with Writer(embeddings, "embeddings", "embedding", {"objects": corpus_paths["objects"]}, Made()) as out:
        out.write(0, source.table(), vectors=source.vectors())
        out.facts = {"weights": "another", "preprocess": {}}
    with pytest.raises(UserError, match="calibrated for another encoder"):
        mine(corpus_paths | {"embeddings": embeddings}, tmp_path, calibrated=True)


def test_nan_vectors_are_refused(tmp_path):
    vectors = cluster_vectors(["mug-0"] * 3)
    vectors[2] = np.nan
    paths = make_corpus(tmp_path, [["mug-0"]] * 3, vectors)
    with pytest.raises(UserError, match="vector 2 has length nan"):
        mine(paths, tmp_path)


def test_a_reserved_vector_that_is_not_finite_is_refused(corpus_paths, tmp_path):
    """Nothing resembles NaN: the benchmark's other objects would get into sets too."""
    vectors = Dataset(corpus_paths["embeddings"]).vectors()[:2].copy()
    vectors[1] = np.nan
    with Writer(tmp_path / "reserved", "embeddings", "embedding", {}, Made()) as out:
        out.write(0, [{"object_id": str(row), "row": row} for row in range(2)], vectors=vectors)
    inputs = with_window(corpus_paths, tmp_path) | {"reserved": tmp_path / "reserved"}
    with pytest.raises(UserError, match="vector 1 has length nan"):
        run(inputs, {"pairs": tmp_path / "pairs", "sets": tmp_path / "sets", "rejects": tmp_path / "rejects"}, PARAMS)
    assert not (tmp_path / "pairs").exists()


def test_nothing_is_mined_without_what_is_kept_apart(corpus_paths, tmp_path):
    inputs = {role: path for role, path in with_window(corpus_paths, tmp_path).items() if role != "reserved"}
    with pytest.raises(KeyError, match="reserved"):
        run(inputs, {role: tmp_path / role for role in ("pairs", "sets", "rejects")}, PARAMS)


def test_partners_are_counted_by_photograph_even_if_photographs_outnumber_objects():
    """Here, three similar objects are in photographs 0, 4 and 2."""
    pairs = Pairs(np.array([0, 0, 1]), np.array([1, 2, 2]), np.full(3, 0.9, np.float32))
    near, everyone = neighbours(pairs, np.zeros(3, np.int32), 3), np.ones(3, bool)
    assert distinct_partners(near, np.array([0, 4, 2]), np.arange(3), everyone).tolist() == [2, 2, 2]
    for photo in itertools.permutations(range(6), 3):
        assert distinct_partners(near, np.array(photo), np.arange(3), everyone).tolist() == [2, 2, 2]


def test_objects_like_those_of_the_benchmark_are_in_no_set(corpus_paths, tmp_path):
    _, pairs, sets = mine(corpus_paths, tmp_path / "free")
    vectors = Dataset(corpus_paths["embeddings"]).vectors()
    anchor = sets.rows()[0]["anchor"]
    reserved = tmp_path / "reserved"
    with Writer(reserved, "embeddings", "embedding", {}, Made()) as out:
        out.write(0, [{"object_id": "benchmark", "row": 0}], vectors=vectors[anchor : anchor + 1])
    held = vectors.astype(np.float32) @ vectors[anchor].astype(np.float32) >= LOW - PARAMS.split_margin
    outputs = {"pairs": tmp_path / "pairs", "sets": tmp_path / "sets", "rejects": tmp_path / "rejects"}
    run(with_window(corpus_paths, tmp_path) | {"reserved": reserved}, outputs, PARAMS)
    used = {row for each in Dataset(outputs["sets"]).rows() for row in (each["anchor"], *each["views"])}
    assert held.sum() >= 5 and not used & set(np.flatnonzero(held))
    assert 0 < len(Dataset(outputs["sets"])) < len(sets)
    rejects = Dataset(outputs["rejects"]).rows()
    assert {row["key"] for row in rejects if row["reason"] == "reserved"} == {
        f"object-{k}" for k in np.flatnonzero(held)
    }
    flagged = [row for row in Dataset(outputs["pairs"]).rows() if row["flags"] & Flag.RESERVED]
    assert flagged and len(Dataset(outputs["pairs"])) == len(pairs)
