"""A sound benchmark has no fault; every mistake is one sentence, and the command says so with exit code 2."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from components.evaluation.checking import contents, faults
from pipelines.cli.app import app


def changed(folder: Path, target: Path, change: Callable[[dict, Path], object]) -> Path:
    """A copy of the benchmark whose annotations and files went through `change`."""
    shutil.copytree(folder, target)
    coco = json.loads((target / "annotations.json").read_text())
    change(coco, target)
    (target / "annotations.json").write_text(json.dumps(coco))
    return target


def test_sound_folders_have_no_fault(benchmark_folder: Path, tmp_path: Path) -> None:
    assert faults(benchmark_folder) == []
    assert contents(benchmark_folder) == dict(subjects=3, photographs=12, truths=12, places=0, prompts=0)
    done = CliRunner().invoke(app, ["benchmark", "check", str(benchmark_folder)])
    assert done.exit_code == 0 and "is sound: 3 subjects, 12 photographs, 12 truths" in done.output


def first(coco: dict) -> dict:
    return coco["annotations"][0]


def keep_one(coco: dict) -> None:
    own = [entry for entry in coco["annotations"] if entry["design"] == "red-disc"]
    for entry in own[1:]:
        coco["annotations"].remove(entry)


def moved_camera(coco: dict, folder: Path) -> None:
    """The plate is another floor around the box, and nearly the photograph in it."""
    photograph = Image.open(folder / "1.png")
    x, y, w, h = first(coco)["bbox"]
    plate = Image.new("RGB", photograph.size, "navy")
    plate.paste(photograph.crop((x, y, x + w - 1, y + h)), (x, y))
    plate.save(folder / "1_plate.png")


def mask_of(size: tuple[int, int], value: int, folder: Path) -> str:
    Image.new("L", size, value).save(folder / "m.png")
    return "m.png"


MISTAKES: dict[str, Callable[[dict, Path], object]] = {
    "1.png: it cannot be used: truncated": lambda coco, folder: (folder / "1.png").write_bytes(
        (folder / "1.png").read_bytes()[:60]
    ),
    "1.png: it cannot be used: [Errno 2]": lambda coco, folder: (folder / "1.png").unlink(),
    "1.png: it cannot be used: the name '../x.png' does not stay below": lambda coco, folder: first(coco).update(
        plate="../x.png"
    ),
    "1.png: the annotation names no design": lambda coco, folder: first(coco).pop("design"),
    "1.png: it cannot be used: it has neither a bbox nor a mask": lambda coco, folder: first(coco).pop("bbox"),
    "1.png: it cannot be used: its bbox is [1, 1, 0, 4]": lambda coco, folder: first(coco).update(bbox=[1, 1, 0, 4]),
    "1.png: it cannot be used: its bbox is [1, 2, 3]": lambda coco, folder: first(coco).update(bbox=[1, 2, 3]),
    "1.png: the box exceeds the photograph of 60 x 60 px": lambda coco, folder: first(coco).update(
        bbox=[50, 1, 20, 4], plate=None
    ),
    "annotation None: its annotation has no 77": lambda coco, folder: first(coco).update(image_id=77),
    "1.png: it cannot be used: its mask has no white pixel": lambda coco, folder: first(coco).update(
        mask=mask_of((60, 60), 0, folder)
    ),
    "1.png: the mask m.png has 30 x 60 px, the photograph 60 x 60": lambda coco, folder: first(coco).update(
        mask=mask_of((30, 60), 255, folder)
    ),
    "1.png: the plate 1_plate.png has 30 x 60 px, the photograph 60 x 60": lambda coco, folder: Image.new(
        "RGB", (30, 60)
    ).save(folder / "1_plate.png"),
    "1.png: the plate 1.png shows the same as the photograph in the box": lambda coco, folder: first(coco).update(
        plate="1.png"
    ),
    "1.png: the plate 1_plate.png differs more around the object than on it": moved_camera,
    "1.png: red-disc is annotated 2 times, and only the first is used": lambda coco, folder: coco["annotations"].append(
        first(coco) | {"bbox": [1, 1, 9, 9]}
    ),
    "2.png: the same photograph as 1.png": lambda coco, folder: shutil.copy(folder / "1.png", folder / "2.png"),
    "1.png: 2 images have its id 1": lambda coco, folder: coco["images"].append(dict(coco["images"][0])),
    "red-disc has 1 usable photographs, and at least 2 are needed": lambda coco, folder: keep_one(coco),
    "red-disc is never judged": lambda coco, folder: [
        entry.update(plate=None, caption="") for entry in coco["annotations"] if entry["design"] == "red-disc"
    ],
    "cup has prompts and no photograph": lambda coco, folder: coco.update(prompts={"cup": ["a cup"]}),
    "'prompts' must give a list of texts": lambda coco, folder: coco.update(prompts={"red-disc": [1]}),
    "has 0 subjects, and at least 2 are needed": lambda coco, folder: coco["annotations"].clear(),
    "has no 'images' and 'annotations'": lambda coco, folder: coco.pop("images"),
    "an image of annotations.json has no 'file_name'": lambda coco, folder: coco["images"][0].pop("file_name"),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_every_mistake_is_a_sentence(benchmark_folder: Path, tmp_path: Path, words: str) -> None:
    folder = changed(benchmark_folder, tmp_path / "b", MISTAKES[words])
    found = faults(folder)
    assert [fault for fault in found if words in fault] and len(found) <= 3, found
    assert all("\n" not in fault for fault in found)


def test_all_faults_are_found_at_once_and_the_exit_code_is_2(benchmark_folder: Path, tmp_path: Path) -> None:
    def spoil(coco: dict, folder: Path) -> None:
        for words in ("1.png: it cannot be used: [Errno 2]", "cup has prompts and no photograph"):
            MISTAKES[words](coco, folder)

    folder = changed(benchmark_folder, tmp_path / "b", spoil)
    done = CliRunner().invoke(app, ["benchmark", "check", str(folder)])
    assert done.exit_code == 2 and len(done.stderr.strip().splitlines()) == 2
    assert "1.png: it cannot be used" in done.stderr and "cup has prompts" in done.stderr
