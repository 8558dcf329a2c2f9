"""Benchmarks from photographs of known products: insertion with ground truth, placement without it, and generation.

The input is a COCO file whose annotations also name the product (`design`). docs/benchmarks.md describes it.

- insertion: the annotation has a `plate`, the same photograph without the product. Every such photograph is the truth
  once, and up to three others of its subject are the references: the quadruplet protocol of the paper (section 5).
- placement: the annotation is marked `absent`, and its box says where the product is to go. There is no photograph of
  it there, so only its identity can be judged.
- generation: from `prompts`, or from the scenes that captions name.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from components.common.data.digests import digest_value, short
from components.common.data.seeds import numpy_rng
from components.common.errors import UserError
from components.common.references import REFERENCES
from components.common.vision.benchmark import object_box, read_annotations, read_photograph
from components.common.vision.geometry import Box, box_mask, crop, pixel_window, placed
from components.common.vision.images import Rejected
from components.evaluation.params import Params

AnySample = TypeVar("AnySample", bound="Sample")
SCENE_WORD = " on "
"""A caption reads "OBJECT on SCENE": the words before it name the object, the rest the place."""
LEAST_VIEWS = 2
"""Photographs of a subject: a truth needs a reference, and two real photographs are needed for a ceiling."""


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
    """What a system receives. references: square crops with their background, one to three; prompt: empty if there is
    a scene. cutout: what copy-paste makes of the first reference; cut by its box, or framed like a generated picture.
    """

    name: str
    subject: str
    references: tuple[Image.Image, ...]
    cutout: Image.Image
    prompt: str = ""


@dataclass(frozen=True, kw_only=True)
class SceneSample(Sample):
    """An object to put into a scene. background: side x side RGB window of the clean scene. mask: L, 255 in the box.
    box: px of the window.
    """

    background: Image.Image
    mask: Image.Image
    box: Box


@dataclass(frozen=True, kw_only=True)
class InsertionSample(SceneSample):
    """An object to put back where it was. truth: the same window of the photograph."""

    truth: Image.Image


@dataclass(frozen=True)
class Benchmark:
    """Subjects with their views (at least two each), and notes about what was left out and why.

    prompts: subject -> texts to generate from. places: subject -> scenes without it, with a box for it.
    """

    subjects: dict[str, list[View]]
    notes: list[str]
    prompts: dict[str, list[str]] = field(default_factory=dict)
    places: dict[str, list[View]] = field(default_factory=dict)


def load(folder: Path) -> Benchmark:
    """Reads `folder`/annotations.json; unreadable photographs are left out by name.

    Raises `UserError` if too few are left, a name leads out of `folder`, or prompts are not lists of texts.
    """
    notes: list[str] = []
    coco = read_annotations(folder)
    views = _views(folder, coco, notes, absent=False)
    subjects = {name: own for name, own in sorted(views.items()) if len(own) >= LEAST_VIEWS}
    if alone := sorted(views.keys() - subjects.keys()):
        notes.append(f"{len(alone)} subjects with fewer than {LEAST_VIEWS} photographs are not judged: {alone[:8]}")
    if few := [name for name, own in subjects.items() if len(own) <= REFERENCES]:
        notes.append(f"{len(few)} subjects have fewer than {REFERENCES} references for a truth: {few[:8]}")
    if len(subjects) < 2:
        raise UserError(
            f"{folder} has {len(subjects)} subjects with at least {LEAST_VIEWS} readable photographs, and at least "
            f"2 are needed; {'; '.join(notes[:3]) or 'its annotations name no design'}"
        )
    places = _views(folder, coco, notes, absent=True)
    prompts = read_prompts(folder, coco)
    if strangers := sorted({*places, *prompts} - subjects.keys()):
        notes.append(f"{len(strangers)} subjects with places or prompts are not judged: {strangers[:8]}")
    return Benchmark(subjects, notes, prompts, places)


def read_prompts(folder: Path, coco: Mapping[str, Any]) -> dict[str, list[str]]:
    """Subject -> its prompts. Raises `UserError` if they are anything but lists of texts."""
    prompts = coco.get("prompts", {})
    lists = prompts.values() if isinstance(prompts, dict) else [None]
    if not all(isinstance(own, list) and all(isinstance(text, str) and text.strip() for text in own) for own in lists):
        raise UserError(f'{folder}: \'prompts\' must give a list of texts for a design, such as {{"mug": ["a mug"]}}')
    return {subject: own for subject, own in prompts.items() if own}


def _views(folder: Path, coco: Mapping[str, Any], notes: list[str], absent: bool) -> dict[str, list[View]]:
    """Subject -> views, or places if `absent`, by picture id, one per picture; adds to `notes` what cannot be used."""
    pictures = {picture["id"]: picture for picture in coco["images"]}
    views_by_picture: dict[str, dict[int, View]] = {}
    for annotation in used(coco):
        if bool(annotation.get("absent")) != absent:
            continue
        try:
            view = read_view(folder, pictures[annotation["image_id"]], annotation)
        except (OSError, ValueError, TypeError, KeyError, Rejected) as error:
            name = pictures.get(annotation.get("image_id"), {}).get("file_name", f"annotation {annotation.get('id')}")
            notes.append(f"left out of the benchmark: {name}: {error}")
        else:
            views_by_picture.setdefault(view.subject, {}).setdefault(annotation["image_id"], view)
    return {subject: [own[key] for key in sorted(own)] for subject, own in views_by_picture.items()}


def used(coco: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The annotations that name a subject and are not bystanders."""
    return [entry for entry in coco["annotations"] if entry.get("design") and entry.get("main", True)]


