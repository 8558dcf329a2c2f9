"""The systems that are compared: a trained model under several treatments, trivial baselines, and outside systems.

Every treatment changes the samples, never the model or the noise: `objectmate` and `shuffled-refs` start from the same
noise, so their difference is the value of the true references.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from PIL import Image

from components.common.data.files import inside
from components.common.data.seeds import derive, numpy_rng
from components.common.diffusion.pipeline import GridPipeline
from components.common.vision.images import Rejected, decode
from components.evaluation.benchmark import InsertionSample, Sample
from components.evaluation.params import Params

AnySample = TypeVar("AnySample", bound=Sample)
System = Callable[[Sequence[Sample]], list[Image.Image | None]]
"""Samples -> one RGB picture each, or None if the system made none."""


def model_system(grid: GridPipeline, params: Params) -> System:
    """The model itself. Noise depends only on the sample's name, not on references, batch or order."""

    def run(samples: Sequence[Sample]) -> list[Image.Image | None]:
        scenes = [sample for sample in samples if isinstance(sample, InsertionSample)]
        return list(
            grid(
                [sample.references for sample in samples],
                background=[scene.background for scene in scenes] or None,
                mask=[scene.mask for scene in scenes] or None,
                prompt=[sample.prompt for sample in samples],
                num_inference_steps=params.steps,
                guidance_refs=params.guidance_refs,
                guidance_text=params.guidance_text,
                seeds=[derive(params.seed, "noise", sample.name) for sample in samples],
                batch=params.batch,
            )
        )

    return run


def copy_paste(samples: Sequence[Sample]) -> list[Image.Image | None]:
    """The first reference's box, with the background in it, stretched into the box: identity without composition."""
    return [_pasted(sample) for sample in samples if isinstance(sample, InsertionSample)]


def _pasted(sample: InsertionSample) -> Image.Image:
    place = sample.mask.getbbox() or (0, 0, 1, 1)
    size = (place[2] - place[0], place[3] - place[1])
    pasted = sample.background.copy()
    pasted.paste(sample.cutout.resize(size, Image.Resampling.BICUBIC), place)
    return pasted


def clean_plate(samples: Sequence[Sample]) -> list[Image.Image | None]:
    """The background unchanged: composition without an object, the floor of every metric."""
    return [sample.background for sample in samples if isinstance(sample, InsertionSample)]


def folder_system(folder: Path) -> System:
    """An outside system, given by its pictures: `folder`/SAMPLE.png. Missing or unreadable ones are None."""

    def run(samples: Sequence[Sample]) -> list[Image.Image | None]:
        return [_read(inside(folder, f"{sample.name}.png")) for sample in samples]

    return run


def _read(path: Path) -> Image.Image | None:
    try:
        return decode(path.read_bytes())
    except (OSError, Rejected):
        return None


def one_reference(samples: Sequence[AnySample]) -> list[AnySample]:
    """The samples with their first reference only."""
    return [replace(sample, references=sample.references[:1]) for sample in samples]


def shuffled(samples: Sequence[AnySample], seed: int) -> list[AnySample]:
    """The samples with the references of another subject, the same one for all samples of a subject."""
    by_subject: dict[str, list[AnySample]] = {}
    for sample in samples:
        by_subject.setdefault(sample.subject, []).append(sample)
    donors = derangement(sorted(by_subject), seed)
    position = {sample.name: k for own in by_subject.values() for k, sample in enumerate(own)}
    reassigned = []
    for sample in samples:
        lent = by_subject[donors[sample.subject]]
        reassigned.append(replace(sample, references=lent[position[sample.name] % len(lent)].references))
    return reassigned


def derangement(names: Sequence[str], seed: int) -> dict[str, str]:
    """Each name -> another one, by one random cycle through all: none keeps its own, none is used twice.

    Raises `ValueError` for fewer than two names.
    """
    if len(names) < 2:
        raise ValueError("a derangement needs at least two names")
    cycle = [names[k] for k in numpy_rng(seed, "derangement").permutation(len(names))]
    return dict(zip(cycle, cycle[1:] + cycle[:1], strict=True))
