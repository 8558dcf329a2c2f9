"""Assembly: what is in a tuple, which split it is in, and that the bytes never change."""

import inspect
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from folders import files_of, killed_at_call
from PIL import Image

import components.assembly.stage as stage
from components.assembly.cuts import Cutter
from components.assembly.params import Params
from components.assembly.splits import held_out, split_of_groups
from components.common.data.reading import Dataset, is_complete
from components.common.data.rejections import REJECTIONS
from components.common.diffusion.pipeline import pixels
from components.common.errors import UserError
from components.common.stage.params import validate
from components.common.vision.geometry import Box, box_mask, crop, placed
from components.common.vision.images import decode
from components.evaluation.benchmark import View

SPLITS = ("train", "validation")
SMALL = {"cell": 32, "validation_share": 0.34, "part_rows": 7, "workers": 2}


def rejects_beside(tuples: Path) -> Path:
    return tuples.with_name(f"{tuples.name}-rejects")


def assemble(inputs: dict[str, Path], out: Path, **changes: Any):
    report = stage.run(inputs, {"tuples": out, "rejects": rejects_beside(out)}, Params(**(SMALL | changes)))
    return Dataset(out), report


def cell(tuples: Dataset, row: dict[str, Any], name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(tuples.blob(row, name)))).astype(int)


