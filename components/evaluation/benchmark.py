"""Benchmarks from photographs of known products: insertion with ground truth, and generation from a prompt.

The input is a COCO file whose annotations also name the product (`design`) and, for insertion, the `plate`: the same
photograph without it. Every photograph of a product is the truth once, and three others are its references: the
quadruplet protocol of the paper (section 5), for subjects of four photographs or more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from components.common.data.seeds import numpy_rng
from components.common.errors import UserError
from components.common.references import REFERENCES
from components.common.vision.benchmark import read_annotations, read_photograph
from components.common.vision.geometry import Box, box_mask, crop, pixel_window, placed
from components.common.vision.images import Rejected
from components.evaluation.params import Params

SCENE_WORD = " on "
"""A caption reads "OBJECT on SCENE": the words before it name the object, the rest the place."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A photograph of a subject. box: px of the upright photograph; plate: the same photograph without the subject."""

    subject: str
    photograph: Image.Image
    plate: Image.Image | None
    box: Box
    caption: str

    def square(self, scale: float, size: int | None = None, plate: bool = False) -> Image.Image:
        """The square window of `scale` x the box's longer side, from the photograph or its plate, at size x size px."""
        source = self.plate if plate and self.plate else self.photograph
        return crop(source, self.window(scale), size)

    def window(self, scale: float) -> Box:
        """That window in whole pixels."""
        return pixel_window(self.box, scale, *self.photograph.size)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a system receives. references: square crops with their background; prompt: empty for insertion."""

    name: str
    subject: str
    references: tuple[Image.Image, ...]
    prompt: str = ""


@dataclass(frozen=True, kw_only=True)
class InsertionSample(Sample):
    """An object to put back where it was.

    background, truth: side x side RGB windows of the clean plate and of the photograph. mask: L, 255 in the box.
    box: px of the window. cutout: the first reference cut by its box, for the copy-paste baseline.
    """

    background: Image.Image
    mask: Image.Image
    truth: Image.Image
    cutout: Image.Image
    box: Box


@dataclass(frozen=True)
class Benchmark:
    """Subjects with their views (at least four each), and notes about what was left out and why."""

    subjects: dict[str, list[View]]
    notes: list[str]


def load(folder: Path) -> Benchmark:
    """Reads `folder`/annotations.json; unreadable photographs are left out by name.

    Raises `UserError` if too few are left, or a name leads out of `folder`.
    """
    notes: list[str] = []
    views = _views(folder, read_annotations(folder), notes)
    short = sorted(name for name, own_views in views.items() if len(own_views) <= REFERENCES)
    if short:
        notes.append(f"{len(short)} subjects with fewer than {REFERENCES + 1} photographs are not judged: {short[:8]}")
    subjects = {name: own_views for name, own_views in sorted(views.items()) if name not in short}
    if len(subjects) < 2:
        raise UserError(
            f"{folder} has {len(subjects)} subjects with at least {REFERENCES + 1} readable photographs, and at least "
            f"2 are needed; {'; '.join(notes[:3]) or 'its annotations name no design'}"
        )
    return Benchmark(subjects, notes)


def _views(folder: Path, coco: dict[str, Any], notes: list[str]) -> dict[str, list[View]]:
    """Subject -> views in the order of picture ids, one per picture; adds to `notes` what cannot be used."""
    pictures = {picture["id"]: picture for picture in coco["images"]}
    views_by_picture: dict[str, dict[int, View]] = {}
    for annotation in coco["annotations"]:
        if not annotation.get("design") or not annotation.get("main", True):
            continue
        try:
            view = _view(folder, pictures[annotation["image_id"]], annotation)
        except (OSError, ValueError, TypeError, KeyError, Rejected) as error:
            name = pictures.get(annotation.get("image_id"), {}).get("file_name", f"annotation {annotation.get('id')}")
            notes.append(f"left out of the benchmark: {name}: {error}")
        else:
            views_by_picture.setdefault(view.subject, {}).setdefault(annotation["image_id"], view)
    return {subject: [own[key] for key in sorted(own)] for subject, own in views_by_picture.items()}


def _view(folder: Path, picture: dict[str, Any], annotation: dict[str, Any]) -> View:
    box = Box(*map(float, annotation["bbox"]))
    if box.area <= 0:
        raise ValueError("the box is empty")
    plate = annotation.get("plate")
    return View(
        subject=str(annotation["design"]),
        photograph=read_photograph(folder, picture["file_name"]),
        plate=read_photograph(folder, plate) if plate else None,
        box=box,
        caption=str(annotation.get("caption", "")),
    )


def insertion_samples(benchmark: Benchmark, params: Params) -> list[InsertionSample]:
    """Every photograph with a plate as the truth once; the next three of its subject, cyclically, as references.

    Ordered by photograph, then subject, so that a limit takes one sample of every subject before a second of any.
    """
    ordered = []
    for subject, views in benchmark.subjects.items():
        for index, view in enumerate(views):
            if view.plate is not None:
                ordered.append((index, subject, _insertion_sample(index, views, params)))
    return [sample for _, _, sample in sorted(ordered, key=lambda entry: entry[:2])]


def _insertion_sample(index: int, views: Sequence[View], params: Params) -> InsertionSample:
    view = views[index]
    others = [views[(index + step) % len(views)] for step in range(1, REFERENCES + 1)]
    box = placed(view.box, view.window(params.context), params.cell)
    return InsertionSample(
        name=f"{_file_name(view.subject)}-{index}",
        subject=view.subject,
        references=tuple(other.square(params.reference_scale) for other in others),
        background=view.square(params.context, params.cell, plate=True),
        mask=box_mask(box, params.cell),
        truth=view.square(params.context, params.cell),
        cutout=crop(others[0].photograph, others[0].box),
        box=box,
    )


def generation_samples(benchmark: Benchmark, params: Params) -> list[Sample]:
    """Each subject in scenes that none of its own photographs shows, so that no reference can be copied whole.

    Subjects whose captions do not read "OBJECT on SCENE" have no sample. Ordered like insertion samples.
    """
    scenes = {name: sorted({_scene(view) for view in views} - {""}) for name, views in benchmark.subjects.items()}
    ordered = []
    for subject, views in benchmark.subjects.items():
        words = views[0].caption.partition(SCENE_WORD)[0]
        places = sorted({scene for name in scenes for scene in scenes[name]} - set(scenes[subject]))
        if not scenes[subject] or not places:
            continue
        references = tuple(view.square(params.reference_scale) for view in views[:REFERENCES])
        order = numpy_rng(params.seed, "prompts", subject).permutation(len(places))
        for index, place in enumerate(order[: params.prompts_per_subject]):
            name, prompt = f"{_file_name(subject)}-prompt{index}", words + SCENE_WORD + places[place]
            ordered.append((index, subject, Sample(name=name, subject=subject, references=references, prompt=prompt)))
    return [sample for _, _, sample in sorted(ordered, key=lambda entry: entry[:2])]


def _scene(view: View) -> str:
    return view.caption.partition(SCENE_WORD)[2]


def _file_name(subject: str) -> str:
    """Subjects name files of outside systems, so nothing in them may lead elsewhere."""
    return re.sub(r"[^\w-]+", "_", subject)
