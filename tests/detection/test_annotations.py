"""Human boxes: COCO JSON and Open Images CSV."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from detection_data import coco, photograph, write_images

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.stage.report import Report

Detect = Callable[..., tuple[Report, Dataset]]
URIS = ("a/0.jpg", "a/1.jpg", "a/2.jpg")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", {uri: photograph(n) for n, uri in enumerate(URIS)})


@pytest.fixture
def coco_file(tmp_path: Path) -> Callable[..., str]:
    def call(content: object) -> str:
        path = tmp_path / "annotations.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return call


def test_coco_boxes_in_photograph_order(images: Path, coco_file: Callable[..., str], detect: Detect) -> None:
    boxes = [
        {"image": 2, "bbox": [1, 2, 30, 40]},
        {"image": 0, "bbox": [5.4, 6.6, 20, 20]},
        {"image": 0, "bbox": [30, 5, 40, 50], "category": 2},
        {"image": 2, "bbox": [0, 0, 80, 60], "iscrowd": 1},
    ]
    report, objects = detect(images, source="coco", annotations=coco_file(coco(URIS, boxes)))
    rows = objects.rows()
    assert [(int(row["image_id"], 16), row["category"], row["x"], row["w"]) for row in rows] == [
        (0, "mug", 5, 20),
        (0, "person", 30, 40),
        (2, "mug", 1, 30),
    ]
    assert {row["score"] for row in rows} == {1.0}
    assert report.metrics["rejected_crowd"] == 1 and report.metrics["photographs_without_objects"] == 1


@pytest.mark.parametrize("prefix", ["", "a/", "train2017/a/"])
def test_file_names_may_start_at_another_folder(
    images: Path, coco_file: Callable[..., str], detect: Detect, prefix: str
) -> None:
    names = [prefix + Path(uri).name for uri in URIS]
    if prefix == "train2017/a/":
        with pytest.raises(UserError, match="names none of the photographs: give the annotations of this collection"):
            detect(images, source="coco", annotations=coco_file(coco(names, [])))
        return
    _, objects = detect(
        images, source="coco", annotations=coco_file(coco(names, [{"image": 1, "bbox": [1, 2, 30, 40]}]))
    )
    assert [int(row["image_id"], 16) for row in objects.rows()] == [1]


def test_boxes_of_another_size_are_not_trusted(images: Path, coco_file: Callable[..., str], detect: Detect) -> None:
    annotations = coco_file(coco(URIS, [{"image": 0, "bbox": [1, 2, 30, 40]}], size=(60, 80)))
    report, objects = detect(images, source="coco", annotations=annotations)
    assert len(objects) == 0 and report.metrics["rejected_frame"] == 1
    assert report.notes[0].startswith("No object was found")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{not json", "is not valid COCO JSON"),
        ("[]", "is not valid COCO JSON"),
        ({"images": [], "annotations": []}, "is not a COCO detection file: 'categories' is missing; it needs images"),
        ({"images": [], "annotations": [], "categories": []}, "names none of the photographs"),
        (coco(URIS, [{"image": 0, "bbox": [1, 2, 3]}]), "is not valid COCO JSON"),
        (coco(URIS, [{"image": 0, "bbox": [1, 2, 3, "x"]}]), "is not valid COCO JSON"),
        (coco(URIS, [{"image": 0, "bbox": [1, 2, 3, 4], "category": 9}]), "9 is missing"),
    ],
)
def test_what_is_no_coco_file_is_one_sentence(
    images: Path, coco_file: Callable[..., str], detect: Detect, content: object, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        detect(images, source="coco", annotations=coco_file(content))


def test_absent_annotations_are_one_sentence(images: Path, detect: Detect) -> None:
    with pytest.raises(UserError, match=r"none\.json"):
        detect(images, source="coco", annotations="none.json")


def test_identity_follows_the_annotations_contents_not_their_place(
    images: Path, coco_file: Callable[..., str], detect: Detect, tmp_path: Path
) -> None:
    first = Path(coco_file(coco(URIS, [{"image": 0, "bbox": [1, 2, 30, 40]}])))
    (tmp_path / "moved.json").write_bytes(first.read_bytes())
    (tmp_path / "more.json").write_text(
        json.dumps(coco(URIS, [{"image": 0, "bbox": [1, 2, 30, 40]}, {"image": 1, "bbox": [3, 4, 50, 50]}]))
    )
    a, b, c = (
        detect(images, name, source="coco", annotations=str(tmp_path / f"{name}.json"))[1]
        for name in ("annotations", "moved", "more")
    )
    assert a.manifest == b.manifest and a.manifest.fingerprint != c.manifest.fingerprint
    assert a.rows(["object_id"])[0] == c.rows(["object_id"])[0]


HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"


def open_images(tmp_path: Path, *lines: str, header: str = HEADER) -> str:
    (tmp_path / "boxes.csv").write_text("\n".join([header, *lines]) + "\n")
    return str(tmp_path / "boxes.csv")


def test_open_images_boxes(images: Path, tmp_path: Path, detect: Detect) -> None:
    annotations = open_images(
        tmp_path,
        "2,xclick,/m/02jvh9,1,0.25,0.75,0.5,1,0,0,0,0,0",
        "2,xclick,/m/02jvh9,1,0,0.5,0,0.5,0,0,1,0,0",
        "1,xclick,/m/unnamed,0.5,0,0.5,0,0.5,-1,-1,-1,-1,-1",
        "1,xclick,/m/02jvh9,1,0.5,1,0,0.5,0,0,0,1,0",
        "1,xclick,/m/02jvh9,1,0.5,1,0.5,1,0,0,0,0,1",
        "elsewhere,xclick,/m/02jvh9,1,0,1,0,1,0,0,0,0,0",
    )
    (tmp_path / "names.csv").write_text('/m/02jvh9,Mug\n/m/x,"Cup, small"\n')
    report, objects = detect(
        images, source="open_images", annotations=annotations, class_names=str(tmp_path / "names.csv")
    )
    rows = [(int(r["image_id"], 16), r["category"], r["x"], r["y"], r["w"], r["h"], r["score"]) for r in objects.rows()]
    assert rows == [(1, "/m/unnamed", 0, 0, 40, 30, 0.5), (2, "Mug", 20, 30, 40, 30, 1.0)]
    assert {k: v for k, v in report.metrics.items() if k.startswith("rejected")} == {
        "rejected_crowd": 1,
        "rejected_depiction": 1,
        "rejected_inside": 1,
    }


def test_open_images_without_optional_columns(images: Path, tmp_path: Path, detect: Detect) -> None:
    annotations = open_images(tmp_path, "0,/m/1,0,0.5,0,0.5", header="ImageID,LabelName,XMin,XMax,YMin,YMax")
    _, objects = detect(images, source="open_images", annotations=annotations)
    assert [(row["category"], row["score"]) for row in objects.rows()] == [("/m/1", 1.0)]


def test_what_is_no_open_images_file_is_one_sentence(images: Path, tmp_path: Path, detect: Detect) -> None:
    good = "0,xclick,/m/1,1,0,0.5,0,0.5,0,0,0,0,0"
    for header, line, sentence in (
        (HEADER.replace("XMin", "left"), good, "has no column 'XMin': name the box CSV of Open Images"),
        (HEADER, good.replace("0.5", "half"), "is not a valid Open Images CSV"),
        (HEADER, "0,xclick", "is not a valid Open Images CSV"),
        (HEADER, good.replace("0,xclick", "zzz,xclick"), "names none of the photographs"),
    ):
        with pytest.raises(UserError, match=sentence):
            detect(images, source="open_images", annotations=open_images(tmp_path, line, header=header))


def test_whole_photographs(tmp_path: Path, detect: Detect) -> None:
    images = write_images(tmp_path / "i", {"0.jpg": photograph(0, 200, 100), "1.jpg": photograph(1, 100, 300)})
    _, objects = detect(images, source="whole", max_share=0.9)
    assert [tuple(row[side] for side in "xywh") for row in objects.rows()] == [(6, 3, 188, 94), (3, 9, 94, 282)]
