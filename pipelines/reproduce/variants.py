"""Runs that differ from the given one in a few parameters; the questions about data and training compare them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from components.common.stage.yaml_text import read_yaml
from pipelines.engines.naming import differs
from pipelines.engines.request import Request, moved
from pipelines.engines.workspace import RUNS, Workspace

SEEDS = 3
"""Trainings of each variant; with --quick there is one."""
QUICK_STEPS, QUICK_DENOISING, QUICK_SAMPLES, QUICK_VALIDATION = 20, 5, 24, 8
"""With --quick, at most: optimiser steps, denoising steps, samples of a benchmark, held-out tuples in training."""


@dataclass(frozen=True)
class Variant:
    """name: part of a folder's name. differs: what is different, in words. settings: `section.key` -> value."""

    name: str
    differs: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)


PLAIN = Variant("plain", "nothing")
HALF = Variant("half", "half of the training sets", {"assembly.training_share": 0.5})
QUARTER = Variant("quarter", "a quarter of the training sets", {"assembly.training_share": 0.25})
AUGMENTED = Variant("augmented", "references are augmented crops of the target", {"assembly.references": "augmented"})
COPIED = Variant("copied", "the reference is the target's own crop", {"assembly.references": "copied"})
THREE = Variant("three", "always three references in training", {"training.fewer_refs": 0.0})
FEWER = Variant("fewer", "one or two references in training", {"training.fewer_refs": 1.0})


def mined_by(encoder: str) -> Variant:
    """The variant that mines with another encoder (dino or clip). Gates on mined data do not stop this run: its data
    may well be worse, and that is the question."""
    opened = {"gates.recurrence.blocking": False, "gates.tuples.blocking": False}
    return Variant(encoder, f"mined with {encoder.upper()}", {"models.ir": encoder} | opened)


@dataclass(frozen=True)
class Turn:
    """One run to be made. seed: which of the trainings, from 0. quick: shorter in everything."""

    variant: Variant
    seed: int
    quick: bool
    pipeline: str

    @property
    def label(self) -> str:
        """The run's name on the terminal."""
        return f"{self.variant.name}, training {self.seed + 1}" if self.seed else self.variant.name


def request_for(workspace: Workspace, turn: Turn) -> Request:
    """The ordinary run that makes a turn, in its own folder below runs/, whose name has a digest of its identity."""
    values = read_yaml(workspace.params)
    settings = _given(workspace) | _shorter(values, turn.quick) | dict(turn.variant.settings)
    if encoder := settings.get("models.ir"):
        settings["models.ir"] = values["models"].get(encoder, encoder)
    if turn.seed:
        settings["training.seed"] = values["training"]["seed"] + turn.seed
    overrides = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    request = replace(Request.of(workspace), pipeline=turn.pipeline, workspace=None, overrides=overrides)
    words = ["reproduce", turn.variant.name, *(["quick"] if turn.quick else [])]
    return replace(request, workspace=RUNS / "-".join([*words, request.identity(RUNS / "any").digest]))


def _given(workspace: Workspace) -> dict[str, Any]:
    """`section.key` -> value of what the given run sets differently from its profile; paths are relative to here."""
    if workspace.identity.is_file():
        return Request.of(workspace).asked()
    return moved(differs(workspace, Request("full", workspace=None)), workspace.root, Path())


def _shorter(values: Mapping[str, Any], quick: bool) -> dict[str, Any]:
    """Settings that leave out what no question needs: generation is trained for one step, and the model gate, after
    which nothing comes, stops no run. values: the given run's parameters."""
    training, evaluation, batch = values["training"], values["evaluation"], values["training"]["batch"]
    always = {"train_generation.images": batch, "gates.model.blocking": False}
    if not quick:
        return always
    return always | {
        "train_insertion.images": min(values["train_insertion"]["images"], QUICK_STEPS * batch),
        "training.validation_tuples": min(training["validation_tuples"], QUICK_VALIDATION),
        "training.sampling_steps": min(training["sampling_steps"], QUICK_DENOISING),
        "evaluation.steps": min(evaluation["steps"], QUICK_DENOISING),
        "evaluation.limit": min(evaluation["limit"] or QUICK_SAMPLES, QUICK_SAMPLES),
    }
