"""Folders of public benchmarks and of a photographer's own become benchmarks; what is left out is said."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from pillow_heif import from_pillow

from components.common.errors import UserError
from components.common.vision.geometry import Box
from components.evaluation.benchmark import generation_samples, insertion_samples, load, placement_samples
from components.evaluation.checking import faults
from components.evaluation.layouts import annotate
from components.evaluation.params import Params


def photograph(path: Path, colour: str = "tan", size: tuple[int, int] = (64, 48), disc: str = "") -> Path:
    """A floor and, if it has a colour, a disc in the box (20, 10, 16, 16)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, colour)
    if disc:
        ImageDraw.Draw(picture).ellipse((20, 10, 35, 25), fill=disc)
    picture.save(path)
    return path


def masked(path: Path, size: tuple[int, int] = (64, 48)) -> None:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((20, 10, 35, 25), fill=255)
    mask.save(path)


def dreambench(photos: Path, folder: Path, subjects: tuple[str, ...]) -> Path:
    """Some of DreamBench's subjects, as links."""
    folder.mkdir(parents=True)
    shutil.copy(photos / "dreambooth" / "prompts_and_classes.txt", folder)
    for subject in subjects:
        (folder / subject).symlink_to(photos / "dreambooth" / subject)
    return folder


def test_dreambench_is_subjects_times_25_prompts(photos: Path, tmp_path: Path) -> None:
    folder = dreambench(photos, tmp_path / "dataset", ("backpack", "cat", "teapot"))
    name, notes = annotate(folder)
    assert name == "DreamBench" and len(notes) == 1 and notes[0].startswith("27 of 30 subjects have no folder: ")
    samples = generation_samples(load(folder), Params(prompts_per_subject=25))
    assert len(samples) == 3 * 25 and insertion_samples(load(folder), Params()) == []
    prompts = {(sample.subject, sample.name.rpartition("prompt")[2]): sample.prompt for sample in samples}
    assert prompts["backpack", "0"] == "a backpack in the jungle"
    assert prompts["backpack", "10"] == "a backpack with a wheat field in the background"
    assert prompts["cat", "10"] == "a cat wearing a red hat" and prompts["teapot", "24"] == "a cube shaped teapot"
    views = load(folder).subjects["teapot"]
    assert all(view.box == Box(0, 0, *view.photograph.size) for view in views), "a subject fills its photograph"
    assert faults(folder) == []


def test_dreambench_has_15_subjects_here(photos: Path, tmp_path: Path) -> None:
    own = tuple(sorted(path.name for path in (photos / "dreambooth").iterdir() if path.is_dir()))
    folder = dreambench(photos, tmp_path / "dataset", own)
    annotate(folder)
    prompts = json.loads((folder / "annotations.json").read_text())["prompts"]
    assert len(own) == 15 and sorted(prompts) == list(own)
    assert {len(texts) for texts in prompts.values()} == {25} and not any(
        "{" in text for texts in prompts.values() for text in texts
    )


