"""The committed world is small enough, consistent, and what the settings say."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import components.sandbox
from components.sandbox.params import RenderParams, Split
from components.sandbox.rendering.designs import SHAPES, catalogue, in_words
from components.sandbox.rendering.prints import PRINTS

WORLD = Path(components.sandbox.__file__).parent / "world"
COMMITTED: tuple[Split, ...] = ("corpus", "benchmark")
PHRASE = rf"a ({'|'.join(PRINTS)}) (\w+) and (\w+) ({'|'.join(SHAPES)})"
CAPTION = re.compile(rf"{PHRASE} on a (\w+) floor beside a (\w+) wall")


def _coco(split: Split) -> dict:
    return json.loads((WORLD / split / "annotations.json").read_text())


def _designs(split: Split) -> set[str]:
    return {annotation["design"] for annotation in _coco(split)["annotations"]}


def test_it_is_within_five_megabytes() -> None:
    assert sum(path.stat().st_size for path in WORLD.rglob("*") if path.is_file()) <= 5_000_000


@pytest.mark.parametrize("split", COMMITTED)
def test_every_named_file_exists_and_no_other(split: Split) -> None:
    coco = _coco(split)
    named = {image["file_name"] for image in coco["images"]}
    named |= {annotation[key] for annotation in coco["annotations"] for key in ("plate", "mask")}
    there = {str(path.relative_to(WORLD / split)) for path in (WORLD / split).glob("*/*")}
    assert there == named


@pytest.mark.parametrize("split", COMMITTED)
def test_boxes_masks_captions_and_labels_agree(split: Split) -> None:
    coco = _coco(split)
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    with (WORLD / split / "labels.csv").open() as file:
        labels = list(csv.DictReader(file))
    for annotation, label in zip(coco["annotations"], labels, strict=True):
        mask = np.asarray(Image.open(WORLD / split / annotation["mask"]))
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        x, y, w, h = annotation["bbox"]
        assert (x, y, x + w, y + h) == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert (label["path"], label["subject"]) == (names[annotation["image_id"]], annotation["design"])
        assert [float(label[key]) for key in "xywh"] == annotation["bbox"]
        told, attributes = CAPTION.fullmatch(annotation["caption"]), annotation["attributes"]
        assert told is not None
        assert told.groups() == (
            attributes["print"], *in_words(attributes["print"], *attributes["colours"][:2]), attributes["shape"],
            attributes["floor"], attributes["wall"],
        )  # fmt: skip


@pytest.mark.parametrize("split", COMMITTED)
def test_photographs_are_lit_and_of_the_right_size(split: Split) -> None:
    for path in sorted((WORLD / split / "images").iterdir()):
        pixels = np.asarray(Image.open(path))
        assert pixels.shape == (128, 128, 3)
        assert (pixels.max(-1) < 9).mean() <= 0.07, path


def test_no_design_is_in_both_splits_and_all_come_from_the_catalogue() -> None:
    assert not _designs("corpus") & _designs("benchmark")
    dealt = catalogue(RenderParams(), seed=0)
    for split in COMMITTED:
        assert {design.name for design in dealt.recurring[split]} <= _designs(split)
        assert not {design.name for design in dealt.recurring["pretrain"]} & _designs(split)


def test_the_benchmark_shows_each_subject_whole_in_four_photographs() -> None:
    mains = [annotation for annotation in _coco("benchmark")["annotations"] if annotation["main"]]
    views = Counter(annotation["design"] for annotation in mains)
    assert len(views) == 24
    assert set(views.values()) == {4}
    for annotation in mains:
        x, y, w, h = annotation["bbox"]
        assert min(x, y) >= 2
        assert max(x + w, y + h) <= 126


def test_the_corpus_has_even_views_loners_and_labelled_near_duplicates() -> None:
    coco = _coco("corpus")
    copies = {image["id"] for image in coco["images"] if image["duplicate_of"]}
    views = Counter(a["design"] for a in coco["annotations"] if a["image_id"] not in copies)
    assert Counter(views.values()) == {1: 40, 5: 30, 6: 30}
    assert len(copies) == round(0.03 * (len(coco["images"]) - len(copies)))
