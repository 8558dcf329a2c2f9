"""Folders of public benchmarks, and of photographs named as docs/benchmarks.md says: their annotations.json.

Nothing is copied: the file is written next to the pictures, and the folder is a benchmark from then on. The layouts are
those of the benchmarks' own repositories and of the code that reads them there:

- DreamBench (github.com/google/dreambooth, folder `dataset`): SUBJECT/NN.jpg and prompts_and_classes.txt.
- DreamEditBench (huggingface.co/datasets/tianleliphoebe/DreamEditBench): data/addition_source/SUBJECT/foundN.jpg with
  bbox.json, name -> [x1, y1, x2, y2] in a picture of 512 x 512 px, as github.com/DreamEditBenchTeam/DreamEdit reads it.
  Its subjects are DreamBench's, whose folder must be next to `data`, named `dreambooth`.
- MureCom (github.com/bcmi/DreamCom-Image-Composition, folder `MureCom`): CATEGORY/bg/N.jpg with bbox.txt, lines of
  "category N.jpg x1 y1 x2 y2" with both corners inside; CATEGORY/fg1, fg2 and fg3 with N.jpg and its mask N.png.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from components.common.data.files import write_atomically
from components.common.data.names import some
from components.common.errors import UserError
from components.common.vision.benchmark import ANNOTATIONS
from components.common.vision.formats import ENDINGS
from components.common.vision.images import Rejected, decode

PROMPTS = "prompts_and_classes.txt"
LIVE = frozenset({"cat", "dog"})
"""Classes of DreamBench's live subjects, which have their own prompts."""
EDIT_SIDE = 512
"""Side of the picture, px, that DreamEditBench's boxes are given in."""
BOXES, PROMPT = "bbox.json", "prompt.txt"
"""What DreamEditBench has next to its photographs, and the guide next to a subject's."""
CLEAN, MASK = "_clean", "_mask"
"""Endings of the names of a photograph's clean scene and of its mask."""


class Annotations:
    """A COCO file to be written; names are relative to the benchmark's folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.images: list[dict[str, Any]] = []
        self.keys: dict[str, int] = {}
        self.annotations: list[dict[str, Any]] = []
        self.prompts: dict[str, list[str]] = {}
        self.notes: list[str] = []

    def add(self, path: Path, subject: str, bbox: list[float] | None = None, **fields: Any) -> None:
        """A photograph of a subject. bbox: x, y, w, h px; without it and without a mask, the whole photograph."""
        try:
            width, height = decode(path.read_bytes()).size
        except (OSError, Rejected) as error:
            self.notes.append(f"left out: {self.name(path)}: {error}")
            return
        if bbox is None and "mask" not in fields:
            bbox = [0, 0, width, height]
        name, number = self.name(path), len(self.annotations) + 1
        if name not in self.keys:
            self.keys[name] = len(self.images) + 1
            self.images.append({"id": self.keys[name], "file_name": name, "width": width, "height": height})
        where = {"bbox": bbox} if bbox else {}
        self.annotations.append({"id": number, "image_id": self.keys[name], "design": subject, **where, **fields})

    def photographs(self, folder: Path) -> list[Path]:
        """The photographs in a folder, sorted. Other files are noted, unless they are hidden or the layout's own."""
        files = [path for path in sorted(folder.glob("[!.]*")) if path.is_file() and path.name not in (BOXES, PROMPT)]
        others = [self.name(path) for path in files if path.suffix.lower() not in ENDINGS]
        if others:
            self.notes.append(f"skipped, since their names have no ending of a photograph's: {some(others)}")
        return [path for path in files if path.suffix.lower() in ENDINGS]

    def name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def write(self) -> None:
        written = {"images": self.images, "annotations": self.annotations, "prompts": self.prompts}
        write_atomically(self.folder / ANNOTATIONS, (json.dumps(written, indent=1) + "\n").encode())


def annotate(folder: Path) -> tuple[str, list[str]]:
    """Writes `folder`/annotations.json; returns the layout that was found, and what was left out, one sentence each.

    Raises `UserError` if there is one already, or the folder has no known layout.
    """
    if (folder / ANNOTATIONS).exists():
        raise UserError(f"{folder / ANNOTATIONS} already exists: remove it to have it written again")
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    name, read = _layout(folder)
    coco = Annotations(folder)
    try:
        read(coco)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{folder} looks like {name} and cannot be read as such: {error}") from None
    if not coco.images:
        raise UserError(f"{folder} has no photograph where {name} has them; {'; '.join(coco.notes[:3])}")
    coco.write()
    return name, coco.notes


def _layout(folder: Path) -> tuple[str, Callable[[Annotations], None]]:
    if (folder / PROMPTS).is_file():
        return "DreamBench", lambda coco: dreambench(coco, folder)
    if (folder / "data" / "addition_source").is_dir():
        return "DreamEditBench", dreameditbench
    if any(folder.glob("*/bg")):
        return "MureCom", murecom
    return "photographs by the guide", photographed


