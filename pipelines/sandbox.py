"""`objectmate sandbox`: remake the embedded default from nothing, the rendered world first and then its tiny models."""

import importlib
import json
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from components.common.errors import UserError
from components.sandbox.params import Split

Name = TypeVar("Name", bound=str)
console = Console()
PACKAGED = Path(__file__).parent.parent / "components" / "sandbox"
PRETRAIN = Path("data/sandbox/pretrain")
"""Only the corpus and the benchmark are committed; what the tiny models are trained on is rendered when asked for."""
ROOTS: dict[Split, Path] = {"benchmark": PACKAGED / "world", "corpus": PACKAGED / "world", "pretrain": PRETRAIN.parent}

TRAINERS = {
    "ir": "components.sandbox.train_ir:train",
    "second_ir": "components.sandbox.train_ir:train_second",
    "clip": "components.sandbox.train_clip:train",
    "dino": "components.sandbox.train_dino:train",
    "detector": "components.sandbox.train_detector:train",
    "remover": "components.sandbox.train_remover:train",
    "captioner": "components.sandbox.train_captioner:train",
}
BASES = "bases"


def render_splits(names: list[str] | None, seed: int, workers: int) -> None:
    """Renders the named splits (all if none is named), skipping photographs that are already there."""
    from components.sandbox.world import render_world

    for name in _chosen(names, list(ROOTS), "split"):
        render_world(ROOTS[name], name, seed=seed, workers=workers)


def train_models(names: list[str] | None, seed: int) -> None:
    """Trains the named models (all if none is named, in an order in which each finds what it needs)."""
    if not (PRETRAIN / "annotations.json").is_file():
        raise UserError("there is no data/sandbox/pretrain to train on: run `objectmate sandbox render pretrain` first")
    for name in _chosen(names, [*TRAINERS, BASES], "model"):
        if name == BASES:
            console.print(name, json.dumps(_train_bases()))
            continue
        module, function = TRAINERS[name].split(":")
        train = getattr(importlib.import_module(module), function)
        quality = train(PRETRAIN, PACKAGED / "models" / name, seed=seed)
        console.print(name, json.dumps(quality))


def _train_bases() -> dict[str, float]:
    """The grid UNets, trained by the pipeline's own stages; what they make on the way is kept."""
    from pipelines.pretrain import pretrain_bases

    return pretrain_bases(PRETRAIN, PACKAGED / "models", PRETRAIN.parent / "bases")


def _chosen(names: list[str] | None, known: list[Name], what: str) -> list[Name]:
    if wrong := [name for name in names or () if name not in known]:
        raise UserError(f"there is no {what} '{wrong[0]}': choose among {', '.join(known)}")
    return [name for name in known if not names or name in names]
