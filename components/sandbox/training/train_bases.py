"""Remaking the sandbox's base models from scratch with the pipeline's own stages, on tuples cut from the render."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from components.common.data.digests import digest_file, digest_value
from components.common.data.reading import Dataset, is_complete
from components.common.diffusion.pipeline import GridPipeline
from components.common.vision.benchmark import ANNOTATIONS
from components.encoding import stage as encoding
from components.encoding.params import Params as Encoding
from components.sandbox.params import Device
from components.sandbox.training import autoencoder, blank_bases, tuples
from components.sandbox.training.crops import HELD_OUT, read_split
from components.training import stage as training
from components.training.data import Latents
from components.training.params import Generation, Insertion
from components.training.params import Params as Training
from components.training.validation import validate

BATCH = 128
COPIES = {"insertion": 5, "generation": 3}
TASKS: dict[str, type[Training]] = {"insertion": Insertion, "generation": Generation}


@dataclass(frozen=True)
class Lengths:
    """How long to train (images per task, steps of the autoencoder), on how many tuples to measure, and where."""

    insertion: int = 768_000
    generation: int = 64_000
    autoencoder: int = 10_000
    measured: int = 64
    device: Device = "cpu"

    def images(self, task: str) -> int:
        """Training length of a task."""
        return self.insertion if task == "insertion" else self.generation


def train_bases(
    worlds: Sequence[Path],
    out: Path,
    work: Path,
    lengths: Lengths | None = None,
    clip: str = blank_bases.CLIP,
    held_out: Sequence[Path] = HELD_OUT,
) -> dict[str, float]:
    """Trains `out/base_insertion` and, from its UNet, `out/base_generation`; returns their figures.

    worlds: rendered splits; the autoencoder learns from the first. work: folder for intermediate results, with one
    folder for each choice of splits and lengths, in which a new start keeps finished stages.
    clip: the folder whose text tower conditions generation. held_out: rendered splits to measure on.
    """
    lengths = lengths or Lengths()
    pictures = {world.name: digest_file(world / ANNOTATIONS) for world in worlds}
    work = work / digest_value([pictures, asdict(lengths), COPIES, BATCH])[:12]
    blank = work / "blank_insertion"
    if not (blank / "model_index.json").exists():
        with torch.device(lengths.device):
            vae = autoencoder.train(worlds[0], lengths.autoencoder).cpu()
        unet = blank_bases.blank_unet(blank_bases.INSERTION_CHANNELS, blank_bases.text_width(clip))
        blank_bases.save_base(blank, vae, unet, clip)
    metrics = train_base("insertion", blank, worlds, out, work, lengths, held_out)
    start = work / "blank_generation"
    if not (start / "model_index.json").exists():
        trained = GridPipeline.from_pretrained(out / "base_insertion")
        blank_bases.save_base(start, trained.vae, blank_bases.without_scene(trained.unet), clip)
    return metrics | train_base("generation", start, worlds, out, work, lengths, held_out)


def train_base(
    task: str, start: Path, worlds: Sequence[Path], out: Path, work: Path, lengths: Lengths, held_out: Sequence[Path]
) -> dict[str, float]:
    """Tuples -> latents -> trained pipeline -> `out/base_TASK` with a card."""
    # Captions name colours, so tuples for generation keep theirs.
    cuts = tuples.Params(copies=COPIES[task], recolour=task == "insertion")
    latents = encoded(work, worlds, start, cuts, f"{task}_train", lengths.device)
    params = training_params(task, start, lengths)
    model = work / f"model_{task}"
    if not is_complete(model):
        training.run({"latents": latents}, {"model": model}, params)
    metrics = measure(model / training.PIPELINE, task, work, params, held_out)
    facts: dict[str, object] = {
        "trained on": f"{len(Dataset(latents))} tuples, {COPIES[task]} per object (splits "
        f"{', '.join(world.name for world in worlds)})",
        "images, batch, seed": f"{params.images}, {BATCH}, {params.seed}",
        "objective": "rectified flow, logit-normal noise levels",
    }
    blank_bases.pack(model / training.PIPELINE, task, facts, metrics, out)
    return {f"{task}_{name}": value for name, value in metrics.items()}


def training_params(task: str, start: Path, lengths: Lengths) -> Training:
    """How a base model is trained."""
    images = lengths.images(task)
    values = {
        f"base_{task}": str(start), "images": images, "batch": BATCH, "lr": 2e-3,
        "warmup": min(25_600, images) / images, "decay": "cosine", "ema": 0.999, "outside_weight": 0.3,
        "drop_refs": 0.04, "drop_text": 0.04, "drop_both": 0.04, "checkpoint_every": 64_000,
        "validation_tuples": lengths.measured, "sampling_steps": 10, "precision": "fp32", "device": lengths.device,
        "workers": 8 if lengths.device == "cuda" else 0,
    }  # fmt: skip
    return TASKS[task].model_validate(values)


def encoded(
    work: Path, worlds: Sequence[Path], base: Path, cuts: tuples.Params, name: str, device: Device = "cpu"
) -> Path:
    """The latents of tuples cut from rendered splits."""
    cut_tuples, latents = work / f"tuples_{name}", work / f"latents_{name}"
    if not is_complete(cut_tuples):
        tuples.run({world.name: world for world in worlds}, {"tuples": cut_tuples}, cuts)
    if not is_complete(latents):
        params = Encoding(base_generation=str(base), batch=16, device=device)
        encoding.run({"tuples": cut_tuples}, {"latents": latents}, params)
    return latents


def measure(
    pipeline: Path, task: str, work: Path, params: Training, held_out: Sequence[Path] = HELD_OUT
) -> dict[str, float]:
    """Reference gap on held-out splits, and the autoencoder's PSNR on the last of them."""
    model = GridPipeline.from_pretrained(pipeline)
    metrics: dict[str, float] = {}
    for world in held_out:
        cuts = tuples.Params(copies=1, recolour=False, held_out=1.0)
        latents = encoded(work, [world], pipeline, cuts, f"{task}_{world.name}")
        scores = validate(model, Latents(Dataset(latents), "validation"), params)
        if scores is not None:
            metrics |= {f"{name} ({world.name})": value for name, value in scores.metrics().items()}
    return metrics | {"PSNR of the autoencoder, dB": autoencoder.psnr(model.vae, read_split(held_out[-1]))}