def read_view(folder: Path, picture: Mapping[str, Any], annotation: Mapping[str, Any]) -> View:
    """The view, or the place, that an annotation describes; a place is its own plate.

    Raises `OSError`, `ValueError`, `TypeError`, `KeyError` or `Rejected` if it cannot be used.
    """
    photograph, plate = read_photograph(folder, picture["file_name"]), annotation.get("plate")
    return View(
        subject=str(annotation["design"]),
        photograph=photograph,
        plate=read_photograph(folder, plate) if plate else photograph if annotation.get("absent") else None,
        box=object_box(folder, annotation),
        caption=str(annotation.get("caption", "")),
    )


def samples_of(benchmark: Benchmark, params: Params) -> dict[str, list[Sample]]:
    """What is judged (insertion, placement, generation) -> its samples, perhaps none."""
    return {
        "insertion": list(insertion_samples(benchmark, params)),
        "placement": list(placement_samples(benchmark, params)),
        "generation": generation_samples(benchmark, params),
    }


def insertion_samples(benchmark: Benchmark, params: Params) -> list[InsertionSample]:
    """Every photograph with a plate as the truth once, with the next three photographs of its subject, cyclically, as
    references, or as many as there are.

    Ordered by photograph, then subject, so that a limit takes one sample of every subject before a second of any.
    """
    files, ordered = file_names(benchmark.subjects), []
    for subject, views in benchmark.subjects.items():
        for index, view in enumerate(views):
            if view.plate is not None:
                others = [views[(index + step) % len(views)] for step in range(1, min(len(views), REFERENCES + 1))]
                scene = _scene_sample(f"{files[subject]}-{index}", view, others, params)
                truth = view.square(params.context, params.cell)
                ordered.append((index, subject, InsertionSample(**vars(scene), truth=truth)))
    return _in_order(ordered)


def placement_samples(benchmark: Benchmark, params: Params) -> list[SceneSample]:
    """Every place of a subject, with its first three photographs as references. Ordered like insertion samples."""
    files, ordered = file_names(benchmark.subjects), []
    for subject, views in benchmark.subjects.items():
        for index, place in enumerate(benchmark.places.get(subject, [])):
            name = f"{files[subject]}-place{index}"
            ordered.append((index, subject, _scene_sample(name, place, views[:REFERENCES], params)))
    return _in_order(ordered)


def _scene_sample(name: str, view: View, others: Sequence[View], params: Params) -> SceneSample:
    box = placed(view.box, view.window(params.context), params.cell)
    return SceneSample(
        name=name,
        subject=view.subject,
        references=tuple(other.square(params.reference_scale) for other in others),
        cutout=crop(others[0].photograph, others[0].box),
        background=view.square(params.context, params.cell, plate=True),
        mask=box_mask(box, params.cell),
        box=box,
    )


def generation_samples(benchmark: Benchmark, params: Params) -> list[Sample]:
    """Each subject with the first of its prompts or, if it has none, in scenes that none of its own photographs shows,
    so that no reference can be copied whole.

    Subjects without prompts whose captions do not read "OBJECT on SCENE" have no sample. Ordered like insertion
    samples.
    """
    files, ordered = file_names(benchmark.subjects), []
    for subject, views in benchmark.subjects.items():
        prompts = benchmark.prompts.get(subject) or list(_elsewhere(benchmark, subject, params.seed))
        for index, prompt in enumerate(prompts[: params.prompts_per_subject]):
            sample = Sample(
                name=f"{files[subject]}-prompt{index}",
                subject=subject,
                references=tuple(view.square(params.reference_scale) for view in views[:REFERENCES]),
                cutout=views[0].square(params.crop_scale / params.generation_crop, params.cell),
                prompt=prompt,
            )
            ordered.append((index, subject, sample))
    return _in_order(ordered)


def _elsewhere(benchmark: Benchmark, subject: str, seed: int) -> Iterator[str]:
    """The subject's words with the scenes that only other subjects' captions name, in random order."""
    own = {_scene(view) for view in benchmark.subjects[subject]} - {""}
    every = {_scene(view) for views in benchmark.subjects.values() for view in views} - {""}
    words = benchmark.subjects[subject][0].caption.partition(SCENE_WORD)[0]
    places = sorted(every - own) if own else []
    for place in numpy_rng(seed, "prompts", subject).permutation(len(places)):
        yield words + SCENE_WORD + places[place]


def _in_order(ordered: list[tuple[int, str, AnySample]]) -> list[AnySample]:
    return [sample for _, _, sample in sorted(ordered, key=lambda entry: entry[:2])]


def _scene(view: View) -> str:
    return view.caption.partition(SCENE_WORD)[2]


def file_names(subjects: Iterable[str]) -> dict[str, str]:
    """Subject -> the start of its samples' names. They name files of outside systems, so they must not lead to another
    folder, and no two may be equal, not even on a disk that ignores case."""
    safe = {subject: re.sub(r"[^\w-]+", "_", subject) for subject in subjects}
    times = Counter(name.casefold() for name in safe.values())
    return {
        subject: f"{name}_{short(digest_value(subject))}" if times[name.casefold()] > 1 else name
        for subject, name in safe.items()
    }