def dreambench(coco: Annotations, folder: Path) -> None:
    """Subjects with their 25 prompts. The photographs have no boxes: each subject fills its own."""
    text = (folder / PROMPTS).read_text(encoding="utf-8")
    classes = dict(re.findall(r"^(\w+),([\w ]+)$", text.partition("Prompts")[0], re.M))
    classes.pop("subject_name", None)
    objects, live = (re.findall(r"^'(.+?)'\.format", part, re.M) for part in _prompt_lists(text, folder))
    absent = [subject for subject in classes if not (folder / subject).is_dir()]
    if absent:
        coco.notes.append(f"{len(absent)} of {len(classes)} subjects have no folder: {', '.join(absent)}")
    for subject, kind in classes.items():
        for path in coco.photographs(folder / subject):
            coco.add(path, subject, caption=kind)
        if subject not in absent:
            # The unique token names the subject to a model that was tuned on it; a prompt is scored without it.
            prompts = live if kind in LIVE else objects
            coco.prompts[subject] = [prompt.replace("{0} ", "").replace("{1}", kind) for prompt in prompts]


def _prompt_lists(text: str, folder: Path) -> tuple[str, str]:
    before, heading, live = text.partition("Live Subject Prompts")
    if not heading:
        raise UserError(f"{folder / PROMPTS} has no 'Live Subject Prompts': take it from github.com/google/dreambooth")
    return before.partition("Object Prompts")[2], live


def dreameditbench(coco: Annotations) -> None:
    """Places for DreamBench's subjects. Replacement needs no box and is not read."""
    subjects = coco.folder / "dreambooth"
    if not (subjects / PROMPTS).is_file():
        raise UserError(
            f"DreamEditBench places DreamBench's subjects: put the folder `dataset` of github.com/google/dreambooth at "
            f"{subjects}"
        )
    dreambench(coco, subjects)
    coco.prompts.clear()
    for scenes in _folders(coco.folder / "data" / "addition_source"):
        boxes = json.loads((scenes / BOXES).read_text(encoding="utf-8"))
        for path in coco.photographs(scenes):
            if path.name not in boxes:
                coco.notes.append(f"left out: {coco.name(path)}: {BOXES} has no box for it")
                continue
            coco.add(path, scenes.name, _scaled(boxes[path.name], path), absent=True)


def _scaled(corners: list[float], path: Path) -> list[float] | None:
    """x, y, w, h in px of the photograph; None if it cannot be read, which `Annotations.add` notes."""
    try:
        width, height = decode(path.read_bytes()).size
    except (OSError, Rejected):
        return None
    x, y = width / EDIT_SIDE, height / EDIT_SIDE
    left, top, right, bottom = corners
    return [left * x, top * y, (right - left) * x, (bottom - top) * y]


def murecom(coco: Annotations) -> None:
    """Each foreground is a subject, placed into all backgrounds of its category."""
    for category in _folders(coco.folder):
        boxes = dict(_murecom_boxes(coco, category / "bg"))
        for foreground in (category / f"fg{number}" for number in (1, 2, 3)):
            subject = f"{category.name}-{foreground.name}"
            for path in sorted(foreground.glob("*.jpg"), key=_numbered):
                mask = path.with_suffix(".png")
                if mask.is_file():
                    coco.add(path, subject, mask=coco.name(mask))
                else:
                    coco.notes.append(f"left out: {coco.name(path)}: it has no mask {mask.name}")
            for path, box in boxes.items():
                coco.add(path, subject, box, absent=True)


def _murecom_boxes(coco: Annotations, folder: Path) -> Iterator[tuple[Path, list[float]]]:
    listed = folder / "bbox.txt"
    if not listed.is_file():
        coco.notes.append(f"left out: {coco.name(folder)}: it has no bbox.txt")
        return
    for line in listed.read_text(encoding="utf-8").splitlines():
        if match := re.search(r"(\S+\.jpg) (\d+) (\d+) (\d+) (\d+)\s*$", line):
            left, top, right, bottom = map(int, match.groups()[1:])
            yield folder / match[1], [left, top, right - left + 1, bottom - top + 1]
        elif line.strip():
            coco.notes.append(f"left out: {coco.name(listed)}: the line {line!r} is not a name with four numbers")


def photographed(coco: Annotations) -> None:
    """A folder for each subject: NAME.jpg, with NAME_clean.jpg and NAME_mask.png if there are such; prompt.txt."""
    for subject in _folders(coco.folder):
        files: dict[str, Path] = {}
        for path in coco.photographs(subject):
            if files.setdefault(path.stem, path) != path:
                coco.notes.append(f"left out: {coco.name(path)}: {files[path.stem].name} has the same name")
        for stem, path in files.items():
            if not stem.endswith((CLEAN, MASK)):
                extra = {"plate": files.get(stem + CLEAN), "mask": files.get(stem + MASK)}
                coco.add(path, subject.name, None, **{key: coco.name(file) for key, file in extra.items() if file})
                if extra["plate"] and not extra["mask"]:
                    coco.notes.append(
                        f"{coco.name(path)} has a clean scene and no mask {stem}{MASK}.png, so its box is the whole "
                        "photograph: correct its bbox in annotations.json"
                    )
        for stem in sorted(files):
            owner = re.sub(f"({CLEAN}|{MASK})$", "", stem)
            if owner not in files:
                coco.notes.append(f"left out: {coco.name(files[stem])}: there is no photograph {owner}")
        if (listed := subject / PROMPT).is_file():
            lines = listed.read_text(encoding="utf-8").splitlines()
            coco.prompts[subject.name] = [line.strip() for line in lines if line.strip()]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _numbered(path: Path) -> tuple[int, str]:
    """1, 2, 10 in this order."""
    digits = re.sub(r"\D", "", path.stem)
    return int(digits or 0), path.name
