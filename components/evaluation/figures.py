"""Sample sheets: fixed samples side by side, large enough to look at."""

from collections.abc import Mapping, Sequence

from PIL import Image

from components.common.references import REFERENCE_HEADINGS
from components.common.vision.sheets import evenly_spread, sheet
from components.evaluation.benchmark import InsertionSample, Sample

ROWS = 8
Results = Mapping[str, Mapping[str, Image.Image]]
"""System -> sample name -> picture."""


def sample_sheet(samples: Sequence[Sample], results: Results) -> Image.Image:
    """References, what else the systems received (background or prompt), what each made from it, and the truth."""
    shown = chosen([sample for sample in samples if all(sample.name in own for own in results.values())])
    insertion = [sample for sample in shown if isinstance(sample, InsertionSample)]
    drawn = {sample.name: [own[sample.name] for own in results.values()] for sample in shown}
    if insertion:
        headings = [*REFERENCE_HEADINGS, "background", *results, "ground truth"]
        return sheet([[*s.references, s.background, *drawn[s.name], s.truth] for s in insertion], headings)
    return sheet([[s.prompt, *s.references, *drawn[s.name]] for s in shown], ["prompt", *REFERENCE_HEADINGS, *results])


def chosen(samples: Sequence[Sample]) -> list[Sample]:
    """One sample each of up to `ROWS` subjects spread evenly over all: the same in every run on one benchmark."""
    by_subject: dict[str, list[Sample]] = {}
    for sample in samples:
        by_subject.setdefault(sample.subject, []).append(sample)
    subjects = [list(by_subject.values())[at] for at in evenly_spread(len(by_subject), ROWS)]
    return [own[turn % len(own)] for turn, own in enumerate(subjects)]
