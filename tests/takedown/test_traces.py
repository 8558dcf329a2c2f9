"""What a photograph leaves behind is recognised wherever it lies, and versions made from it are told from others."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.lineage.closure import closure
from components.lineage.rows import Run
from pipelines.takedown.plan import load_plan, make_plan
from pipelines.takedown.targets import read_list, read_targets
from pipelines.takedown.traces import Traces, files_below, traces_of
from pipelines.takedown.versions import Record, tainted
from tests.lineage.lineage_data import write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "data"
    write_run(folder)
    return folder


def photographs(data: Path) -> list[str]:
    return [row["image_id"] for row in Dataset(data / "images").rows(["image_id"])]


def test_the_closure_is_what_a_search_of_all_rows_finds(data):
    tuples, objects = Dataset(data / "tuples").rows(), Dataset(data / "objects").rows()
    for image_id in photographs(data):
        rows = closure(Run(data), [image_id])
        own = [at for at, row in enumerate(objects) if row["image_id"] == image_id]
        assert rows.get("objects", []) == own
        assert rows.get("tuples", []) == [at for at, row in enumerate(tuples) if image_id in row["sources"]]
        sets = Dataset(data / "sets").rows()
        expected = [at for at, row in enumerate(sets) if {row["anchor"], *row["views"]} & set(own)]
        assert rows.get("sets", []) == expected


def test_traces_are_found_in_every_file_that_holds_the_photograph_and_in_no_other(data, tmp_path):
    gone, kept = photographs(data)[4], photographs(data)[5]
    run = Run(data)
    traces = traces_of(run, closure(run, [gone]))
    holding = {path for path in files_below(data) if traces.found_in(path.read_bytes())}
    tables = {data / "images" / f"part-00000.{kind}" for kind in ("parquet", "tar", "npy")}
    assert tables <= holding
    other = traces_of(run, closure(run, [kept]))
    (tmp_path / "text").write_text(f'{{"image": "{gone}"}}')
    assert traces.found_in((tmp_path / "text").read_bytes()) == f"id {gone}"
    assert not other.found_in((tmp_path / "text").read_bytes())
    rows = Dataset(data / "images").rows()
    photograph = Dataset(data / "images").blob(rows[4], "image")
    assert traces.found_in(photograph) and not other.found_in(photograph)


def test_a_row_of_vectors_or_latents_is_a_trace(tmp_path):
    from safetensors.numpy import save as save_arrays

    from pipelines.takedown.traces import _digest

    vectors = np.random.default_rng(0).normal(size=(6, 3, 4)).astype(np.float16)
    np.save(tmp_path / "rows.npy", vectors)
    arrays = save_arrays({"refs": vectors, "target": vectors[:, 0]})
    for wanted, file in (
        (vectors[2], (tmp_path / "rows.npy").read_bytes()),
        (vectors[2, 1], arrays),
        (vectors[5, 0], arrays),
    ):
        assert Traces(frozenset(), frozenset([_digest(wanted)])).found_in(file)
        assert not Traces(frozenset(), frozenset([_digest(wanted + 1)])).found_in(file)


@pytest.mark.parametrize("data_", [b"", b"PAR", b"\x93NUMPY", b"x" * 300 + b"ustar", b"\0" * 8 + b'{"', b"\xff" * 999])
def test_odd_files_hold_no_trace_and_stop_nothing(data_):
    assert not Traces(frozenset(["a" * 64]), frozenset(["b" * 64])).found_in(data_)


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1" + bytes(8) + (9).to_bytes(4, "little") + b"PAR1",
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (), }".ljust(80) + bytes(4),
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (10**13,), }".ljust(80),
        b"\x93NUMPY\x01\x00\x46\x00{'descr': ((('".ljust(80),
        save({"weight": torch.zeros(2, dtype=torch.bfloat16)}),
        save({"refs": torch.zeros(3)}),
    ],
    ids=["parquet", "scalar", "huge", "header", "bfloat16", "refs"],
)
def test_damaged_and_foreign_files_are_searched_as_bytes(content: bytes) -> None:
    photograph = "a" * 64
    assert Traces(frozenset([photograph]), frozenset()).found_in(content) == ""
    assert (
        Traces(frozenset([photograph]), frozenset()).found_in(content + b"\n" + photograph.encode())
        == f"id {photograph}"
    )


def test_versions_made_from_a_photograph_are_told_from_clean_ones():
    records = [
        Record("ingest", frozenset(), frozenset(["images-old", "subjects"])),
        Record("ingest", frozenset(), frozenset(["images-new", "subjects"])),
        Record("detection", frozenset(["images-old"]), frozenset(["objects-old", "report-old"])),
        Record("detection", frozenset(["images-new"]), frozenset(["objects-new", "report-new"])),
        Record("gate", frozenset(["objects-old", "subjects"]), frozenset(["verdict"])),
        Record("gate", frozenset(["objects-new", "subjects"]), frozenset(["verdict"])),
        Record("other", frozenset(["subjects"]), frozenset(["from-subjects"])),
        Record("train_insertion", frozenset(["objects-old"]), frozenset(["model"])),
    ]
    assert tainted({"images-old"}, records) == {"images-old", "objects-old", "report-old"}


def test_what_is_asked_for_is_found(data, tmp_path):
    run, ids = Run(data), photographs(data)
    (tmp_path / "list.txt").write_text(f"# asked by mail\n{ids[0]}\n\nsome/1.png\n")
    assert set(read_targets(run, read_list(tmp_path / "list.txt")).image_ids) == {ids[0], ids[1]}
    assert set(read_targets(run, ["uri=some/1*.png"]).image_ids) == {ids[1], *ids[10:20]}
    unknown = read_targets(run, ["f" * 64])
    assert unknown.image_ids == unknown.absent == ["f" * 64]


@pytest.mark.parametrize(
    "asked", [[], ["no such name"], ["uri=none.png"], ["http://example.com/a.jpg"], ["tuples:0"], ["images"]]
)
def test_what_names_no_photograph_is_refused(data, asked):
    with pytest.raises(UserError):
        read_targets(Run(data), asked)


def test_a_damaged_plan_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "takedowns/broken").mkdir(parents=True)
    for text in ('{"x": 1}', '{"takedown":'):
        (tmp_path / "takedowns/broken/plan.json").write_text(text)
        with pytest.raises(UserError, match=r"plan\.json is not a takedown's plan"):
            load_plan("broken")


def test_a_plan_changes_nothing_and_counts_what_is_affected(data, monkeypatch):
    before = {path: path.read_bytes() for path in files_below(data)}
    monkeypatch.chdir(data.parent)
    plan, [denied] = make_plan(Path(), ["some/4.png"])
    image_id = photographs(data)[4]
    assert plan.image_ids == [image_id] and denied.image_id == image_id and denied.look
    assert plan.rows == {name: len(rows) for name, rows in closure(Run(data), [image_id]).items()}
    assert plan.originals == ["some/4.png"]
    assert {path: path.read_bytes() for path in files_below(data)} == before and list(data.parent.iterdir()) == [data]
    plan.save()
    assert json.loads((plan.folder / "plan.json").read_text())["takedown"] == plan.takedown
