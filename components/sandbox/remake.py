"""`objectmate sandbox`: remake the embedded default from scratch, first the rendered world and then its tiny models."""

import importlib
import json
from pathlib import Path
from typing import TypeVar

from components.common.data.sandbox import MODELS, WORLD
from components.common.errors import UserError
from components.common.terminal import Terminal
from components.common.vision.benchmark import ANNOTATIONS
from components.sandbox.params import Device, Split

Name = TypeVar("Name", bound=str)
console = Terminal()
RENDERED = Path("data/sandbox")
"""Only the corpus and the benchmark are committed; what the tiny models are trained on is rendered on request."""
ROOTS: dict[Split, Path] = {
    "benchmark": WORLD, "corpus": WORLD, "pretrain": RENDERED, "showroom": RENDERED,
}  # fmt: skip

TRAINERS = {
    "ir": "components.sandbox.training.train_ir:train",
    "second_ir": "components.sandbox.training.train_ir:train_second",
    "clip": "components.sandbox.training.train_clip:train",
    "dino": "components.sandbox.training.train_dino:train",
    "detector": "components.sandbox.training.train_detector:train",
    "remover": "components.sandbox.training.train_remover:train",
    "captioner": "components.sandbox.training.train_captioner:train",
}
BASES = "bases"
TAUGHT: tuple[Split, ...] = ("pretrain", "showroom")
WIDELY_TAUGHT = ("ir", "second_ir", "clip", "captioner")
"""Models that need many designs: they, and the bases, learn from the showroom too."""


def render_splits(names: list[str] | None, seed: int, workers: int) -> None:
    """Renders the named splits (all if none is named), skipping photographs that are already there."""
    from components.sandbox.rendering.world import render_world

    for name in _chosen(names, list(ROOTS), "split"):
        render_world(ROOTS[name], name, seed=seed, workers=workers)


def train_models(names: list[str] | None, seed: int, device: Device) -> None:
    """Trains the named models (all if none is named, in an order in which each finds what it needs)."""
    import torch

    from components.common.computing import pick_device
    from components.sandbox.training.course import Course

    pick_device(device)
    if missing := [split for split in TAUGHT if not (RENDERED / split / ANNOTATIONS).is_file()]:
        raise UserError(
            f"there is no {RENDERED / missing[0]} to train on: run `objectmate sandbox render {missing[0]}` first"
        )
    for name in _chosen(names, [*TRAINERS, BASES], "model"):
        if name == BASES:
            console.print(name, json.dumps(_train_bases(device)))
            continue
        module, function = TRAINERS[name].split(":")
        train = getattr(importlib.import_module(module), function)
        world = [RENDERED / split for split in TAUGHT] if name in WIDELY_TAUGHT else RENDERED / "pretrain"
        with torch.device(device):
            quality = train(world, Course(MODELS / name, seed))
        console.print(name, json.dumps(quality))


def _train_bases(device: Device) -> dict[str, float]:
    """The grid UNets, trained by the pipeline's own stages; intermediate results are kept."""
    from components.sandbox.training.train_bases import Lengths, train_bases

    worlds = [RENDERED / split for split in TAUGHT]
    return train_bases(worlds, MODELS, RENDERED / "bases", Lengths(device=device))


def _chosen(names: list[str] | None, known: list[Name], noun: str) -> list[Name]:
    if wrong := [name for name in names or () if name not in known]:
        raise UserError(f"there is no {noun} '{wrong[0]}': choose from {', '.join(known)}")
    return [name for name in known if not names or name in names]
