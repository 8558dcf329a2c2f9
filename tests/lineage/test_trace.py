"""Rows are followed both ways, and what a person types is found."""

import io
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.stage.params import StageParams
from components.lineage import ask, indexes, keys, rows
from components.lineage.closure import closure
from components.lineage.find import find
from components.lineage.indexes import keep_indexes
from components.lineage.rows import Run
from components.lineage.trace import Node
from pipelines.cli.app import app
from tests.lineage.lineage_data import write_run


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    write_run(root / "data")
    return root


def keys_of(tree: Node, dataset: str) -> set[str]:
    return {node.key for node in tree.walk() if node.dataset == dataset}


def test_every_tuple_is_followed_to_its_photographs_with_their_rights(workspace):
    for row in Dataset(workspace / "data/tuples").rows():
        tree = ask.sources(workspace / "data", row["tuple_id"])
        assert keys_of(tree, "images") == set(row["sources"])
        assert keys_of(tree, "objects") == set(row["parents"])
        assert all("licence" in node.says for node in tree.walk() if node.dataset == "images")


def test_every_photograph_is_followed_to_the_tuples_made_from_it(workspace):
    tuples = Dataset(workspace / "data/tuples").rows()
    for photograph in Dataset(workspace / "data/images").rows(["image_id", "uri"]):
        tree = ask.derived(workspace / "data", photograph["uri"])
        made = [row for row in tuples if photograph["image_id"] in row["sources"]]
        assert keys_of(tree, "tuples") == {row["tuple_id"] for row in made}
        assert len(keys_of(tree, "latents")) == len(made)
        assert bool(keys_of(tree, "model_insertion")) == any(row["split"] == "train" for row in made)


def test_a_large_table_is_scanned_for_one_id_and_indexed_for_many(tmp_path, monkeypatch):
    write_run(tmp_path, seed=1)
    sources = Dataset(tmp_path / "tuples").rows()[0]["sources"]
    before = [ask.derived(tmp_path, source) for source in sources], ask.view(tmp_path, sources[0][:10])
    affected = closure(Run(tmp_path), sources)
    monkeypatch.setattr(keys, "WORTH_KEEPING", 1)
    for few, kept in ((1_000, False), (0, True), (0, True)):  # scanned; indexes made; indexes read
        monkeypatch.setattr(rows, "FEW", few)
        assert closure(Run(tmp_path), sources) == affected
        assert ([ask.derived(tmp_path, source) for source in sources], ask.view(tmp_path, sources[0][:10])) == before
        assert any((tmp_path / keys.FOLDER).glob("tuples-*")) == kept


def test_a_kept_index_follows_its_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "WORTH_KEEPING", 1)
    monkeypatch.setattr(rows, "FEW", 0)
    write_run(tmp_path, seed=1)
    ask.derived(tmp_path, Dataset(tmp_path / "tuples").rows()[0]["sources"][0])
    kept = sorted((tmp_path / keys.FOLDER).glob("tuples-*"))
    write_run(tmp_path, seed=2)
    photograph = Dataset(tmp_path / "images").rows(["image_id"])[0]["image_id"]
    made = [row["tuple_id"] for row in Dataset(tmp_path / "tuples").rows() if photograph in row["sources"]]
    assert keys_of(ask.derived(tmp_path, photograph), "tuples") == set(made)
    assert kept and not set(kept) & set((tmp_path / keys.FOLDER).glob("tuples-*"))


def test_a_run_leaves_the_indexes_of_its_large_tables_and_of_no_others(tmp_path, monkeypatch):
    write_run(tmp_path, seed=1)
    photograph = Dataset(tmp_path / "images").rows(["image_id"])[0]["image_id"]
    before = ask.derived(tmp_path, photograph)
    keep_indexes(tmp_path)
    assert not (tmp_path / keys.FOLDER).exists()
    monkeypatch.setattr(keys, "WORTH_KEEPING", 1)
    keep_indexes(tmp_path)
    kept = set((tmp_path / keys.FOLDER).iterdir())
    monkeypatch.setattr(rows.Rows, "scan", lambda *_: pytest.fail("a table was scanned"))
    assert ask.derived(tmp_path, photograph) == before and ask.view(tmp_path, photograph[:10])
    assert set((tmp_path / keys.FOLDER).iterdir()) == kept
    shutil.rmtree(tmp_path / "latents")
    keep_indexes(tmp_path)
    assert {path.name.split("-")[0] for path in kept - set((tmp_path / keys.FOLDER).iterdir())} == {"latents"}


