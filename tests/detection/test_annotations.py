"""Human boxes: COCO JSON and Open Images CSV."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from detection_data import HEADER, coco, counts, open_images, photograph, rejected, write_images

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
    assert "Without an object: 1 photograph, a/1.jpg." in report.notes


@pytest.mark.parametrize("prefix", ["", "a/", "train2017/a/", "train2017\\a\\", "./a/"])
def test_file_names_may_start_at_another_folder(
    images: Path, coco_file: Callable[..., str], detect: Detect, prefix: str
) -> None:
    names = [prefix + Path(uri).name for uri in URIS]
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
        ("{not json", "is not valid JSON"),
        ("[]", "is not a COCO detection file"),
        ({"images": [], "annotations": []}, "is not a COCO detection file: it has no list 'categories'"),
        ({"images": {}, "annotations": [], "categories": []}, "it has no list 'images'"),
        ({"images": [], "annotations": [], "categories": []}, "names none of the photographs"),
        (
            coco(["b/0.jpg"], []),
            "none of the photographs: it names b/0.jpg, while they are called a/0.jpg, a/1.jpg, a/2.jpg; give",
        ),
        (coco(URIS, [{"image": 0, "bbox": [1, 2, 3]}]), r"no box .* with annotation 0 \(its bbox is \[1, 2, 3\]\)"),
        (coco(URIS, [{"image": 0, "bbox": [1, 2, 3, 4], "category": 9}]), "the file lists no category 9"),
    ],
)
def test_what_is_not_a_coco_file_is_one_sentence(
    images: Path, coco_file: Callable[..., str], detect: Detect, content: object, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        detect(images, source="coco", annotations=coco_file(content))


def test_one_bad_annotation_does_not_affect_others(images: Path, coco_file: Callable[..., str], detect: Detect) -> None:
    content = coco(URIS, [{"image": n, "bbox": [1, 2, 30, 40]} for n in range(3)])
    content["images"][0]["width"], content["images"][0]["id"] = "80", "10"
    whole = content["annotations"][0]
    content["annotations"] += [
        whole | {"id": 3, "image_id": 4242},
        whole | {"id": 4, "bbox": []},
        whole | {"id": 5, "bbox": None},
        {key: value for key, value in whole.items() if key not in ("bbox", "id")},
        whole | {"id": 7, "category_id": 9},
        whole | {"id": 8, "bbox": ["1", "2", "wide", float("nan")]},
        "an annotation",
    ]
    report, objects = detect(images, source="coco", annotations=coco_file(content))
    assert len(objects) == 3 and counts(objects) == {"orphan": 2, "broken": 5}
    listed = rejected(objects)
    assert [(row["reason"], row["key"]) for row in listed] == [
        ("orphan", "annotation 3"),
        *[("broken", place) for place in ("annotation 4", "annotation 5", "entry 6 of annotations")],
        ("orphan", "annotation 7"),
        ("broken", "annotation 8"),
        ("broken", "entry 9 of annotations"),
    ]
    assert any(
        "2 boxes were rejected" in note and "annotation 3: the file lists no image 4242" in note
        for note in report.notes
    )


def test_a_polygon_without_a_box_has_the_box_around_it(
    images: Path, coco_file: Callable[..., str], detect: Detect
) -> None:
    content = coco(URIS, [{"image": n, "bbox": []} for n in range(3)])
    for annotation, polygons in zip(
        content["annotations"],
        ([[5, 6, 45, 6, 45, 36.4], [10, 20, 20, 50, 12, 30]], [[1, 2, 3, 4, 5]], {"counts": "xyz", "size": [60, 80]}),
        strict=True,
    ):
        annotation["segmentation"] = polygons
    _, objects = detect(images, source="coco", annotations=coco_file(content))
    assert [tuple(row[side] for side in "xywh") for row in objects.rows()] == [(5, 6, 40, 44)]
    assert counts(objects) == {"broken": 2}


def test_an_id_given_twice_means_nothing(images: Path, coco_file: Callable[..., str], detect: Detect) -> None:
    """Two exports in one file, both numbered from 10: a box of one must not be cut out of the other's photograph."""
    content = coco(URIS, [{"image": n, "bbox": [1, 2, 30, 40]} for n in range(3)])
    content["images"][1]["id"] = 10
    content["annotations"][1]["image_id"] = 10
    content["images"].append(content["images"][2])
    content["categories"].append({"id": 1, "name": "mug"})
    report, objects = detect(images, source="coco", annotations=coco_file(content))
    assert [int(row["image_id"], 16) for row in objects.rows()] == [2] and counts(objects) == {"ambiguous": 2}
    assert any("annotation 0: image 10 is listed as 'a/0.jpg' and as 'a/1.jpg'" in note for note in report.notes)
    content["categories"].append({"id": 1, "name": "jar"})
    with pytest.raises(UserError, match=r"no box in .* can be used, beginning with annotation 0"):
        detect(images, "none", source="coco", annotations=coco_file(content))


