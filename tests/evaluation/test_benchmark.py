"""Quadruplets and prompts from annotated photographs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFilter

from components.common.errors import UserError
from components.evaluation.benchmark import generation_samples, insertion_samples, load
from components.evaluation.params import Params


def edited(folder: Path, target: Path, change) -> Path:
    """A copy of the benchmark whose annotations went through `change`."""
    shutil.copytree(folder, target)
    coco = json.loads((target / "annotations.json").read_text())
    change(coco)
    (target / "annotations.json").write_text(json.dumps(coco))
    return target


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
    assert any("red-disc" in note and "fewer than 4" in note for note in benchmark.notes)
    assert sorted(benchmark.subjects) == ["blue-disc", "lime-disc"]


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
