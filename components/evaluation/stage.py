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
from components.common.diffusion.pipeline import GridPipeline
from components.common.errors import UserError
from components.common.stage.report import Report
from components.common.vision.encoders import load_encoder
from components.common.vision.models import from_pretrained, weights_digest
from components.evaluation import summary
from components.evaluation.benchmark import InsertionSample, Sample, generation_samples, insertion_samples, load
from components.evaluation.figures import sample_sheet
from components.evaluation.metrics import GenerationJudge, InsertionJudge, Judges, specifications
from components.evaluation.params import Params
from components.evaluation.parts import Judge, Part, Pictures, draw, read_pictures, score
from components.evaluation.systems import (
    System,
    clean_plate,
    copy_paste,
    folder_system,
    model_system,
    one_reference,
    shuffled,
)
from components.evaluation.text import ClipText

JUDGES = ("clip", "dino", "ir", "second_ir")
MAX_NAMED = 8


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """Scores the models in `inputs` (insertion, generation) against baselines; writes `scores` and `samples`.

    Raises `UserError` if the benchmark, a model or an encoder cannot be read.
    """
    folder = resolve(params.benchmark)
    benchmark, identity = load(folder), _identity(folder, params)
    truths, prompts = insertion_samples(benchmark, params), generation_samples(benchmark, params)
    parts = _insertion_parts(inputs["insertion"], truths, params) + _generation_parts(
        inputs["generation"], prompts, params
    )
    parts += [part for samples in (truths, prompts) for part in _outside_parts(samples, params)]
    if not parts:
        raise UserError(f"{folder} has neither plates (insertion) nor captions (generation): there is nothing to judge")
    draw(parts, Writer(outputs["samples"], "samples", "evaluation", inputs, params, identity), params.batch)
    pictures = read_pictures(Dataset(outputs["samples"]))
    sources = {**inputs, "samples": outputs["samples"]}
    judges = load_judges(params)

    @cache
    def judge_of(name: str) -> Judge:
        if name == "insertion":
            return InsertionJudge(truths, judges, params)
        return GenerationJudge(prompts, benchmark, judges, params)

    with Writer(outputs["scores"], "scores", "evaluation", sources, params, identity) as out:
        specs = specifications("insertion", judges, params) + specifications("generation", judges, params)
        out.facts["specs"] = {spec.digest: asdict(spec) for spec in specs}
        score(parts, pictures, judge_of, out)
    table = summary.tabulate(Dataset(outputs["scores"]).rows(), params.seed)
    notes = benchmark.notes + _missing(parts, pictures, params) + summary.notes(table)
    return Report(summary.metrics(table), summary.plots(table), _sheets(parts, pictures), notes)


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


def _insertion_parts(model: Path, samples: Sequence[InsertionSample], params: Params) -> list[Part]:
    grid = _model("insertion", model, params)
    treatments = {
        "objectmate": (samples, grid),
        "objectmate-1-ref": (one_reference(samples), grid),
        "shuffled-refs": (shuffled(samples, params.seed), grid),
        "copy-paste": (samples, copy_paste),
        "clean-plate": (samples, clean_plate),
    }
    return [_part("insertion", name, *treatment, params) for name, treatment in treatments.items() if samples]


def _generation_parts(model: Path, samples: Sequence[Sample], params: Params) -> list[Part]:
    grid = _model("generation", model, params)
    treatments = {"objectmate": (samples, grid), "shuffled-refs": (shuffled(samples, params.seed), grid)}
    return [_part("generation", name, *treatment, params) for name, treatment in treatments.items() if samples]


def _outside_parts(samples: Sequence[Sample], params: Params) -> list[Part]:
    """A part for every outside system that has at least one picture for these samples."""
    parts = []
    for name, place in sorted(params.outside.items()):
        folder = Path(place)
        if not folder.is_dir():
            raise UserError(f"outside: {name} is {folder}, which is not a folder: name the folder with its pictures")
        if any((folder / f"{sample.name}.png").is_file() for sample in samples):
            benchmark = "insertion" if isinstance(samples[0], InsertionSample) else "generation"
            parts.append(_part(benchmark, name, samples, folder_system(folder), params))
    return parts


def _part(benchmark: str, name: str, samples: Sequence[Sample], system: System, params: Params) -> Part:
    return Part(benchmark, name, samples[: params.limit or None], system, params.cell)


def _model(task: str, folder: Path, params: Params) -> System:
    """The trained model, loaded on first use: a resumed run that has its pictures does not need it."""

    @cache
    def loaded() -> System:
        pipeline = from_pretrained(GridPipeline, str(Dataset(folder).folder / "pipeline"))
        if pipeline.inserts != (task == "insertion"):
            raise UserError(f"the model in {folder} was not trained for {task}: are the two models swapped?")
        if pipeline.cell != params.cell:
            raise UserError(
                f"the model in {folder} draws {pipeline.cell} px, crops.cell is {params.cell}: train it again"
            )
        pipeline.set_progress_bar_config(disable=True)
        return model_system(pipeline.to(pick_device(params.device)), params)

    return lambda samples: loaded()(samples)


def _missing(parts: Sequence[Part], pictures: Pictures, params: Params) -> list[str]:
    """Which outside systems left samples out, by name."""
    notes = []
    for part in parts:
        absent = [s.name for s in part.samples if s.name not in pictures[part.benchmark][part.system]]
        if absent:
            named = ", ".join(absent[:MAX_NAMED]) + (" ..." if len(absent) > MAX_NAMED else "")
            notes.append(f"{part.system}, {part.benchmark}: {len(absent)} pictures missing or unreadable: {named}")
    scored = {part.system for part in parts}
    return notes + [
        f"outside system {name} has no picture of any sample" for name in params.outside if name not in scored
    ]


def _sheets(parts: Sequence[Part], pictures: Pictures) -> dict[str, Image.Image]:
    """A sample sheet of each benchmark that was judged: the model next to itself with shuffled references."""
    return {
        f"{part.benchmark}_samples": sample_sheet(
            part.samples, {name: pictures[part.benchmark][name] for name in ("objectmate", "shuffled-refs")}
        )
        for part in parts
        if part.system == "objectmate"
    }