def test_a_table_too_large_for_an_index_at_the_end_of_a_run_is_named(tmp_path, monkeypatch, capsys):
    write_run(tmp_path, seed=1)
    monkeypatch.setattr(keys, "WORTH_KEEPING", 1)
    monkeypatch.setattr(indexes, "MOST_ROWS", len(Dataset(tmp_path / "tuples")) - 1)
    keep_indexes(tmp_path)
    assert f"tuples ({len(Dataset(tmp_path / 'tuples')):,} rows)" in capsys.readouterr().err
    assert not list((tmp_path / keys.FOLDER).glob("tuples-*"))


def test_a_damaged_index_is_made_again_and_one_that_cannot_be_kept_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(keys, "WORTH_KEEPING", 1)
    write_run(tmp_path, seed=1)
    keep_indexes(tmp_path)
    photograph = Dataset(tmp_path / "images").rows(["image_id"])[0]["image_id"]
    before = ask.derived(tmp_path, photograph)
    for file in (tmp_path / keys.FOLDER).rglob("numbers.npy"):
        file.write_bytes(b"damaged")
    monkeypatch.setattr(rows, "FEW", 0)
    assert ask.derived(tmp_path, photograph) == before
    keep_indexes(tmp_path)
    assert not any(path.read_bytes() == b"damaged" for path in (tmp_path / keys.FOLDER).rglob("numbers.npy"))
    shutil.rmtree(tmp_path / keys.FOLDER)
    (tmp_path / keys.FOLDER).write_text("a file where the folder should be")
    assert ask.derived(tmp_path, photograph) == before
    assert "cannot be kept" in capsys.readouterr().err


def test_processes_that_make_one_index_at_the_same_time_both_have_it(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "WORTH_KEEPING", 1)
    write_run(tmp_path, seed=1)
    objects = Dataset(tmp_path / "objects")
    for _ in range(10):
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: keys.index_of(objects, "object_id", make=True), range(8)))
        assert all((index.numbers == made[0].numbers).all() for index in made)
        [kept] = (tmp_path / keys.FOLDER).iterdir()
        assert sorted(path.name for path in kept.iterdir()) == ["numbers.npy", "positions.npy"]
        shutil.rmtree(tmp_path / keys.FOLDER)


def test_ids_that_begin_alike_are_told_apart(tmp_path):
    write_run(tmp_path, prefix="0" * keys.DIGITS)
    for row in Dataset(tmp_path / "tuples").rows():
        assert keys_of(ask.sources(tmp_path, row["tuple_id"]), "images") == set(row["sources"])


def test_what_a_person_types_is_found(workspace):
    data, row = workspace / "data", Dataset(workspace / "data/images").rows(["image_id", "uri"])[3]
    for text in (row["image_id"], row["image_id"][:8], row["uri"], "3.png", "images:3"):
        assert ask.view(data, text).key == row["image_id"]
    assert ask.view(data, "tuples").dataset == "tuples"
    assert ask.view(data, Dataset(data / "tuples").digest[:10]).dataset == "tuples"


@pytest.mark.parametrize("change", ["none", "jpeg", "half", "mirrored", "cropped"])
def test_a_picture_is_found_by_its_bytes_or_its_look(workspace, tmp_path, change):
    images = Dataset(workspace / "data/images")
    row = images.rows()[5]
    picture = Image.open(io.BytesIO(images.blob(row, "image")))
    changed = {
        "half": lambda: picture.resize((48, 48)),
        "mirrored": lambda: ImageOps.mirror(picture),
        "cropped": lambda: picture.crop((8, 4, 90, 86)),
    }.get(change, lambda: picture)()
    file = tmp_path / "copy"
    file.write_bytes(images.blob(row, "image")) if change == "none" else changed.save(file, "JPEG", quality=60)
    assert ask.view(workspace / "data", str(file)).key == row["image_id"]


def test_another_picture_is_not_taken_for_a_photograph_of_the_run(workspace, tmp_path):
    write_run(tmp_path, photographs=3, seed=99)
    images = Dataset(tmp_path / "images")
    (tmp_path / "other.png").write_bytes(images.blob(images.rows()[0], "image"))
    with pytest.raises(UserError, match="not an id, name or picture"):
        ask.view(workspace / "data", str(tmp_path / "other.png"))


