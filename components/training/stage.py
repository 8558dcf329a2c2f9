"""Latents -> a trained model: load the base, train the grid UNet, validate on held-out tuples, export."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from components.common.computing import pick_device
from components.common.data.digests import digest_file
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.diffusion import PIPELINE, bases
from components.common.diffusion.grid import expand_conv_in, scene_channels
from components.common.diffusion.pipeline import GridPipeline, pixels_per_latent
from components.common.errors import UserError
from components.common.references import TRAIN, VALIDATION
from components.common.stage.report import Report
from components.common.vision.models import weights_digest
from components.training import launch, ranks
from components.training.data import Latents, TrainingSamples
from components.training.loop import LossCurve, train
from components.training.module import GridTraining
from components.training.objective import objective_of
from components.training.params import Params
from components.training.validation import Validation, validate

CHECKPOINTS = "checkpoints"


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """latents -> model. A killed run continues from its last checkpoint and ends with the same bytes.

    One process trains here; several train in separate processes, or in a TrainJob if there are several nodes. Raises
    `UserError` if the base is absent or does not fit the latents, there is nothing to train on, or the loss stops being
    finite; `StageFailed` if separate processes fail for any other reason.
    """
    if params.world == 1:
        return compute(inputs, outputs, params)
    digests = check(Dataset(inputs["latents"]), params)
    if params.nodes == 1:
        return launch.run(inputs, outputs, params)
    from components.training import trainjob  # the Kubernetes client takes a second to import

    return trainjob.run(inputs, outputs, params, digests)


def compute(
    inputs: Mapping[str, Path],
    outputs: Mapping[str, Path],
    params: Params,
    keep: Callable[[Report], object] = lambda report: None,
) -> Report:
    """latents -> model, in this process or together with its peers, each of which calls this; the first one writes.

    keep: called with the report before the model is finished, so that a kill in between loses neither. The other
    processes return an empty report.
    """
    dataset = Dataset(inputs["latents"])
    digests = check(dataset, params)
    pipeline = load_pipeline(dataset, params)
    samples = TrainingSamples(Latents(dataset, TRAIN), pipeline.encode_text([""])[0].cpu(), params)
    module = GridTraining(pipeline.unet, objective_of(pipeline.scheduler, params.min_snr), params)
    folder = outputs["model"]
    if ranks.rank() > 0:
        ranks.barrier()
        train(module, samples, params, folder / CHECKPOINTS)
        return Report()
    with Writer(folder, "model", params.section, inputs, params, digests) as out:
        ranks.barrier()  # from here on, all checkpoints in the folder are valid
        curve = train(module, samples, params, folder / CHECKPOINTS)
        pipeline.to(pick_device(params.device))
        pipeline.unet.eval()
        validation = validate(pipeline, Latents(dataset, VALIDATION), params)
        out.facts = {"task": params.task, "cell": dataset.facts["cell"]}
        out.write(0, export(pipeline, folder, params))
        report = _report(curve, validation, samples, params)
        keep(report)
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    return report


def load_pipeline(dataset: Dataset, params: Params) -> GridPipeline:
    """The base model as a grid pipeline for the task, with extra UNet input channels if the task needs them."""
    vae, unet = bases.load_vae(params.base), bases.load_unet(params.base)
    latent_channels, cell = vae.config.latent_channels, dataset.facts["cell"]
    wanted = scene_channels(latent_channels) if params.task == "insertion" else latent_channels
    try:
        expand_conv_in(unet, wanted)
    except ValueError as error:
        raise UserError(f"{params.base} cannot be trained for {params.task}: {error}") from None
    unet.register_to_config(sample_size=2 * cell // pixels_per_latent(vae))
    unet.to(memory_format=torch.channels_last)
    return GridPipeline(
        vae,
        unet,
        bases.load_text_encoder(params.base),
        bases.load_tokenizer(params.base),
        bases.load_scheduler(params.base),
        cell,
    )


def export(pipeline: GridPipeline, folder: Path, params: Params) -> list[dict[str, Any]]:
    """Writes the pipeline folder (safetensors); returns one row per file."""
    target = folder / PIPELINE
    shutil.rmtree(target, ignore_errors=True)
    pipeline.to("cpu", {"fp32": torch.float32, "fp16": torch.float16}[params.export])
    pipeline.save_pretrained(target, safe_serialization=True)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    return [
        {"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": digest_file(path)}
        for path in files
    ]


def check(dataset: Dataset, params: Params) -> dict[str, str]:
    """Refuses latents that the base cannot be trained on; returns the digests of the base's parts."""
    bases.load_tokenizer(params.base)  # raises if there is no base
    digests = {part: weights_digest(params.base, part) for part in ("vae", "text_encoder", "unet")}
    parts = ("vae",) if params.task == "insertion" else ("vae", "text_encoder")  # insertion reads no caption
    for part in parts:
        if dataset.manifest.models.get(part) != digests[part]:
            raise UserError(
                f"training {params.task}: the latents were encoded with another {part} than the one of {params.base}: "
                "run encoding with the same base, or train from the base that encoding used"
            )
    splits = dataset.table(["split"])["split"].to_pylist()
    if TRAIN not in splits:
        raise UserError("training: the latents have no tuple in the train split: mine more photographs first")
    return digests


def _report(curve: LossCurve, validation: Validation | None, samples: TrainingSamples, params: Params) -> Report:
    metrics: dict[str, float] = {"images": params.images, "tuples": len(samples.latents)}
    if curve.points:
        metrics |= {name: value for name, value in curve.points[-1].items() if name != "images"}
    plots = {"loss": curve.points}
    if validation is None:
        note = "no reference gap: the validation split has fewer than two split groups"
        return Report(metrics=metrics, plots=plots, notes=[note])
    return Report(metrics=metrics | validation.metrics(), plots=plots, figures={"samples": validation.sheet})