def test_every_sound_set_yields_a_tuple(world, tmp_path: Path) -> None:
    inputs = world()
    tuples, report = assemble(inputs, tmp_path / "out")
    assert len(tuples) == 30
    assert report.metrics["tuples"] == 30
    ids = Dataset(inputs["objects"]).table()["image_id"].to_pylist()
    for row in tuples.rows():
        members = [row["anchor"], *row["refs"]]
        assert len(set(members)) == 4
        assert {member // 5 for member in members} == {row["group"] // 5}
        assert row["parents"] == [f"o{member}" for member in members]
        assert row["sources"] == sorted(ids[member] for member in members)
        assert row["caption"] == f"a red mug {row['anchor']}"
    assert len({row["tuple_id"] for row in tuples.rows()}) == 30
    assert tuples.facts == {"cell": 32, "split_threshold": 0.85}
    assert report.figures["tuples"].width > 6 * 128


def test_target_background_and_mask_are_aligned(world, tmp_path: Path) -> None:
    tuples, _ = assemble(world(), tmp_path / "out", cell=64)
    for row in tuples.rows():
        target, background, mask = (cell(tuples, row, name) for name in ("target", "background", "mask"))
        assert target.shape == background.shape == (64, 64, 3)
        assert mask.shape == (64, 64)
        assert set(np.unique(mask)) == {0, 255}
        changed = np.abs(target - background).max(2) > 40
        grown = np.asarray(Image.fromarray(mask > 0).resize((64, 64))) | _grown(mask > 0, 2)
        assert not (changed & ~grown).any()  # outside the mask both show the same scene
        shrunk = ~_grown(mask == 0, 2)
        assert (target[shrunk][:, 0] > 200).all()  # inside it the target shows the red object
        assert (target[shrunk][:, 1] < 60).all()


def test_training_sees_a_square_as_evaluation_shows_it_to_the_model(world, tmp_path: Path) -> None:
    """Evaluation leaves the scaling of a reference to the model; assembly stores it at the model's size."""
    inputs, side, context, around = world(), 32, 1.7, 1.4
    scales = {"context_min": context, "context_max": context, "reference_min": around, "reference_max": around}
    tuples, _ = assemble(inputs, tmp_path / "out", cell=side, **scales)
    objects, images = Dataset(inputs["objects"]).rows(), Dataset(inputs["images"])
    photographs = {row["image_id"]: decode(images.blob(row, "image")) for row in images.rows()}
    for row in tuples.rows():
        for name, member in zip(("target", "ref0", "ref1", "ref2"), (row["anchor"], *row["refs"]), strict=True):
            shown = objects[member]
            box = Box(*(shown[key] for key in "xywh"))
            view = View(subject="", photograph=photographs[shown["image_id"]], plate=None, box=box, caption="")
            square = view.square(context, side) if name == "target" else view.square(around)
            stored = Image.open(io.BytesIO(tuples.blob(row, name)))
            assert torch.equal(pixels([stored], side), pixels([square], side)), name


def _grown(area: np.ndarray, by: int) -> np.ndarray:
    padded = np.pad(area, by)
    shifts = range(2 * by + 1)
    return np.any([padded[y : y + area.shape[0], x : x + area.shape[1]] for y in shifts for x in shifts], axis=0)


def test_references_show_the_object_and_avoid_the_border(world, tmp_path: Path) -> None:
    tuples, _ = assemble(world(views=6), tmp_path / "out")
    for row in tuples.rows():
        assert not any(ref % 5 == 4 for ref in row["refs"])  # at most two of the five views touch the edge
        for name in ("ref0", "ref1", "ref2"):
            centre = cell(tuples, row, name)[12:20, 12:20]
            assert centre[..., 0].min() > 200 > 60 > centre[..., 1].max()
    scarce, _ = assemble(world(views=4, name="scarce"), tmp_path / "scarce")
    assert any(ref % 5 == 4 for row in scarce.rows() for ref in row["refs"])  # better cut off than none


def test_no_object_and_no_group_is_in_two_splits(world, tmp_path: Path) -> None:
    tuples, report = assemble(world(products=12), tmp_path / "out")
    sides: dict[str, set[int]] = {"train": set(), "validation": set()}
    for row in tuples.rows():
        sides[row["split"]] |= {row["anchor"], *row["refs"]}
    assert sides["train"]
    assert sides["validation"]
    assert not sides["train"] & sides["validation"]
    assert report.metrics["train_groups"] + report.metrics["validation_groups"] == 12


def test_the_split_depends_on_content_not_on_row_numbers() -> None:
    names = pa.chunked_array([[f"o{i}" for i in range(200)]])
    groups = np.repeat(np.arange(100), 3)
    params = Params(validation_share=0.2)
    before = split_of_groups(groups, names, params)
    moved = pa.chunked_array([["new"] * 50 + [f"o{i}" for i in range(200)]])
    after = split_of_groups(np.concatenate([np.arange(50), groups + 50]), moved, params)
    assert all(before[group] == after[group + 50] for group in range(100))
    assert 10 <= Counter(before.values())["validation"] <= 30


def test_a_group_with_most_tuples_goes_to_training() -> None:
    names = pa.chunked_array([[f"o{i}" for i in range(200)]])
    for seed in range(20):
        groups = np.concatenate([np.zeros(500, int), np.arange(1, 100)])
        assert split_of_groups(groups, names, Params(validation_share=0.3, seed=seed))[0] == "train"


def test_photographs_that_show_a_validation_object_are_held_out() -> None:
    rows, groups = np.array([0, 1, 2, 3, 4]), np.array([0, 0, 2, 2, 4])
    image_ids = pa.chunked_array([["a", "b", "a", "c", "d"]])
    assert held_out(rows, groups, image_ids, {0: "validation", 2: "train", 4: "train"}) == {"a", "b"}
    assert held_out(rows, groups, image_ids, {0: "train", 2: "train", 4: "train"}) == set()


def test_training_does_not_use_photographs_of_validation(world, tmp_path: Path) -> None:
    """A photograph of a validation product also shows a training product: an anchor, and a view of the others."""
    inputs = world(products=12)
    before = {row["anchor"]: row for row in assemble(inputs, tmp_path / "before")[0].rows()}
    held = [anchor for anchor, row in before.items() if row["split"] == "validation"]
    trained = next(anchor for anchor, row in before.items() if row["split"] == "train") // 5 * 5
    tuples, report = assemble(world(products=12, shares={trained: held[0]}, name="shared"), tmp_path / "one")
    sides: dict[str, set[str]] = {"train": set(), "validation": set()}
    for row in tuples.rows():
        sides[row["split"]] |= set(row["sources"])
    assert not sides["train"] & sides["validation"]
    assert {row["anchor"] for row in tuples.rows()} == set(before) - {trained}  # the others keep three views
    assert not any(trained in row["refs"] for row in tuples.rows())
    assert report.metrics["rejected/photograph-held-out"] == 1
    shares = {trained: held[0], trained + 1: held[1]}
    tuples, report = assemble(world(products=12, shares=shares, name="two"), tmp_path / "two")
    assert report.metrics["rejected/photograph-held-out"] == 5  # two views are too few
    assert set(held) <= {row["anchor"] for row in tuples.rows()}


def test_another_background_is_another_tuple(world, tmp_path: Path) -> None:
    """Even if the same remover made it, with other parameters."""
    ids = [
        {row["anchor"]: row["tuple_id"] for row in assemble(world(**made), tmp_path / made["name"])[0].rows()}
        for made in ({"name": "plain"}, {"name": "other", "dark_plates": (3,)})
    ]
    assert {anchor for anchor in ids[0] if ids[0][anchor] != ids[1][anchor]} == {3}


def test_sets_that_yield_no_tuple_are_counted_by_reason(world, tmp_path: Path) -> None:
    wide = {8: (0, 10, 96, 20), 9: (10, 10, 60, 40)}  # photographs are 96 x 64 px: no square contains the first
    inputs = world(products=3, boxes=wide, without_background=(0, 1), without_caption=(1, 2, 3))
    tuples, report = assemble(inputs, tmp_path / "out")
    rejected = {key: value for key, value in report.metrics.items() if key.startswith("rejected/")}
    assert rejected == {"rejected/no-background": 2, "rejected/no-caption": 2, "rejected/object-exceeds-window": 1}
    assert len(tuples) == 10
    rows = Dataset(rejects_beside(tuples.folder)).rows()
    assert sorted((row["key"], row["reason"]) for row in rows) == [
        *(("o0", "no-background"), ("o1", "no-background")),
        *(("o2", "no-caption"), ("o3", "no-caption"), ("o8", "object-exceeds-window")),
    ]
    few = [row | {"views": row["views"][:2], "similarities": [0.9] * 2} for row in Dataset(inputs["sets"]).rows()]
    tuples, report = assemble(world(products=3, sets=few, name="few"), tmp_path / "few")
    assert (len(tuples), report.metrics["rejected/too-few-views"]) == (0, 15)
    assert "15 sets gave 0 tuples." in report.notes


def test_every_reason_to_skip_a_set_is_a_rule() -> None:
    given = set(re.findall(r'Skipped\("([\w-]+)"\)', Path(inspect.getfile(Cutter)).read_text()))
    assert len(given) == 4 and given <= REJECTIONS["assembly"].keys()


def test_same_bytes_with_any_workers_and_after_a_kill(world, tmp_path: Path) -> None:
    inputs = world()
    assemble(inputs, tmp_path / "whole", workers=4)
    with killed_at_call(16, Cutter, "cut"), pytest.raises(KeyboardInterrupt):
        assemble(inputs, tmp_path / "killed", workers=1)
    assert not is_complete(tmp_path / "killed")
    assert len(list((tmp_path / "killed").glob("*.part.json"))) == 2
    assemble(inputs, tmp_path / "killed", workers=1)
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "killed")
    assert files_of(tmp_path / "whole-rejects") == files_of(tmp_path / "killed-rejects")


