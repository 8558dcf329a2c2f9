"""Sample sheets: fixed samples side by side, large enough to look at."""

from collections.abc import Mapping, Sequence

from PIL import Image

from components.common.references import REFERENCE_HEADINGS, REFERENCES
from components.common.vision.sheets import evenly_spread, sheet
from components.evaluation.benchmark import InsertionSample, Sample, SceneSample

ROWS = 8
Results = Mapping[str, Mapping[str, Image.Image]]
"""System -> sample name -> picture."""


def sample_sheet(samples: Sequence[Sample], results: Results) -> Image.Image:
    """References, the other inputs (background or prompt), each system's picture, and the truth."""
    shown = chosen([sample for sample in samples if all(sample.name in own for own in results.values())])
    rows = [[*_inputs(sample), *(own[sample.name] for own in results.values()), *_truth(sample)] for sample in shown]
    scenes, truths = (any(isinstance(each, kind) for each in shown) for kind in (SceneSample, InsertionSample))
    headings = [*REFERENCE_HEADINGS, "background"] if scenes else ["prompt", *REFERENCE_HEADINGS]
    return sheet(rows, [*headings, *results, *(["ground truth"] if truths else [])])


def _inputs(sample: Sample) -> list[Image.Image | str]:
    """The inputs of the systems, with an empty cell for each missing reference."""
    references: list[Image.Image | str] = [*sample.references, *[""] * (REFERENCES - len(sample.references))]
    return [*references, sample.background] if isinstance(sample, SceneSample) else [sample.prompt, *references]


def _truth(sample: Sample) -> list[Image.Image | str]:
    return [sample.truth] if isinstance(sample, InsertionSample) else []


def chosen(samples: Sequence[Sample]) -> list[Sample]:
    """One sample each of up to `ROWS` subjects spread evenly over all: the same in every run on one benchmark."""
    by_subject: dict[str, list[Sample]] = {}
    for sample in samples:
        by_subject.setdefault(sample.subject, []).append(sample)
    subjects = [list(by_subject.values())[at] for at in evenly_spread(len(by_subject), ROWS)]
    return [own[turn % len(own)] for turn, own in enumerate(subjects)]
