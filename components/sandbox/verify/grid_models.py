"""The measures of the base grid UNets: what they draw of the benchmark, scored by the evaluation stage's judges."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image

from components.common.data.sandbox import MODELS, WORLD
from components.common.diffusion.pipeline import GridPipeline
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
from components.sandbox.verify.table import Measured

Vectors = dict[str, np.ndarray]
"""Encoder -> unit vectors, float32 [N, d]."""


def grid_models(evaluation: Params) -> dict[str, Measured]:
    """Row of the table -> measure: reference gaps, recognition among all held-out designs, and what three references
    add to one.

    evaluation: how to sample and judge, and how many samples of each task.
    """
    benchmark, judges = load(WORLD / "benchmark"), load_judges(evaluation)
    return _insertion(benchmark, judges, evaluation) | _generation(benchmark, judges, evaluation)


def _drawn(task: str, treatments: Mapping[str, Sequence[Sample]], params: Params) -> dict[str, list[Image.Image]]:
    grid = GridPipeline.from_pretrained(MODELS / f"base_{task}")
    grid.set_progress_bar_config(disable=True)
    system = model_system(grid, params)
    return {name: [picture for picture in system(samples) if picture] for name, samples in treatments.items()}


def _insertion(benchmark: Benchmark, judges: Judges, params: Params) -> dict[str, Measured]:
    truths = insertion_samples(benchmark, params)
    samples = truths[: params.limit or None]
    names, subjects = [sample.name for sample in samples], np.array([sample.subject for sample in samples])
    treatments = {"3": samples, "1": one_reference(samples), "shuffled": shuffled(samples, params.seed)}
    pictures = _drawn("insertion", treatments, params)
    judge = InsertionJudge(truths, judges, params)
    scores = {name: judge.score(names, drawn) for name, drawn in pictures.items()}

    def gain(other: str, metric: str, picks: np.ndarray) -> Measured:
        sign = -1 if metric in LOWER_IS_BETTER else 1
        gains = sign * (scores["3"][metric] - scores[other][metric])
        return Measured(cluster_bootstrap(gains[picks].tolist(), subjects[picks].tolist()))

    everything = np.ones(len(samples), bool)
    sided = np.isin(subjects, sorted(_sided()))
    rows = {
        "insertion: reference gap, error on the object": gain("shuffled", "object_error", everything),
        "insertion: reference gap, ir": gain("shuffled", "ir", everything),
        "insertion: reference gap, second_ir": gain("shuffled", "second_ir", everything),
        "insertion: 3 references over 1, ir, designs with two sides": gain("1", "ir", sided),
        "insertion: 3 references over 1, error on the object, designs with two sides": gain("1", "object_error", sided),
    }
    crops = [judge.crop(sample, picture) for sample, picture in zip(samples, pictures["3"], strict=True)]
    own_truth = np.eye(len(samples), len(truths), dtype=bool)
    return rows | _recognition(
        "insertion", judges.embed(crops), subjects, judge.truth, judge.subjects, judges, params, own_truth
    )


def _generation(benchmark: Benchmark, judges: Judges, params: Params) -> dict[str, Measured]:
    samples = generation_samples(benchmark, params)[: params.limit or None]
    names, subjects = [sample.name for sample in samples], np.array([sample.subject for sample in samples])
    pictures = _drawn("generation", {"3": samples, "shuffled": shuffled(samples, params.seed)}, params)
    judge = GenerationJudge(samples, benchmark, judges, params)
    scores = {name: judge.score(names, drawn) for name, drawn in pictures.items()}
    gap = cluster_bootstrap((scores["3"]["ir"] - scores["shuffled"]["ir"]).tolist(), subjects.tolist())
    crops = [judge.crop(picture) for picture in pictures["3"]]
    return {"generation: reference gap, ir": Measured(gap)} | _recognition(
        "generation", judges.embed(crops), subjects, judge.real_views, judge.subjects, judges, params
    )


def _recognition(
    task: str,
    results: Vectors,
    subjects: np.ndarray,
    real: Vectors,
    real_subjects: np.ndarray,
    judges: Judges,
    params: Params,
    excluded: np.ndarray | None = None,
) -> dict[str, Measured]:
    """How often the real crop most similar to a result, of the benchmark or the corpus, is of the right design.

    excluded: bool [results, real], crops that are ignored for a result.
    """
    crops, designs = _corpus(CROPS[task], params)
    of_corpus = judges.embed(crops)
    gallery_subjects = np.concatenate([real_subjects, designs])
    hidden = np.pad(excluded, ((0, 0), (0, len(designs)))) if excluded is not None else None
    among = f"{len(set(gallery_subjects.tolist()))} designs"
    measured = {}
    for name in RECOGNITION.values():
        gallery = np.concatenate([real[name], of_corpus[name]])
        hits = recognised(results[name], subjects, gallery, gallery_subjects, hidden)
        interval = cluster_bootstrap(hits.tolist(), subjects.tolist())
        measured[f"{task}: right among all designs, {name}"] = Measured(interval, among)
    return measured


def _as_inserted(view: View, params: Params) -> Image.Image:
    box = placed(view.box, view.window(params.context), params.cell)
    return crop(view.square(params.context, params.cell), expanded(box, params.crop_scale))


def _as_generated(view: View, params: Params) -> Image.Image:
    return view.square(params.crop_scale, round(params.cell * params.generation_crop))


CROPS: dict[str, Callable[[View, Params], Image.Image]] = {"insertion": _as_inserted, "generation": _as_generated}
"""How judges see a photographed product, so that it is comparable with a task's results: same crop, same resolution."""


def _corpus(cropped: Callable[[View, Params], Image.Image], params: Params) -> tuple[list[Image.Image], list[str]]:
    """The corpus's products as the judges see results, and their designs."""
    data = read_split(WORLD / "corpus")
    photographs = [Image.fromarray(photo) for photo in data.photos]
    views = [
        View(subject=product.design, photograph=photographs[product.photo], plate=None, box=product.box, caption="")
        for product in data.products
    ]
    return [cropped(view, params) for view in views], [product.design for product in data.products]


def _sided() -> set[str]:
    """The benchmark's designs that look different from behind."""
    coco = read_annotations(WORLD / "benchmark")
    return {entry["design"] for entry in coco["annotations"] if entry["attributes"]["sided"]}