def test_masks_and_boxes_in_windows() -> None:
    window = Box(10, 20, 40, 40)
    assert placed(Box(20, 30, 10, 20), window, 80) == Box(20, 20, 20, 40)
    mask = np.asarray(box_mask(Box(20, 20, 20, 40), 80))
    assert (mask > 0).sum() == 20 * 40
    assert mask[20, 20] == mask[59, 39] == 255
    assert (np.asarray(box_mask(Box(5.2, 5.2, 0.1, 0.1), 8)) > 0).sum() == 1
    assert crop(Image.new("RGB", (96, 96)), window, 80).size == (80, 80)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"context_min": 3.0}, r"context_min \(3\.0\) must not exceed context_max"),
        ({"cell": 100}, "multiple of 8"),
        ({"views": 3}, "unknown parameter 'views'"),
    ],
)
def test_impossible_parameters_are_one_sentence(values: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        validate(Params, values, "params.yaml: assembly")


def test_a_share_of_the_training_sets_is_drawn_by_lot(world, tmp_path: Path) -> None:
    inputs = world(products=40)
    drawn = {}
    for share in (0.25, 0.5, 1.0):
        tuples, report = assemble(inputs, tmp_path / str(share), training_share=share)
        sides = {split: {row["anchor"] for row in tuples.rows() if row["split"] == split} for split in SPLITS}
        drawn[share] = sides["train"]
        assert sides["validation"] == drawn.setdefault("validation", sides["validation"])
        left_out = [row["key"] for row in Dataset(rejects_beside(tuples.folder)).rows() if row["reason"] == "not-drawn"]
        assert len(left_out) == report.metrics.get("rejected/not-drawn", 0) == 200 - len(tuples)
    assert drawn[0.25] < drawn[0.5] < drawn[1.0]
    assert abs(len(drawn[0.5]) / len(drawn[1.0]) - 0.5) < 0.12 > abs(len(drawn[0.25]) / len(drawn[1.0]) - 0.25)


def test_references_of_the_target_itself(world, tmp_path: Path) -> None:
    """The same targets, from the same scenes; references show the object, from no other photograph."""
    inputs = world()
    views, copied, augmented = (
        assemble(inputs, tmp_path / kind, references=kind)[0] for kind in ("views", "copied", "augmented")
    )
    for own in (copied, augmented):
        for row, plain in zip(own.rows(), views.rows(), strict=True):
            assert row["refs"] == [row["anchor"]] * 3 and len(row["sources"]) == 1
            for name in ("target", "background", "mask"):
                assert own.blob(row, name) == views.blob(plain, name)
            assert own is copied or len({own.blob(row, f"ref{k}") for k in range(3)}) == 3
            centre = cell(own, row, "ref0")[12:20, 12:20]
            assert centre[..., 0].min() > 190 > 70 > centre[..., 1].max()
    differing = [
        np.abs(cell(augmented, row, "ref0") - cell(copied, plain, "ref0")).mean()
        for row, plain in zip(augmented.rows(), copied.rows(), strict=True)
    ]
    assert min(differing) > 1  # each is turned
