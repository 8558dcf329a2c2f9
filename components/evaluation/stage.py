"""The evaluation stage: every system draws every sample, every picture is scored, and the scores are summarised."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from PIL import Image

from components.common.computing import pick_device
from components.common.data.digests import digest_folder
from components.common.data.reading import Dataset
from components.common.data.sandbox import resolve
from components.common.data.writing import Writer
from components.common.diffusion import PIPELINE
from components.common.diffusion.pipeline import GridPipeline
from components.common.errors import UserError
from components.common.stage.report import Report
from components.common.systems import MODEL, ONE_REFERENCE, PASTED, PLATE, SHUFFLED
from components.common.vision.encoders import load_encoder
from components.common.vision.models import from_pretrained, weights_digest
from components.evaluation import summary
from components.evaluation.benchmark import (
    Benchmark,
    Sample,
    generation_samples,
    insertion_samples,
    load,
    placement_samples,
    samples_of,
)
from components.evaluation.figures import sample_sheet
from components.evaluation.metrics import (
    IDENTITY,
    GenerationJudge,
    InsertionJudge,
    Judges,
    PlacementJudge,
    specifications,
)
from components.evaluation.outside import check_folder, folder_system, gaps, has_pictures, strangers
from components.evaluation.params import NO_BENCHMARK, Params
from components.evaluation.parts import Judge, Part, Pictures, draw, read_pictures, score
from components.evaluation.systems import System, clean_plate, copy_paste, model_system, one_reference, shuffled
from components.evaluation.text import ClipText

JUDGES = tuple(dict.fromkeys(IDENTITY.values()))


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """Scores the models in `inputs` (insertion, generation) against baselines; writes `scores` and `samples`.

    Raises `UserError` if the benchmark, a model or an encoder cannot be read.
    """
    if not params.benchmark:
        raise UserError(NO_BENCHMARK)
    folder = resolve(params.benchmark)
    benchmark, identity = load(folder), _identity(folder, params)
    judged = {name: samples for name, samples in samples_of(benchmark, params).items() if samples}
    if not judged:
        raise UserError(
            f"{folder} has no plates (insertion), places (placement), prompts or captions (generation): there is "
            "nothing to judge"
        )
    parts = [part for name, samples in judged.items() for part in _parts(name, samples, inputs, params)]
    draw(parts, Writer(outputs["samples"], "samples", "evaluation", inputs, params, identity), params.batch)
    pictures = read_pictures(Dataset(outputs["samples"]))
    sources = {**inputs, "samples": outputs["samples"]}
    judges = load_judges(params)

    @cache
    def judge_of(name: str) -> Judge:
        return _judge(name, benchmark, judges, params)

    with Writer(outputs["scores"], "scores", "evaluation", sources, params, identity) as out:
        specs = [spec for name in judged for spec in specifications(name, judges, params)]
        out.facts["specs"] = {spec.digest: asdict(spec) for spec in specs}
        score(parts, pictures, judge_of, out)
    table = summary.table_of(Dataset(outputs["scores"]))
    notes = benchmark.notes + _left_out(benchmark, judged, params) + summary.notes(table)
    return Report(summary.metrics(table), summary.plots(table), _sheets(parts, pictures), notes)


def _judge(name: str, benchmark: Benchmark, judges: Judges, params: Params) -> Judge:
    if name == "insertion":
        return InsertionJudge(insertion_samples(benchmark, params), judges, params)
    if name == "placement":
        return PlacementJudge(placement_samples(benchmark, params), benchmark, judges, params)
    return GenerationJudge(generation_samples(benchmark, params), benchmark, judges, params)


def load_judges(params: Params) -> Judges:
    """The four encoders and CLIP's text side. Raises `UserError` if one cannot be loaded."""
    encoders = {
        name: load_encoder(getattr(params, name), params.device, params.framing, batch=params.batch) for name in JUDGES
    }
    text = ClipText(params.clip, device=str(pick_device(params.device)))
    return Judges(encoders, text.embed)


