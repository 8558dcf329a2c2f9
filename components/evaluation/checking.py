"""Every fault of a benchmark's folder, one sentence each, and the contents of a valid one.

Evaluation leaves out what it cannot use and says so. Whoever makes a benchmark wants nothing left out, and needs to
know of mistakes that no decoder notices: a plate that still shows the object, a camera that moved between photographs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from components.common.data.digests import digest_file
from components.common.data.files import inside
from components.common.errors import UserError
from components.common.vision.benchmark import covered, read_annotations, read_photograph
from components.common.vision.geometry import expanded
from components.common.vision.images import Rejected
from components.evaluation.benchmark import LEAST_VIEWS, SCENE_WORD, View, read_prompts, read_view, used

SLACK = 1.0
"""px by which a box may exceed its photograph, through rounding."""
SHADOW = 2.0
"""Shadows and reflections lie within the box enlarged this many times; beyond, a plate is the same photograph."""
UNREADABLE = (OSError, ValueError, TypeError, KeyError, UserError, Rejected)


def faults(folder: Path) -> list[str]:
    """What is wrong with a benchmark's folder; empty if nothing is."""
    try:
        coco = read_annotations(folder)
        prompts = read_prompts(folder, coco)
        pictures = {picture["id"]: picture for picture in coco["images"]}
        names = {key: str(picture["file_name"]) for key, picture in pictures.items()}
    except (KeyError, TypeError) as error:
        return [f"{folder}: an image of annotations.json has no {error}"]
    except UserError as error:
        return [str(error)]
    sentences = list(_twice(folder, coco, names))
    views: dict[str, list[View]] = {}
    places: Counter[str] = Counter()
    for annotation in coco["annotations"]:
        where = names.get(annotation.get("image_id"), f"annotation {annotation.get('id')}")
        if not annotation.get("design"):
            sentences.append(f"{where}: the annotation names no design, so its subject is unknown")
        elif annotation.get("main", True):
            try:
                view = read_view(folder, pictures[annotation["image_id"]], annotation)
                problems = list(_wrong(folder, annotation, view))
            except KeyError as error:
                problems = [f"its annotation has no {error} that annotations.json knows"]
            except UNREADABLE as error:
                problems = [f"it cannot be used: {error}"]
            else:
                places.update([view.subject] * bool(annotation.get("absent")))
                views.setdefault(view.subject, []).extend([] if annotation.get("absent") else [view])
            sentences += [f"{where}: {problem}" for problem in problems]
    return sentences + list(_too_little(folder, views, places, prompts))


def contents(folder: Path) -> dict[str, int]:
    """How much a valid benchmark has to judge: subjects, photographs, truths, places and prompts."""
    coco = read_annotations(folder)
    entries = used(coco)
    photographs = [entry for entry in entries if not entry.get("absent")]
    return {
        "subjects": len({entry["design"] for entry in photographs}),
        "photographs": len(photographs),
        "truths": sum(bool(entry.get("plate")) for entry in photographs),
        "places": len(entries) - len(photographs),
        "prompts": sum(map(len, read_prompts(folder, coco).values())),
    }


def _twice(folder: Path, coco: Mapping[str, Any], names: Mapping[int, str]) -> Iterator[str]:
    """Ids that are used twice, subjects that are boxed twice in a photograph, and photographs that are there twice."""
    for key, times in Counter(picture["id"] for picture in coco["images"]).items():
        if times > 1:
            yield f"{names[key]}: {times} images have its id {key}, so its annotations could mean any of them"
    boxed = Counter((entry.get("image_id", -1), str(entry["design"])) for entry in used(coco))
    for (key, subject), times in boxed.items():
        if times > 1:
            yield f"{names.get(key, f'image {key}')}: {subject} is annotated {times} times, and only the first is used"
    files: dict[tuple[str, str], str] = {}
    for entry in used(coco):
        name = names.get(entry.get("image_id", -1), "")
        if name and not entry.get("absent") and (path := inside(folder, name)).is_file():
            first = files.setdefault((str(entry["design"]), digest_file(path)), name)
            if first != name:
                yield f"{name}: the same photograph as {first}, so a reference would be the truth"


def _wrong(folder: Path, annotation: Mapping[str, Any], view: View) -> Iterator[str]:
    """What is wrong with a readable photograph and what belongs to it."""
    width, height = view.photograph.size
    box = view.box
    if min(box.x, box.y) < -SLACK or box.x + box.w > width + SLACK or box.y + box.h > height + SLACK:
        yield f"the box exceeds the photograph of {width} x {height} px"
    if mask := annotation.get("mask"):
        picture = read_photograph(folder, mask)
        if picture.size != (width, height):
            yield f"the mask {mask} has {picture.width} x {picture.height} px, the photograph {width} x {height}"
        else:
            covered(picture)
    if annotation.get("plate") and not annotation.get("absent"):
        yield from _wrong_plate(str(annotation["plate"]), view)


def _wrong_plate(name: str, view: View) -> Iterator[str]:
    assert view.plate is not None
    if view.plate.size != view.photograph.size:
        yield (
            f"the plate {name} has {view.plate.width} x {view.plate.height} px, the photograph "
            f"{view.photograph.width} x {view.photograph.height}"
        )
        return
    change = np.abs(np.asarray(view.photograph, np.float32) - np.asarray(view.plate, np.float32)).mean(2)
    inside_box, beyond = (_part(view, scale) for scale in (1.0, SHADOW))
    if not change[inside_box].any():
        yield f"the plate {name} shows the same as the photograph in the box, so the object is still there"
    elif (~beyond).any() and change[~beyond].mean() > change[inside_box].mean():
        yield (
            f"the plate {name} differs more around the object than on it: the camera or the light moved, or it is "
            "another scene's plate"
        )


def _part(view: View, scale: float) -> np.ndarray:
    """bool [height, width]: the box, enlarged."""
    width, height = view.photograph.size
    box = expanded(view.box, scale)
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    across, down = (x >= box.x) & (x <= box.x + box.w), (y >= box.y) & (y <= box.y + box.h)
    return down[:, None] & across[None]


def _too_little(
    folder: Path, views: Mapping[str, list[View]], places: Mapping[str, int], prompts: Mapping[str, list[str]]
) -> Iterator[str]:
    """Subjects that cannot be judged, or for which there is nothing to judge."""
    if len(views) < 2:
        yield f"{folder} has {len(views)} subjects, and at least 2 are needed to see what own references add"
    for subject, own in sorted(views.items()):
        truths = any(view.plate is not None for view in own)
        named = any(SCENE_WORD in view.caption for view in own)
        if len(own) < LEAST_VIEWS:
            yield f"{subject} has {len(own)} usable photographs, and at least {LEAST_VIEWS} are needed"
        if not (truths or named or places.get(subject) or prompts.get(subject)):
            yield (
                f"{subject} is never judged: give one of its photographs a plate, the subject a prompt, or a scene a "
                "place for it"
            )
    for subject in sorted(prompts.keys() - views.keys()):
        yield f"{subject} has prompts and no photograph"
