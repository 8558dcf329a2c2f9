"""Finding an object in a small dataset that the real stages made from the rendered corpus."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from mining_data import Made
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.sandbox import resolve
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.vision.corpus import load
from components.common.vision.geometry import Box
from components.detection import stage as detection
from components.detection.params import Params as Detection
from components.embedding import stage as embedding
from components.embedding.params import Params as Embedding
from components.ingest import stage as ingest
from components.ingest.params import Params as Ingest
from components.mining import search
from components.mining.search import find

PHOTOGRAPHS, LOW, HIGH = 16, 0.4, 0.9999


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """images, objects, embeddings and a calibrated window of the corpus's first photographs."""
    folder = tmp_path_factory.mktemp("workspace")
    shutil.copytree(resolve("sandbox:corpus"), folder / "corpus", ignore=_later)
    shutil.copytree(Path(embedding.__file__).parents[1] / "sandbox" / "models" / "ir", folder / "encoder")
    datasets = folder / "data"
    names = (
        "images",
        "quarantine",
        "subjects",
        "rights",
        "objects",
        "rejects",
        "embeddings",
        "reserved",
        "calibration",
    )
    paths = {name: datasets / name for name in names}
    ingest.run({}, paths, Ingest(images=str(folder / "corpus" / "images"), min_side=64))
    source = {"source": "coco", "annotations": str(folder / "corpus" / "annotations.json")}
    detection.run({"images": paths["images"]}, paths, Detection(**source, min_side=20, min_share=0.02))
    params = Embedding(ir="encoder", benchmark="", part_rows=32, device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # as in a run: the model's name is relative to this folder
        embedding.run({"objects": paths["objects"]}, paths, params)
    (folder / "params.yaml").write_text("models:\n  ir: encoder\n")
    _calibrate(paths["calibration"], load(paths).encoder)
    return datasets


def _later(folder: str, names: list[str]) -> list[str]:
    """What is not copied: photographs after the first ones, and folders that the stages do not read."""
    first = {f"{index:05d}.jpg" for index in range(PHOTOGRAPHS)}
    return [name for name in names if name in ("masks", "plates") or (name.endswith(".jpg") and name not in first)]


def _calibrate(folder: Path, encoder: str) -> None:
    with Writer(folder, "calibration", "calibration", {}, Made()) as out:
        out.write(0, [])
        out.facts = {"encoder": encoder, "low": LOW, "high": HIGH}


def photograph(data: Path, row: int) -> tuple[Path, Box]:
    """The file and the box of an object."""
    place = Dataset(data / "objects").rows()[row]
    uri = {image["image_id"]: image["uri"] for image in Dataset(data / "images").rows()}[place["image_id"]]
    return data.parent / "corpus" / "images" / uri, Box(*(place[side] for side in "xywh"))


def test_an_object_of_the_dataset_finds_itself(data):
    for row, place in enumerate(Dataset(data / "objects").rows()):
        photo, box = photograph(data, row)
        answer = find(photo, box, 5, data)
        first = answer.hits[0]
        assert (first.row, first.object_id, first.box, first.uri) == (row, place["object_id"], box, photo.name)
        assert first.similarity == pytest.approx(1, abs=1e-3)
        assert answer.lists is None and answer.searched == len(Dataset(data / "objects"))


def test_the_most_similar_come_first_and_the_window_says_which_count(data):
    photo, box = photograph(data, 3)
    answer = find(photo, box, 1000, data)
    vectors = Dataset(data / "embeddings").vectors().astype(np.float64)
    expected = np.sort(vectors @ vectors[3])[::-1]
    assert [hit.similarity for hit in answer.hits] == pytest.approx(expected.tolist(), abs=2e-3)
    assert answer.window == search.Window(LOW, HIGH)
    assert [hit.inside for hit in answer.hits] == [LOW <= hit.similarity <= HIGH for hit in answer.hits]
    assert len({hit.inside for hit in answer.hits}) == 2


def test_the_sheet_shows_the_query_and_the_crops(data):
    photo, box = photograph(data, 0)
    answer = find(photo, box, 8, data)
    corners = ((6, 26), (140, 26), (6, 174), (408, 174))
    query, first, below_query, after_last = (answer.sheet.crop((x, y, x + 128, y + 128)) for x, y in corners)
    assert query == first and len(query.getcolors(128 * 128)) > 500
    for blank in (below_query, after_last):
        assert blank.getcolors() == [(128 * 128, (255, 255, 255))]


def test_without_a_box_the_whole_photograph_is_the_query(data):
    photo, _ = photograph(data, 0)
    image = Image.open(photo)
    whole = find(photo, None, 3, data)
    assert whole.hits == find(photo, Box(0, 0, image.width, image.height), 3, data).hits
    assert whole.hits != find(*photograph(data, 0), 3, data).hits


def test_many_objects_are_filed_once_and_found_in_lists(data, monkeypatch):
    monkeypatch.setattr(search, "FLAT", 10)
    photo, box = photograph(data, 5)
    answer = find(photo, box, 4, data)
    index = next((data / "index").iterdir())
    made_at = index.stat().st_mtime_ns
    assert answer.lists is not None and answer.lists[0] <= answer.lists[1] < answer.searched
    assert answer.hits == find(photo, box, 4, data).hits and index.stat().st_mtime_ns == made_at
    shutil.rmtree(data / "index")
    monkeypatch.undo()
    assert answer.hits == find(photo, box, 4, data).hits  # so few objects that every list is searched


def test_a_window_for_another_encoder_is_ignored(data, tmp_path):
    copied = tmp_path / "data"
    shutil.copytree(data, copied)
    shutil.copytree(data.parent / "encoder", tmp_path / "encoder")
    shutil.copy(data.parent / "params.yaml", tmp_path)
    shutil.rmtree(copied / "calibration")
    photo, box = photograph(data, 0)
    assert find(photo, box, 1, copied).window is None
    _calibrate(copied / "calibration", "another")
    answer = find(photo, box, 1, copied)
    assert answer.window is None and answer.hits[0].inside is None


@pytest.mark.parametrize("box", [(0, 0, 129, 129), (-9, 0, 40, 40), (10, 10, 0, 5), (10, 10, -5, 5), (np.nan, 0, 9, 9)])
def test_a_box_outside_the_photograph_is_refused(data, box):
    photo, _ = photograph(data, 0)
    width, height = Image.open(photo).size
    if box[2] == 129:
        box = (0, 0, width + 2, height + 2)
    with pytest.raises(UserError, match=f"the photograph has no box .* within the {width} x {height} px"):
        find(photo, Box(*box), 1, data)


def test_missing_and_unusable_files_are_named(data, tmp_path):
    photo, _ = photograph(data, 0)
    with pytest.raises(UserError, match="nowhere/images holds no finished dataset"):
        find(photo, None, 1, tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"none\.jpg cannot be read: No such file"):
        find(tmp_path / "none.jpg", None, 1, data)
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(UserError, match=r"text\.jpg is not a usable photograph: not-an-image"):
        find(tmp_path / "text.jpg", None, 1, data)


def test_a_missing_or_changed_encoder_is_refused(data, tmp_path):
    photo, _ = photograph(data, 0)
    shutil.copytree(data, tmp_path / "data")
    shutil.copy(data.parent / "params.yaml", tmp_path)
    with pytest.raises(UserError, match=r"there is no model folder .*encoder"):
        find(photo, None, 1, tmp_path / "data")
    shutil.copytree(data.parent / "encoder", tmp_path / "encoder")
    (tmp_path / "encoder" / "note.json").write_text("{}")
    with pytest.raises(UserError, match=r"is not the encoder that .* was made with: restore it, name it"):
        find(photo, None, 1, tmp_path / "data")
