"""Boxes from the table of labels: a row needs no subject to have a box."""

from collections.abc import Callable
from pathlib import Path

import pytest
from detection_data import counts, labels, photograph, rejected, write_images

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.stage.report import Report

Detect = Callable[..., tuple[Report, Dataset]]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", {f"a/{n}.jpg": photograph(n, 100, 50) for n in range(4)})


def test_boxes_with_and_without_a_subject(images: Path, tmp_path: Path, detect: Detect) -> None:
    """Photograph 1 has boxes of its own, so its row without a box adds none; 2 has only that row."""
    table = labels(
        tmp_path,
        ".\\0.jpg;mug;1;2;30;40;cup",
        "0.jpg;;50;5;40;40",
        "1.jpg;jar",
        "1.jpg;jar;10;10;20,5;20",
        "2.jpg;jar",
        "2.jpg;mug",
        "9.jpg;mug;1;2;30;40",
        "3.jpg;mug;1;2;30",
        "3.jpg;mug;500;500;30;30",
    )
    _, objects = detect(images, source="labels", annotations=table, inset=0.1)
    rows = [(int(r["image_id"], 16), r["category"], *(r[side] for side in "xywh")) for r in objects.rows()]
    assert rows == [
        (0, "cup", 1, 2, 30, 40),
        (0, "product", 50, 5, 40, 40),
        (1, "product", 10, 10, 21, 20),
        (2, "product", 10, 5, 80, 40),
    ]
    assert counts(objects) == {"broken": 1, "missing": 1, "small": 1}
    listed = rejected(objects)
    assert [(row["reason"], row["key"]) for row in listed] == [
        ("missing", "line 8"),
        ("broken", "line 9"),
        ("small", "100 50 0 0"),
    ]
    assert "it has no valid box (1, 2, 30, )" in listed[1]["detail"]


def test_the_same_box_of_two_subjects_is_one_object(images: Path, tmp_path: Path, detect: Detect) -> None:
    table = labels(tmp_path, "0.jpg;mug;1;2;30;40", "0.jpg;jar;1;2;30;40")
    _, objects = detect(images, source="labels", annotations=table)
    assert len(objects) == 1 and counts(objects) == {"overlap": 1}


def test_labels_of_another_collection_are_one_sentence(images: Path, tmp_path: Path, detect: Detect) -> None:
    with pytest.raises(UserError, match=r"none of the photographs: it names b/0.png, while they are called a/0.jpg"):
        detect(images, source="labels", annotations=labels(tmp_path, "b/0.png;mug;1;2;30;40"))
