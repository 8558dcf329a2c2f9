"""The systems that are compared: a trained model under several treatments, and trivial baselines.

Every treatment changes the samples, never the model or the noise: `objectmate` and `shuffled-refs` start from the same
noise, so their difference is the value of the true references.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from PIL import Image

from components.common.data.seeds import derive, numpy_rng
from components.common.diffusion.pipeline import GridPipeline
from components.evaluation.benchmark import AnySample, Sample, SceneSample
from components.evaluation.params import Params

System = Callable[[Sequence[Sample]], list[Image.Image | None]]
"""Samples -> one RGB picture each, or None if the system made none."""


def model_system(grid: GridPipeline, params: Params) -> System:
    """The model itself. Noise depends only on the sample's name, not on references, batch or order."""

    def run(samples: Sequence[Sample]) -> list[Image.Image | None]:
        scenes = [sample for sample in samples if isinstance(sample, SceneSample)]
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
    """The first reference, copied: identity without composition, to be compared with every other score.

    Into a scene its box is pasted with the background in it, stretched to the scene's box. Where a picture is to be
    generated, it is the reference photograph itself, framed as a generated picture is.
    """
    return [_pasted(sample) if isinstance(sample, SceneSample) else sample.cutout for sample in samples]


def _pasted(sample: SceneSample) -> Image.Image:
    place = sample.mask.getbbox() or (0, 0, 1, 1)
    size = (place[2] - place[0], place[3] - place[1])
    pasted = sample.background.copy()
    pasted.paste(sample.cutout.resize(size, Image.Resampling.BICUBIC), place)
    return pasted


def clean_plate(samples: Sequence[Sample]) -> list[Image.Image | None]:
    """The background unchanged: composition without an object, the floor of every metric."""
    return [sample.background for sample in samples if isinstance(sample, SceneSample)]


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
