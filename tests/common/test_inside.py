"""Every place that turns a name from elsewhere into a path: no name may lead out of its folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from components.common.data import files, sandbox
from components.common.data.reading import MANIFEST, UNFINISHED, Dataset, content_digest
from components.common.data.shares import SEAL, gather
from components.common.data.storage import LocalStore
from components.common.data.verification import check_files
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.stage.params import StageParams
from components.common.stage.report import Report
from components.common.vision import models
from components.common.vision.benchmark import crops
from components.evaluation import benchmark
from components.evaluation.benchmark import Sample
from components.evaluation.outside import folder_system
from pipelines.engines.dvc_file import _local

NAMES = ["../x", "/etc/x", "a/../../x", "a\0b", "..\\x", "a\\..\\..\\x", "\\etc\\x", "C:\\x", "", "."]
IMAGE = {"id": 1, "width": 8, "height": 8}
ANNOTATION = {"id": 1, "image_id": 1, "bbox": [0, 0, 4, 4], "design": "cup", "category_id": 1}


class Params(StageParams):
    pass


def dataset(folder: Path) -> Path:
    with Writer(folder, "model", "test", {}, Params()) as out:
        out.write(0, [{"path": "weights", "bytes": 1, "sha256": "0" * 64}])
    return folder


def manifest_naming(name: str, root: Path) -> Path:
    """A dataset whose manifest gives its file another name, with a matching digest."""
    folder = dataset(root / "model")
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["parts"][0]["files"][0]["name"] = name
    keys = ("kind", "schema", "parts", "facts")
    manifest["digest"] = content_digest(*(manifest[key] for key in keys))
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def open_a_part(name: str, root: Path) -> object:
    return Dataset(manifest_naming(name, root)).files(".parquet")


def hash_a_part(name: str, root: Path) -> object:
    return list(check_files(manifest_naming(name, root)))


def hash_a_models_file(name: str, root: Path) -> object:
    with Writer(root / "model", "model", "test", {}, Params()) as out:
        out.write(0, [{"path": name, "bytes": 1, "sha256": "0" * 64}])
    return list(check_files(root / "model"))


def resume_a_part(name: str, root: Path) -> object:
    writer = Writer(root / "half", "model", "test", {}, Params())
    with pytest.raises(KeyboardInterrupt), writer as out:
        out.write(0, [])
        raise KeyboardInterrupt
    record = root / "half" / "part-00000.part.json"
    part = json.loads(record.read_text())
    part["files"][0]["name"] = name
    record.write_text(json.dumps(part))
    return Writer(root / "half", "model", "test", {}, Params()).__enter__()


def gather_a_share(name: str, root: Path) -> object:
    share = root / "share" / "out"
    share.mkdir(parents=True)
    (share / UNFINISHED).write_text("{}")
    (share / SEAL).write_text(json.dumps({name: "0" * 64}))
    return gather([root / "share"], {"out": root / "out"})


def blob_of_a_shard(name: str, root: Path) -> object:
    return Dataset(dataset(root / "model")).blob({"shard": name, "image_offset": 0, "image_length": 1}, "image")


def coco(root: Path, image: str, plate: str = "") -> Path:
    Image.new("RGB", (8, 8)).save(root / "good.png")
    folder = root / "benchmark"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "good.png")
    content = {
        "images": [IMAGE | {"file_name": image}],
        "annotations": [ANNOTATION | ({"plate": plate} if plate else {})],
        "categories": [],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def read_a_store(name: str, root: Path) -> object:
    return LocalStore(root).read(name)


def judge_an_outside_picture(name: str, root: Path) -> object:
    return folder_system(root)([Sample(name=name, subject="", references=(), cutout=Image.new("RGB", (1, 1)))])


PLACES: dict[str, Callable[[str, Path], object]] = {
    "the function itself": lambda name, root: files.inside(root, name),
    "a manifest's entry, read": open_a_part,
    "a manifest's entry, hashed": hash_a_part,
    "a model's row, hashed": hash_a_models_file,
    "a part record of unfinished work": resume_a_part,
    "a file of a share": gather_a_share,
    "the shard of a blob": blob_of_a_shard,
    "a key of a local store (photographs, labels)": read_a_store,
    "a report's file": lambda name, root: Report(files={name: "x"}).save(root / "report"),
    "a part of the rendered world": lambda name, _: sandbox.resolve(f"sandbox:{name}"),
    "a packaged model": lambda name, _: models.locate(f"sandbox:{name}"),
    "a packaged source of a DVC stage": lambda name, root: _local(f"sandbox:{name}", root),
    "a photograph of a reserved benchmark": lambda name, root: list(crops(str(coco(root, name)), 1.0, 512)),
    "a photograph of a judged benchmark": lambda name, root: benchmark.load(coco(root, name)),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", PLACES)
def test_no_name_from_elsewhere_leaves_its_folder(place: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        PLACES[place](name, tmp_path)
    assert "does not stay below" in str(refused.value) or place == "the shard of a blob"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("", ".")])
def test_names_that_get_a_suffix_stay_inside_too(name: str, tmp_path: Path) -> None:
    picture = Image.new("RGB", (2, 2))
    for act in (
        lambda: judge_an_outside_picture(name, tmp_path),
        lambda: benchmark.load(coco(tmp_path, "good.png", plate=name)),
        lambda: Report(plots={name: []}).save(tmp_path / "report"),
        lambda: Report(figures={name: picture}).save(tmp_path / "report"),
    ):
        with pytest.raises(UserError, match="does not stay below"):
            act()


@pytest.mark.parametrize("name", ["x", "a/b.jpg", "..x", "a..b/c", "a\\b.jpg", "a:b.jpg", "ü ä.jpg", "./x"])
def test_ordinary_names_are_paths(name: str, tmp_path: Path) -> None:
    assert files.inside(tmp_path, name) == tmp_path / name


def test_a_hub_id_does_not_begin_with_dots() -> None:
    with pytest.raises(UserError, match=r"there is no model folder \.\./x"):
        models.locate("../x")
    assert models.locate("owner/name").revision == ""
