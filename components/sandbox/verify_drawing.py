"""The part of `objectmate sandbox verify` that draws: the base grid UNets against the evaluation room's judges."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from components.common.data.sandbox import MODELS, WORLD
from components.common.diffusion.pipeline import GridPipeline
from components.common.stage.params import collect
from components.common.statistics import cluster_bootstrap
from components.common.vision.benchmark import read_annotations
from components.common.vision.geometry import crop, expanded, placed
from components.evaluation.benchmark import Benchmark, Sample, View, generation_samples, insertion_samples, load
from components.evaluation.metrics import (
    LOWER_IS_BETTER,
    RECOGNITION,
    GenerationJudge,
    InsertionJudge,
    Judges,
    recognised,
)
from components.evaluation.params import Params
from components.evaluation.stage import load_judges
from components.evaluation.systems import model_system, one_reference, shuffled
from components.sandbox.training.crops import read_split
from components.sandbox.verify import Row
from pipelines.parameters import resolve

PARAMS = collect(
    Params, resolve("sandbox", {"evaluation.limit": 0, "evaluation.prompts_per_subject": 4}), "profile sandbox"
)
"""As the default run evaluates, but on every sample."""
Pictures = dict[str, list[Image.Image]]


def grid_rows() -> list[Row]:
    """Reference gaps, recognition among all held-out designs, and what three references tell more than one."""
    benchmark, judges = load(WORLD / "benchmark"), load_judges(PARAMS)
    return [*_insertion_rows(benchmark, judges), *_generation_rows(benchmark, judges)]


def _drawn(task: str, treatments: Mapping[str, Sequence[Sample]]) -> Pictures:
    grid = GridPipeline.from_pretrained(MODELS / f"base_{task}")
    grid.set_progress_bar_config(disable=True)
    system = model_system(grid, PARAMS)
    return {name: [picture for picture in system(samples) if picture] for name, samples in treatments.items()}


def _insertion_rows(benchmark: Benchmark, judges: Judges) -> list[Row]:
    samples = insertion_samples(benchmark, PARAMS)
    names, subjects = [sample.name for sample in samples], [sample.subject for sample in samples]
    treatments = {"3": samples, "1": one_reference(samples), "shuffled": shuffled(samples, PARAMS.seed)}
    pictures = _drawn("insertion", treatments)
    judge = InsertionJudge(samples, judges, PARAMS)
    scores = {name: judge.score(names, made) for name, made in pictures.items()}
    own = np.eye(len(samples), dtype=bool)
    made = judges.embed([judge.crop(sample, picture) for sample, picture in zip(samples, pictures["3"], strict=True)])
    sided = _sided()
    turned = [k for k, subject in enumerate(subjects) if subject in sided]

    def gain(what: str, other: str, metric: str, picks: Sequence[int], bar: float | None = None) -> Row:
        sign = -1 if metric in LOWER_IS_BETTER else 1
        values = sign * (scores["3"][metric] - scores[other][metric])[picks]
        return Row.of(f"insertion: {what}", cluster_bootstrap(values.tolist(), [subjects[k] for k in picks]), bar)

    everything = range(len(samples))
    return [
        gain("reference gap, error on the object", "shuffled", "object_error", everything, 0.06),
        gain("reference gap, ir", "shuffled", "ir", everything),
        gain("reference gap, second_ir", "shuffled", "second_ir", everything),
        gain("3 references over 1, ir, designs with two sides", "1", "ir", turned, 0.0),
        gain("the same, error on the object", "1", "object_error", turned),
        *_recognition("insertion", made, subjects, judge.truth, judge.subjects, judges, own, 0.6),
    ]


def _generation_rows(benchmark: Benchmark, judges: Judges) -> list[Row]:
    samples = generation_samples(benchmark, PARAMS)
    names, subjects = [sample.name for sample in samples], [sample.subject for sample in samples]
    pictures = _drawn("generation", {"3": samples, "shuffled": shuffled(samples, PARAMS.seed)})
    judge = GenerationJudge(samples, benchmark, judges, PARAMS)
    scores = {name: judge.score(names, made) for name, made in pictures.items()}
    made = judges.embed([judge.crop(picture) for picture in pictures["3"]])
    gap = cluster_bootstrap((scores["3"]["ir"] - scores["shuffled"]["ir"]).tolist(), subjects)
    return [
        Row.of("generation: reference gap, ir", gap),
        *_recognition("generation", made, subjects, judge.real, judge.subjects, judges, None, None),
    ]


def _recognition(
    task: str,
    made: dict[str, np.ndarray],
    subjects: Sequence[str],
    real: dict[str, np.ndarray],
    real_subjects: np.ndarray,
    judges: Judges,
    excluded: np.ndarray | None,
    bar: float | None,
) -> list[Row]:
    """How often the most similar real crop, of the benchmark's or the corpus's designs, is of the right design."""
    more, designs = _corpus(task)
    further = judges.embed(more)
    everyone = np.concatenate([real_subjects, designs])
    hidden = np.pad(excluded, ((0, 0), (0, len(designs)))) if excluded is not None else None
    rows = []
    for which in RECOGNITION.values():
        gallery = np.concatenate([real[which], further[which]])
        hits = recognised(made[which], np.array(subjects), gallery, everyone, hidden)
        what = f"{task}: right among {len(set(everyone.tolist()))} designs, {which}"
        rows.append(Row.of(what, cluster_bootstrap(hits.tolist(), subjects), bar))
    return rows


def _corpus(task: str) -> tuple[list[Image.Image], list[str]]:
    """The corpus's products as the judges see results: same crop, same resolution; and their designs."""
    data = read_split(WORLD / "corpus")
    crops = []
    for product in data.products:
        photo = Image.fromarray(data.photos[product.photo])
        view = View(subject=product.design, photograph=photo, plate=None, box=product.box, caption="")
        if task == "generation":
            crops.append(view.square(PARAMS.crop_scale, round(PARAMS.cell * PARAMS.generation_crop)))
            continue
        box = placed(product.box, view.window(PARAMS.context), PARAMS.cell)
        crops.append(crop(view.square(PARAMS.context, PARAMS.cell), expanded(box, PARAMS.crop_scale)))
    return crops, [product.design for product in data.products]


def _sided() -> set[str]:
    """The benchmark's designs that look otherwise from behind."""
    coco = read_annotations(WORLD / "benchmark")
    return {entry["design"] for entry in coco["annotations"] if entry["attributes"]["sided"]}
