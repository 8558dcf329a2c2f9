"""Quadruplets and prompts from annotated photographs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from components.common.errors import UserError
from components.common.vision.benchmark import crops
from components.evaluation.benchmark import (
    file_names,
    generation_samples,
    insertion_samples,
    load,
    placement_samples,
    samples_of,
)
from components.evaluation.params import Params


def edited(folder: Path, target: Path, change) -> Path:
    """A copy of the benchmark whose annotations went through `change`."""
    shutil.copytree(folder, target)
    coco = json.loads((target / "annotations.json").read_text())
    change(coco)
    (target / "annotations.json").write_text(json.dumps(coco))
    return target


def with_a_place(coco: dict) -> None:
    """The olive floor of picture 8 is where the red disc is to go."""
    coco["images"].append({"id": 99, "file_name": "8_plate.png", "width": 60, "height": 60})
    coco["annotations"].append({"image_id": 99, "bbox": [20, 20, 16, 16], "design": "red-disc", "absent": True})


def with_ids(folder: Path) -> Path:
    """The folder, whose annotations now have the ids by which `crops` names them."""
    coco = json.loads((folder / "annotations.json").read_text())
    for number, annotation in enumerate(coco["annotations"]):
        annotation["id"] = number
    (folder / "annotations.json").write_text(json.dumps(coco))
    return folder


def test_every_photograph_is_the_truth_once(benchmark_folder: Path, params: Params) -> None:
    samples = insertion_samples(load(benchmark_folder), params)
    assert len(samples) == len({sample.name for sample in samples}) == 12
    assert [sample.subject for sample in samples[:3]] == ["blue-disc", "lime-disc", "red-disc"]  # dealt evenly


def test_references_are_the_other_photographs(benchmark_folder: Path, params: Params) -> None:
    benchmark = load(benchmark_folder)
    views = benchmark.subjects["red-disc"]
    sample = next(s for s in insertion_samples(benchmark, params) if s.name == "red-disc-1")
    expected = [views[k].square(params.reference_scale) for k in (2, 3, 0)]
    assert [r.tobytes() for r in sample.references] == [r.tobytes() for r in expected]


def test_truth_and_background_differ_only_in_the_box(benchmark_folder: Path, params: Params) -> None:
    for sample in insertion_samples(load(benchmark_folder), params):
        assert sample.truth.size == sample.background.size == sample.mask.size == (params.cell, params.cell)
        changed = np.abs(np.asarray(sample.truth, float) - np.asarray(sample.background, float)).sum(2) > 60
        inside = np.asarray(sample.mask.filter(ImageFilter.MaxFilter(3))) > 0  # resizing blurs edges by a pixel
        assert changed.any() and not (changed & ~inside).any()


def test_prompts_keep_the_object_and_never_show_its_own_scene(benchmark_folder: Path, params: Params) -> None:
    benchmark = load(benchmark_folder)
    samples = generation_samples(benchmark, params)
    assert {sample.subject for sample in samples} == set(benchmark.subjects)
    for sample in samples:
        assert sample.prompt.startswith(f"a {sample.subject} on ")
        assert sample.prompt not in {view.caption for view in benchmark.subjects[sample.subject]}
    assert [s.prompt for s in samples] == [s.prompt for s in generation_samples(benchmark, params)]


def test_a_broken_photograph_is_left_out_by_name(benchmark_folder: Path, tmp_path: Path) -> None:
    folder = edited(benchmark_folder, tmp_path / "b", lambda coco: None)
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:40])
    benchmark = load(folder)
    assert any("1.png" in note for note in benchmark.notes)
    assert any("red-disc" in note and "fewer than 3 references" in note for note in benchmark.notes)
    assert [len(views) for views in benchmark.subjects.values()] == [4, 4, 3]
    assert not any("[" in note for note in benchmark.notes), "names are a sentence's, not a Python list"


def test_a_file_name_cannot_lead_out_of_the_folder(benchmark_folder: Path, tmp_path: Path) -> None:
    def lead_out(coco: dict) -> None:
        coco["images"][0]["file_name"] = f"../{benchmark_folder.name}/1.png"

    folder = edited(benchmark_folder, tmp_path / "b", lead_out)
    shutil.copytree(benchmark_folder, tmp_path / benchmark_folder.name)
    with pytest.raises(UserError, match=r"'../.*' does not stay below"):
        load(folder)


def test_a_subject_cannot_name_a_file_elsewhere(benchmark_folder: Path, tmp_path: Path, params: Params) -> None:
    def rename(coco: dict) -> None:
        for annotation in coco["annotations"]:
            annotation["design"] = "../" + annotation["design"]

    samples = insertion_samples(load(edited(benchmark_folder, tmp_path / "b", rename)), params)
    assert samples[0].name == "_blue-disc-0"


def test_no_two_subjects_share_a_file(benchmark_folder: Path, tmp_path: Path, params: Params) -> None:
    """Not even where a disk takes upper and lower case for the same."""
    names = {"red-disc": "cup 1", "blue-disc": "cup_1", "lime-disc": "Cup/1"}

    def rename(coco: dict) -> None:
        for annotation in coco["annotations"]:
            annotation["design"] = names[annotation["design"]]

    benchmark = load(edited(benchmark_folder, tmp_path / "b", rename))
    samples = [sample for own in samples_of(benchmark, params).values() for sample in own]
    assert len({sample.name.casefold() for sample in samples}) == len(samples) > 12
    assert all(name.startswith("cup_1_") for name in list(file_names(names.values()).values())[:2])


def test_one_to_three_photographs_are_the_references(benchmark_folder: Path, tmp_path: Path, params: Params) -> None:
    def keep(coco: dict) -> None:
        kept = {"red-disc": 2, "blue-disc": 3, "lime-disc": 4}
        for subject, count in kept.items():
            own = [entry for entry in coco["annotations"] if entry["design"] == subject]
            for entry in own[count:]:
                coco["annotations"].remove(entry)

    benchmark = load(edited(benchmark_folder, tmp_path / "b", keep))
    counts = {sample.subject: len(sample.references) for sample in insertion_samples(benchmark, params)}
    assert counts == {"red-disc": 1, "blue-disc": 2, "lime-disc": 3}


def test_a_mask_gives_the_box(benchmark_folder: Path, tmp_path: Path, params: Params) -> None:
    def mask_instead(coco: dict) -> None:
        for annotation in coco["annotations"]:
            x, y, w, h = annotation.pop("bbox")
            mask = Image.new("L", (60, 60))
            mask.paste(255, (x, y, x + w, y + h))
            annotation["mask"] = f"{annotation['image_id']}_mask.png"
            mask.save(tmp_path / annotation["mask"])

    folder = edited(benchmark_folder, tmp_path / "b", mask_instead)
    for path in tmp_path.glob("*_mask.png"):
        path.rename(folder / path.name)
    samples = zip(*(insertion_samples(load(each), params) for each in (benchmark_folder, folder)), strict=True)
    assert all(before.box == after.box for before, after in samples)
    plain = edited(benchmark_folder, tmp_path / "plain", lambda coco: None)
    seen = zip(*(crops(str(with_ids(each)), 1.15, 512) for each in (plain, folder)), strict=True)
    assert all(before[1].tobytes() == after[1].tobytes() for before, after in seen)


def test_prompts_of_a_benchmark_are_used_as_they_are(benchmark_folder: Path, tmp_path: Path, params: Params) -> None:
    texts = [f"a disc in place {number}" for number in range(25)]
    folder = edited(benchmark_folder, tmp_path / "b", lambda coco: coco.update(prompts={"red-disc": texts}))
    samples = generation_samples(load(folder), params.model_copy(update={"prompts_per_subject": 25}))
    own = [sample for sample in samples if sample.subject == "red-disc"]
    assert [sample.prompt for sample in own] == texts
    assert [sample.name for sample in own[::24]] == ["red-disc-prompt0", "red-disc-prompt24"]
    assert {sample.subject for sample in samples} > {"red-disc"}, "the others still have the scenes of captions"
    with pytest.raises(UserError, match="'prompts' must give a list of texts"):
        load(edited(benchmark_folder, tmp_path / "c", lambda coco: coco.update(prompts={"red-disc": "a disc"})))


def test_a_place_has_no_truth_and_is_not_kept_apart(benchmark_folder: Path, tmp_path: Path, params: Params) -> None:
    folder = with_ids(edited(benchmark_folder, tmp_path / "b", with_a_place))
    benchmark = load(folder)
    (sample,) = placement_samples(benchmark, params)
    assert (sample.name, sample.subject, len(sample.references)) == ("red-disc-place0", "red-disc", 3)
    assert sample.background.getpixel((0, 0)) == (128, 128, 0) and not hasattr(sample, "truth")
    assert len(insertion_samples(benchmark, params)) == 12 and len(benchmark.subjects["red-disc"]) == 4
    assert len(list(crops(str(folder), 1.15, 512))) == 12


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda coco: coco.pop("images"), "no 'images' and 'annotations'"),
        (lambda coco: coco["annotations"].clear(), "has 0 subjects"),
    ],
)
def test_a_useless_benchmark_is_one_sentence(benchmark_folder: Path, tmp_path: Path, change, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load(edited(benchmark_folder, tmp_path / "b", change))


def test_no_benchmark_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read as COCO"):
        load(tmp_path)