def test_dreameditbench_places_the_subjects_of_dreambench(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    scenes = folder / "data" / "addition_source"
    photograph(scenes / "teapot" / "found0.jpg", size=(1024, 256))
    photograph(scenes / "teapot" / "found1.jpg", size=(1024, 256))
    photograph(scenes / "cat" / "found0.jpg", size=(512, 512))
    (scenes / "teapot" / "bbox.json").write_text('{"found0.jpg": [128, 64, 256, 192]}')
    (scenes / "cat" / "bbox.json").write_text('{"found0.jpg": [10, 20, 110, 220]}')
    with pytest.raises(UserError, match="put the folder `dataset` of github"):
        annotate(folder)
    dreambench(photos, folder / "dreambooth", ("teapot", "cat"))
    name, notes = annotate(folder)
    assert name == "DreamEditBench"
    assert any("found1.jpg: bbox.json has no box for it" in note for note in notes)
    benchmark = load(folder)
    assert benchmark.places["teapot"][0].box == Box(256, 32, 256, 64) and benchmark.prompts == {}
    assert benchmark.places["cat"][0].box == Box(10, 20, 100, 200)
    samples = placement_samples(benchmark, Params())
    assert sorted(sample.name for sample in samples) == ["cat-place0", "teapot-place0"]
    assert all(len(sample.references) == 3 for sample in samples)


@pytest.fixture
def murecom(tmp_path: Path) -> Path:
    """Two categories with two backgrounds and two foregrounds each; one mask and one box are missing."""
    for category in ("Box", "Fire hydrant"):
        folder = tmp_path / "MureCom" / category
        for number in (0, 10):
            photograph(folder / "bg" / f"{number}.jpg", "white")
        (folder / "bg" / "bbox.txt").write_text(f"{category} 0.jpg 4 6 33 40\n{category} 10.jpg 0 0 9 47\n")
        for foreground in ("fg1", "fg2"):
            for number in (0, 1, 2):
                photograph(folder / foreground / f"{number}.jpg", disc="red")
                masked(folder / foreground / f"{number}.png")
    (tmp_path / "MureCom" / "Box" / "fg1" / "2.png").unlink()
    with (tmp_path / "MureCom" / "Box" / "bg" / "bbox.txt").open("a") as file:
        file.write("Box no numbers\n")
    return tmp_path / "MureCom"


def test_murecom_puts_each_foreground_into_each_background(murecom: Path) -> None:
    name, notes = annotate(murecom)
    assert name == "MureCom" and len(notes) == 2
    assert "'Box no numbers' is not a name with four numbers" in notes[0]
    assert "fg1/2.jpg: it has no mask 2.png" in notes[1]
    benchmark = load(murecom)
    assert sorted(benchmark.subjects) == ["Box-fg1", "Box-fg2", "Fire hydrant-fg1", "Fire hydrant-fg2"]
    assert benchmark.subjects["Box-fg2"][0].box == Box(20, 10, 16, 16), "from the mask"
    assert [place.box for place in benchmark.places["Box-fg1"]] == [Box(4, 6, 30, 35), Box(0, 0, 10, 48)]
    samples = placement_samples(benchmark, Params())
    assert len(samples) == 4 * 2 and {len(sample.references) for sample in samples} == {2, 3}


@pytest.fixture
def photographed(tmp_path: Path) -> Path:
    """Two subjects, photographed by the guide."""
    for number, (subject, colour) in enumerate({"mug": "red", "jug": "blue"}.items()):
        folder = tmp_path / "mine" / subject
        for at, name in enumerate(("kitchen", "one", "two", "three")):
            photograph(folder / f"{name}.png", ("tan", "grey", "white", "olive")[(at + number) % 4], disc=colour)
        photograph(folder / "kitchen_clean.png", ("tan", "grey")[number])
        masked(folder / "kitchen_mask.png")
        (folder / "prompt.txt").write_text(f"a {subject} on a beach\n\n")
    return tmp_path / "mine"


def test_photographs_by_the_guide_are_a_sound_benchmark(photographed: Path) -> None:
    assert annotate(photographed) == ("photographs by the guide", [])
    assert faults(photographed) == []
    benchmark = load(photographed)
    samples = insertion_samples(benchmark, Params())
    assert [(sample.subject, len(sample.references)) for sample in samples] == [("jug", 3), ("mug", 3)]
    assert benchmark.prompts == {"mug": ["a mug on a beach"], "jug": ["a jug on a beach"]}
    with pytest.raises(UserError, match="already exists: remove it"):
        annotate(photographed)


def test_photographs_with_mistakes_are_said(photographed: Path) -> None:
    (photographed / "mug" / "kitchen_mask.png").unlink()
    photograph(photographed / "jug" / "garden_clean.png")
    (photographed / "jug" / "two.png").write_bytes(b"no picture")
    photograph(photographed / "jug" / "one.jpg")
    _, notes = annotate(photographed)
    assert len(notes) == 4
    said = "; ".join(notes)
    for words in ("has a clean scene and no mask", "there is no photograph garden", "jug/two.png: not-an-image",
                  "one.png: one.jpg has the same name"):  # fmt: skip
        assert words in said, words


def test_photographs_of_a_phone_count_and_other_files_are_said(photographed: Path) -> None:
    mug = photographed / "mug"
    from_pillow(Image.open(mug / "one.png")).save(mug / "one.heic")
    (mug / "one.png").unlink()
    Image.open(mug / "two.png").save(mug / "two.TIF")
    (mug / "two.png").unlink()
    for name in ("film.mp4", "notes.docx", ".DS_Store"):
        (mug / name).write_bytes(b"?")
    _, notes = annotate(photographed)
    assert [note.partition(": ")[2] for note in notes] == ["mug/film.mp4, mug/notes.docx"]
    assert len(load(photographed).subjects["mug"]) == 4


@pytest.mark.parametrize("content", ["[1, 2]", "{", '{"found0.jpg": [1, 2]}'])
def test_a_broken_table_is_one_sentence(photos: Path, tmp_path: Path, content: str) -> None:
    photograph(tmp_path / "data" / "addition_source" / "cat" / "found0.jpg")
    (tmp_path / "data" / "addition_source" / "cat" / "bbox.json").write_text(content)
    dreambench(photos, tmp_path / "dreambooth", ("cat",))
    if content == "[1, 2]":
        assert any("has no box for it" in note for note in annotate(tmp_path)[1])
    else:
        with pytest.raises(UserError, match="looks like DreamEditBench and cannot be read as such"):
            annotate(tmp_path)


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no photograph where photographs by the guide has them"):
        annotate(tmp_path)
