"""The detection stage: objects in dense order, true crops, the same bytes however the work is divided."""

import io
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from detection_data import OPEN, coco, outputs, photograph, save_dfine, save_yolos, write_images
from in_shares import run_in_shares
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.stage.report import Report
from components.common.vision.benchmark import crops
from components.common.vision.geometry import Box, crop, expanded
from components.common.vision.images import dhashes, stored_picture
from components.detection.params import Params
from components.detection.stage import run

Detect = Callable[..., tuple[Report, Dataset]]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Nine photographs, some upright, so that a detector's inputs have two shapes."""
    shapes = [(80, 60), (60, 80), (80, 60)]
    return write_images(tmp_path / "images", {f"{n}.jpg": photograph(n, *shapes[n % 3]) for n in range(9)})


@pytest.fixture(scope="module")
def yolos(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_yolos(tmp_path_factory.mktemp("models") / "yolos"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_crops_are_what_the_boxes_hold(images: Path, yolos: str, detect: Detect) -> None:
    report, objects = detect(images, detector=yolos, score=0.3, part_rows=4, crop_scale=1.2, max_iou=0.95)
    rows = objects.rows()
    assert len({row["object_id"] for row in rows}) == len(rows) > 9
    photos = {row["image_id"]: n for n, row in enumerate(Dataset(images).rows())}
    assert [photos[row["image_id"]] for row in rows] == sorted(photos[row["image_id"]] for row in rows)
    for one, other in pairwise(rows):
        assert one["image_id"] != other["image_id"] or one["score"] >= other["score"]
    for row in rows:
        photo = photograph(photos[row["image_id"]], *[(80, 60), (60, 80), (80, 60)][photos[row["image_id"]] % 3])
        expected = crop(photo, expanded(Box(*(row[side] for side in "xywh")), 1.2))
        stored = Image.open(io.BytesIO(objects.blob(row, "crop")))
        assert stored.format == "PNG" and stored.tobytes() == expected.tobytes()
        assert (row["dhash"], row["dhash_flipped"]) == dhashes(expected)
    assert report.metrics["objects"] == len(rows) and {"boxes"} == set(report.figures)
    assert sum(row["objects"] for row in report.plots["categories"]) == len(rows)


def test_every_box_and_photograph_that_does_not_count_is_a_row(tmp_path: Path, detect: Detect) -> None:
    images = write_images(tmp_path / "i", {f"{n}.jpg": photograph(n) for n in range(3)})
    boxes = [
        {"image": 0, "bbox": [0, 0, 40, 40]},
        {"image": 0, "bbox": [0, 0, 9, 40]},
        {"image": 1, "bbox": [2, 3, 9, 9]},
    ]
    (tmp_path / "a.json").write_text(
        json.dumps(coco([f"{n}.jpg" for n in range(4)], [*boxes, boxes[0] | {"image": 3}]))
    )
    _, objects = detect(images, source="coco", annotations=str(tmp_path / "a.json"), min_side=20, part_rows=2)
    first, second, third = (f"{n:064x}" for n in range(3))
    rows = Dataset(outputs(objects.folder)["rejects"]).rows()
    assert [tuple(row[name] for name in ("subject", "key", "image_id", "reason", "detail")) for row in rows] == [
        ("box", "annotation 3", None, "missing", "'3.jpg'"),
        ("box", "0 0 9 40", first, "small", "mug, score 1"),
        ("box", "2 3 9 9", second, "small", "mug, score 1"),
        ("photograph", second, second, "no-box-kept", "small 1"),
        ("photograph", third, third, "no-box", ""),
    ]


def test_large_crops_are_scaled_down(tmp_path: Path, detect: Detect) -> None:
    images = write_images(tmp_path / "i", {"0.jpg": photograph(0, 300, 200)})
    _, objects = detect(images, source="whole", crop_side=64)
    assert Image.open(io.BytesIO(objects.blob(objects.rows()[0], "crop"))).size == (64, 43)


def test_a_benchmarks_objects_are_cut_out_as_those_of_a_dataset(tmp_path: Path, detect: Detect) -> None:
    photo, places = photograph(0, 300, 200), [[20.6, 30.4, 150.3, 120.4], [-0.6, 100.2, 90, 99.4]]
    images = write_images(tmp_path / "i", {"0.png": photo})
    photo.save(tmp_path / "0.png")
    listed = tmp_path / "annotations.json"
    listed.write_text(json.dumps(coco(["0.png"], [{"image": 0, "bbox": box} for box in places], photo.size)))
    _, objects = detect(images, source="coco", annotations=str(listed), crop_scale=1.2, crop_side=64)
    kept_apart = {picture.tobytes() for _, picture in crops(str(tmp_path), 1.2, 64)}
    assert {stored_picture(objects, row, "crop").tobytes() for row in objects.rows()} == kept_apart
    assert len(kept_apart) == 2


@pytest.mark.parametrize("save", [save_yolos, save_dfine])
def test_detectors_of_several_families_find_the_same_in_any_batch(
    images: Path, tmp_path: Path, detect: Detect, save: Callable[[Path], Path]
) -> None:
    model = str(save(tmp_path / "model"))
    runs = [
        detect(images, f"out{size}", detector=model, score=0.2, batch=size, workers=size)[1].rows()
        for size in (1, 4, 16)
    ]
    assert runs[0] == runs[1] == runs[2] and {row["category"] for row in runs[0]} <= {"mug", "jar"} and runs[0]


def test_workers_device_and_place_of_the_model_do_not_change_a_byte(
    images: Path, tmp_path: Path, yolos: str, detect: Detect
) -> None:
    detect(images, "a", detector=yolos, score=0.3, part_rows=4, workers=1, device="auto")
    (tmp_path / "elsewhere").mkdir()
    moved = save_yolos(tmp_path / "elsewhere" / "yolos")
    detect(images, "b", detector=str(moved), score=0.3, part_rows=4, device="cpu")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert str(tmp_path).encode() not in b"".join(contents(tmp_path / "a").values())


@pytest.mark.parametrize("kill_at", [0, 1, 2])
def test_killed_and_run_again_gives_the_same_bytes_and_counts(
    images: Path, tmp_path: Path, yolos: str, detect: Detect, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> None:
    options = {"detector": yolos, "score": 0.3, "part_rows": 4, "max_iou": 0.5}
    whole, _ = detect(images, "whole", **options)
    real = Writer.write

    def dying(self: Writer, index: int, *args: object, **more: object) -> None:
        if index == kill_at:
            raise KeyboardInterrupt
        real(self, index, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        detect(images, "killed", **options)
    monkeypatch.setattr(Writer, "write", real)
    again, _ = detect(images, "killed", **options)
    for killed, made in zip(outputs(tmp_path / "killed").values(), outputs(tmp_path / "whole").values(), strict=True):
        assert contents(killed) == contents(made)
    assert again.metrics == whole.metrics and whole.metrics["rejected_overlap"] > 0


def test_models_that_are_missing_or_wrong_are_one_sentence(
    images: Path, tmp_path: Path, yolos: str, detect: Detect
) -> None:
    with pytest.raises(UserError, match="there is no model folder"):
        detect(images, detector=str(tmp_path / "none"))
    with pytest.raises(UserError, match="has no pinned revision"):
        detect(images, detector="ustc-community/dfine-large-obj365")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="cannot be loaded"):
        detect(images, detector=str(tmp_path / "empty"))
    with pytest.raises(UserError, match="no usable GPU"):
        detect(images, detector=yolos, device="cuda:7")


def test_a_model_without_its_detection_head_is_refused(images: Path, tmp_path: Path, detect: Detect) -> None:
    from transformers import YolosForObjectDetection

    folder = save_yolos(tmp_path / "model")
    YolosForObjectDetection.from_pretrained(folder).vit.save_pretrained(folder)
    with pytest.raises(UserError, match=r"has no weights for .*: it would detect with random numbers"):
        detect(images, detector=str(folder))


def test_no_photographs_no_objects(tmp_path: Path, detect: Detect) -> None:
    report, objects = detect(write_images(tmp_path / "none", {}), source="whole")
    assert len(objects) == 0 and report.metrics["objects"] == 0 and not report.figures


def test_names_of_people_and_files_cannot_break_out(tmp_path: Path, detect: Detect) -> None:
    images = write_images(tmp_path / "i", {"<script>.jpg": photograph(0)})
    content = coco(["<script>.jpg"], [{"image": 0, "bbox": [0, 0, 40, 40]}])
    content["categories"][0]["name"] = "=cmd|'<b>\n../../x"
    (tmp_path / "a.json").write_text(json.dumps(content))
    _, objects = detect(images, source="coco", annotations=str(tmp_path / "a.json"))
    assert objects.rows(["category"]) == [{"category": "=cmd|'<b>\n../../x"}]
    assert sorted(path.name for path in (tmp_path / "objects").iterdir()) == [
        "_finished.json",
        "manifest.json",
        "part-00000.parquet",
        "part-00000.tar",
    ]


def test_the_committed_world_has_the_objects_its_annotations_name(tmp_path: Path, detect: Detect) -> None:
    from components.ingest.params import Params as IngestParams
    from components.ingest.stage import run as ingest

    roles = {role: tmp_path / role for role in ("images", "quarantine", "subjects", "rights")}
    ingest({}, roles, IngestParams(images="sandbox:benchmark", min_side=64))
    report, objects = detect(roles["images"], source="coco", annotations="sandbox:benchmark/annotations.json")
    assert len(objects) == 125 and report.metrics["categories"] == 10


def test_three_workers_make_what_one_makes(images: Path, tmp_path: Path, yolos: str, detect: Detect) -> None:
    detect(images, "whole", detector=yolos, score=0.3, part_rows=4, max_iou=0.5)
    params = Params.model_validate(OPEN | {"detector": yolos, "score": 0.3, "part_rows": 4, "max_iou": 0.5})
    run_in_shares(run, {"images": images}, outputs(tmp_path / "gathered"), params, workers=3)
    for gathered, whole in zip(
        outputs(tmp_path / "gathered").values(), outputs(tmp_path / "whole").values(), strict=True
    ):
        assert contents(gathered) == contents(whole)