@pytest.mark.parametrize("text", ["tuples:999", "0123456789", "nowhere.jpg", "a\x00b", "../../etc/passwd", "é" * 300])
def test_what_is_not_there_is_one_sentence(workspace, text):
    with pytest.raises(UserError):
        ask.sources(workspace / "data", text)


def test_rows_are_found_by_any_column(workspace):
    data = workspace / "data"
    positions = [at for at, row in enumerate(Dataset(data / "tuples").rows()) if row["split"] == "train"]
    assert {(answer.dataset, answer.total) for answer in find(data, "split=train")} == {
        ("tuples", len(positions)),
        ("latents", len(positions)),
    }
    assert [row["position"] for row in find(data, "tuples.split=train")[0].rows] == positions
    assert find(data, "uri=some/1*.png")[0].total == 11
    assert find(data, "licence=MIT") == []
    assert find(data, "licence=unknown")[0].total == len(Dataset(data / "images"))
    known = Dataset(data / "tuples").rows()[2]["tuple_id"]
    assert [row["position"] for row in find(data, f"tuples.tuple_id={known[:12]}")[0].rows] == [2]
    with pytest.raises(UserError, match="KEY is one of"):
        find(data, "colour=red")


def test_json_has_the_whole_tree(workspace):
    row = Dataset(workspace / "data/tuples").rows()[0]
    options = ["--workspace", str(workspace)]
    asked = CliRunner().invoke(app, ["lineage", "sources", row["tuple_id"], "--json", *options])
    tree = json.loads(asked.stdout)
    assert tree["key"] == row["tuple_id"] and len(tree["below"]) == 6
    printed = CliRunner().invoke(app, ["lineage", "sources", row["tuple_id"], *options]).stdout
    assert "licence=unknown" in " ".join(printed.split())


def test_found_rows_are_printed_a_line_for_each(workspace):
    options = ["--workspace", str(workspace), "--most", "2"]
    printed = " ".join(CliRunner().invoke(app, ["lineage", "find", "uri=some/1*.png", *options]).stdout.split())
    assert "images: 11 rows, the first 2 shown" in printed and "uri=some/10.png" in printed
    assert "licence=unknown" in printed
    found = CliRunner().invoke(app, ["lineage", "find", "uri=some/1*.png", "--json", *options]).stdout
    assert [row["position"] for row in json.loads(found)[0]["rows"]] == [1, 10]


def test_a_single_row_is_counted_as_one_and_a_datasets_neighbours_are_named_once(workspace):
    options = ["--workspace", str(workspace)]
    assert "images: 1 row\n" in CliRunner().invoke(app, ["lineage", "find", "uri=some/13.png", *options]).stdout
    near = ask.view(workspace / "data", "tuples").below
    assert len(near) > 4 and not any(node.again for node in near)


def test_an_object_shows_why_a_stage_took_it_no_further(tmp_path):
    write_run(tmp_path)
    objects = Dataset(tmp_path / "objects").rows()
    said = [(objects[3]["object_id"], "object"), (objects[4]["object_id"], "set"), ("1,2,3,4", "box")]
    rejected = [
        {"stage": "mining", "subject": subject, "key": key, "image_id": None, "reason": "no-partner", "detail": ""}
        for key, subject in said
    ]
    with Writer(tmp_path / "mining_rejects", "rejects", "mining", {}, StageParams()) as out:
        out.write(0, rejected)
    for at, expected in ((3, [0]), (4, [1]), (5, [])):
        shown = ask.view(tmp_path, f"objects:{at}").below
        assert [node.key for node in shown if node.dataset == "mining_rejects"] == [
            f"mining_rejects:{n}" for n in expected
        ]
    assert [node.key for node in ask.sources(tmp_path, "mining_rejects:0").below] == [objects[3]["object_id"]]
    assert ask.sources(tmp_path, "mining_rejects:2").below == []


def test_a_dataset_is_followed_once_either_way(workspace):
    for tree in (ask.sources(workspace / "data", "model_insertion"), ask.derived(workspace / "data", "images")):
        followed = [node.dataset for node in tree.walk() if not node.again]
        assert len(followed) == len(set(followed)) and {"images", "tuples", "model_insertion"} <= set(followed)


def test_an_unfinished_run_is_said(tmp_path):
    with pytest.raises(UserError, match="no finished dataset"):
        Run(tmp_path)