def _identity(folder: Path, params: Params) -> dict[str, str]:
    """Digests of what the result depends on besides inputs and parameters: encoders, benchmark, outside pictures."""
    digests = {name: weights_digest(getattr(params, name)) for name in JUDGES}
    digests["benchmark"] = digest_folder(folder)
    return digests | {f"outside:{name}": digest_folder(Path(place)) for name, place in sorted(params.outside.items())}


def _parts(name: str, samples: Sequence[Sample], inputs: Mapping[str, Path], params: Params) -> list[Part]:
    """What is drawn for a benchmark: a part for the model under each treatment, for each trivial baseline, and for
    every outside system that has at least one picture."""
    task = "generation" if name == "generation" else "insertion"
    grid = _model(task, inputs[task], params)
    if len({sample.subject for sample in samples}) < 2:
        raise UserError(
            f"{name} has samples of {samples[0].subject} only, and another subject's references are needed to see what "
            "its own are worth: add a second subject to the benchmark"
        )
    shuffling = shuffled(samples, params.seed)
    treatments: dict[str, tuple[Sequence[Sample], System]] = {
        MODEL: (samples, grid),
        ONE_REFERENCE: (one_reference(samples), grid),
        SHUFFLED: (shuffling, grid),
        PASTED: (samples, copy_paste),
        PLATE: (samples, clean_plate),
    }
    if task == "generation":
        treatments = {each: treatments[each] for each in (MODEL, SHUFFLED, PASTED)}
    for system, place in sorted(params.outside.items()):
        check_folder(system, Path(place))
        if has_pictures(Path(place), samples):
            treatments[system] = samples, folder_system(Path(place))
    return [_part(name, system, *treatment, params) for system, treatment in treatments.items()]


def _part(benchmark: str, name: str, samples: Sequence[Sample], system: System, params: Params) -> Part:
    return Part(benchmark, name, samples[: params.limit or None], system, params.cell)


def _model(task: str, folder: Path, params: Params) -> System:
    """The trained model, loaded on first use: a resumed run that has its pictures does not need it."""

    @cache
    def loaded() -> System:
        pipeline = from_pretrained(GridPipeline, str(Dataset(folder).folder / PIPELINE))
        if pipeline.inserts != (task == "insertion"):
            raise UserError(f"the model in {folder} was not trained for {task}: are the two models swapped?")
        if pipeline.cell != params.cell:
            raise UserError(
                f"the model in {folder} draws {pipeline.cell} px, crops.cell is {params.cell}: train it again"
            )
        pipeline.set_progress_bar_config(disable=True)
        return model_system(pipeline.to(pick_device(params.device)), params)

    return lambda samples: loaded()(samples)


def _left_out(benchmark: Benchmark, judged: Mapping[str, Sequence[Sample]], params: Params) -> list[str]:
    """What the scores leave out: prompts beyond the parameter, and gaps of outside systems."""
    notes, most = [], max((len(own) for own in benchmark.prompts.values()), default=0)
    if most > params.prompts_per_subject:
        notes.append(
            f"of up to {most} prompts of a subject {params.prompts_per_subject} are drawn: "
            "evaluation.prompts_per_subject says how many"
        )
    for system, place in sorted(params.outside.items()):
        for name, samples in judged.items():
            if has_pictures(Path(place), samples):
                notes += gaps(system, Path(place), name, samples[: params.limit or None], params.cell)
        notes += strangers(system, Path(place), judged)
    return notes


def _sheets(parts: Sequence[Part], pictures: Pictures) -> dict[str, Image.Image]:
    """A sample sheet of each benchmark that was judged: the model next to itself with shuffled references."""
    return {
        f"{part.benchmark}_samples": sample_sheet(
            part.samples, {name: pictures[part.benchmark][name] for name in (MODEL, SHUFFLED)}
        )
        for part in parts
        if part.system == MODEL
    }
