"""Drawing and scoring part by part: a part is one system on one benchmark, the most that a killed run can lose."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.stage.progress import track
from components.common.vision.images import decode, encode_png
from components.evaluation.benchmark import Sample
from components.evaluation.metrics import GenerationJudge, InsertionJudge, PlacementJudge, Scores
from components.evaluation.params import REAL
from components.evaluation.systems import System

Pictures = dict[str, dict[str, dict[str, Image.Image]]]
"""Benchmark -> system -> sample name -> picture."""


Judge = InsertionJudge | PlacementJudge | GenerationJudge


@dataclass(frozen=True)
class Part:
    """One system on one benchmark. samples: as this system sees them; side: px of the pictures that are kept."""

    benchmark: str
    system: str
    samples: Sequence[Sample]
    run: System
    side: int


def draw(parts: Sequence[Part], out: Writer, batch: int) -> None:
    """Makes the samples dataset; does nothing if it exists already, made from the same inputs by the same code."""
    if out.finished:
        return
    with out:
        for index, part in enumerate(parts):
            if not out.done(index):
                drawn = list(_drawn(part, batch))
                keys = {"system": part.system, "benchmark": part.benchmark}
                rows = [keys | {"subject": sample.subject, "sample": sample.name} for sample, _ in drawn]
                out.write(index, rows, [{"image.png": encode_png(picture)} for _, picture in drawn])


def _drawn(part: Part, batch: int) -> Iterator[tuple[Sample, Image.Image]]:
    starts = range(0, len(part.samples), batch)
    for start in track(starts, f"{part.benchmark}: {part.system}"):
        chunk = part.samples[start : start + batch]
        for sample, picture in zip(chunk, part.run(chunk), strict=True):
            if picture is not None:
                size = (part.side, part.side)
                yield sample, picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)


def read_pictures(samples: Dataset) -> Pictures:
    """The pictures of a samples dataset."""
    pictures: Pictures = defaultdict(lambda: defaultdict(dict))
    for row in samples.rows():
        picture = decode(samples.blob(row, "image"))
        pictures[row["benchmark"]][row["system"]][row["sample"]] = picture
    return pictures


def score(parts: Sequence[Part], pictures: Pictures, judge_of: Callable[[str], Judge], out: Writer) -> None:
    """Makes the scores dataset: one row per sample and metric, none for a value that is not finite."""
    for index, part in track(list(enumerate(parts)), "scoring"):
        if out.done(index):
            continue
        drawn = pictures[part.benchmark][part.system]
        samples = [sample for sample in part.samples if sample.name in drawn]
        judge = judge_of(part.benchmark)
        scores = judge.score([s.name for s in samples], [drawn[s.name] for s in samples]) if samples else {}
        out.write(index, list(_rows(part, samples, scores, judge.specs)))
    _score_real(parts, judge_of, out)


def _score_real(parts: Sequence[Part], judge_of: Callable[[str], Judge], out: Writer) -> None:
    """One more part for each benchmark: what real photographs of the subjects score on the model's samples."""
    modelled = {part.benchmark: part for part in reversed(parts)}
    for index, (benchmark, part) in enumerate(sorted(modelled.items()), start=len(parts)):
        if not out.done(index):
            judge, names = judge_of(benchmark), [sample.name for sample in part.samples]
            real = replace(part, system=REAL)
            out.write(index, list(_rows(real, part.samples, judge.real_scores(names), judge.specs)))


def _rows(part: Part, samples: Sequence[Sample], scores: Scores, specs: Mapping[str, str]) -> Iterator[dict]:
    for row, sample in enumerate(samples):
        for metric, digest in specs.items():
            value = float(scores[metric][row]) if metric in scores else np.nan
            if np.isfinite(value):
                yield {
                    "system": part.system,
                    "benchmark": part.benchmark,
                    "subject": sample.subject,
                    "sample": sample.name,
                    "metric": metric,
                    "value": value,
                    "spec_digest": digest,
                }