def test_boxes_of_photographs_that_are_not_here_are_counted(
    images: Path, coco_file: Callable[..., str], detect: Detect
) -> None:
    content = coco([*URIS, "a/3.jpg", "b/0.jpg"], [{"image": n, "bbox": [1, 2, 30, 40]} for n in range(5)])
    report, objects = detect(images, source="coco", annotations=coco_file(content))
    assert len(objects) == 3 and report.metrics["rejected_missing"] == 2
    told = "not in this collection (annotation 3: 'a/3.jpg'; annotation 4: 'b/0.jpg'; the others are in"
    assert any(told in note for note in report.notes)


def test_a_name_that_fits_two_photographs_has_its_boxes_rejected(
    tmp_path: Path, coco_file: Callable[..., str], detect: Detect
) -> None:
    uris = ("train/0.jpg", "val/0.jpg", "val/1.jpg")
    images = write_images(tmp_path / "i", {uri: photograph(n) for n, uri in enumerate(uris)})
    boxes = [{"image": n, "bbox": [1, 2, 30, 40]} for n in range(2)]
    coco_made = detect(images, "c", source="coco", annotations=coco_file(coco(["0.jpg", "1.jpg"], boxes)))
    rows = "ImageID,LabelName,XMin,XMax,YMin,YMax", "0,/m/1,0,0.5,0,0.5", "1,/m/1,0,0.5,0,0.5"
    csv_made = detect(images, "o", source="open_images", annotations=open_images(tmp_path, *rows[1:], header=rows[0]))
    for report, objects in (coco_made, csv_made):
        assert [int(row["image_id"], 16) for row in objects.rows()] == [2] and counts(objects) == {"ambiguous": 1}
        assert any("could mean train/0.jpg or val/0.jpg" in note for note in report.notes)
    with pytest.raises(UserError, match=r"no photograph for certain: '0' could mean train/0.jpg or val/0.jpg; write"):
        detect(images, "n", source="open_images", annotations=open_images(tmp_path, rows[1], header=rows[0]))


def test_missing_annotations_are_one_sentence(images: Path, detect: Detect) -> None:
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
        "rejected_missing": 1,
    }


def test_open_images_without_optional_columns(images: Path, tmp_path: Path, detect: Detect) -> None:
    annotations = open_images(tmp_path, "0,/m/1,0,0.5,0,0.5", header="ImageID,LabelName,XMin,XMax,YMin,YMax")
    _, objects = detect(images, source="open_images", annotations=annotations)
    assert [(row["category"], row["score"]) for row in objects.rows()] == [("/m/1", 1.0)]


def test_open_images_rows_are_checked_one_by_one(images: Path, tmp_path: Path, detect: Detect) -> None:
    good = "0,xclick,/m/1,1,0,0.5,0,0.5"
    annotations = open_images(
        tmp_path,
        f"{good},0.0,0.0,0.0,0.0,0.0",
        f"{good},False,False,True,False,False",
        "1,xclick,/m/1,1,,,,,0,0,0,0,0",
        "1,xclick,/m/1,1,NaN,NaN,NaN,NaN,0,0,0,0,0",
        "1,xclick,/m/1,sure,0,0.5,0,0.5,0,0,0,0,0",
        "1,xclick",
        "zzz,xclick,/m/1,1,half,0.5,0,0.5,0,0,0,0,0",
        header="\ufeff" + HEADER.replace(",", ", "),
    )
    _, objects = detect(images, source="open_images", annotations=annotations)
    assert len(objects) == 1 and counts(objects) == {"crowd": 1, "broken": 4, "missing": 1}
    places = [row["key"] for row in rejected(objects) if row["reason"] != "crowd"]
    assert sorted(places) == ["line 4", "line 5", "line 6", "line 7", "line 8"]


def test_what_is_not_an_open_images_file_is_one_sentence(images: Path, tmp_path: Path, detect: Detect) -> None:
    good = "0,xclick,/m/1,1,0,0.5,0,0.5,0,0,0,0,0"
    for header, line, sentence in (
        (
            HEADER.replace("XMin", "left"),
            good,
            "has no column 'XMin': its first line must name ImageID, LabelName, XMin",
        ),
        (HEADER.replace("YMin", "XMin"), good, "has no column 'YMin'"),
        (f"{HEADER},XMin", good, "has several columns 'XMin'"),
        (
            HEADER,
            good.replace("0.5", "half"),
            r"no box in .* can be used, beginning with line 2 \(XMin '0', XMax 'half'",
        ),
        (HEADER, "0,xclick", r"no box in .* can be used, beginning with line 2 \(XMin ''"),
        (HEADER, good.replace("0,xclick", "zzz,xclick"), "names none of the photographs"),
    ):
        with pytest.raises(UserError, match=sentence):
            detect(images, source="open_images", annotations=open_images(tmp_path, line, header=header))


def test_whole_photographs(tmp_path: Path, detect: Detect) -> None:
    images = write_images(tmp_path / "i", {"0.jpg": photograph(0, 200, 100), "1.jpg": photograph(1, 100, 300)})
    _, objects = detect(images, source="whole", max_share=0.9)
    assert [tuple(row[side] for side in "xywh") for row in objects.rows()] == [(6, 3, 188, 94), (3, 9, 94, 282)]
