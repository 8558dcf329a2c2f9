"""The optimisation loop and the storage that all tiny models share."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from components.common.data.seeds import derive
from components.common.stage.progress import track

WARMUP = 0.05
LOG_EVERY = 100
log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def draws(seed: int, *keys: int | str) -> torch.Generator:
    """A generator for (seed, keys) on the default device, which is where tensors are made and models are trained."""
    return torch.Generator(torch.get_default_device()).manual_seed(derive(seed, *keys))


def on_cpu(function: Callable[P, R]) -> Callable[P, R]:
    """The function with the CPU as its default device, since stages use the stored models there."""

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with torch.device("cpu"):
            return function(*args, **kwargs)

    return called


def fit(
    model: nn.Module,
    loss_at: Callable[[int], Tensor],
    steps: int,
    lr: float,
    description: str,
    weight_decay: float = 0.05,
    clip: float = 1.0,
) -> list[float]:
    """Minimises `loss_at(step)` over the model's parameters by AdamW, warm-up and cosine to zero; returns the losses.

    The model is left in evaluation mode.
    """
    model.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    on_gpu = next(model.parameters()).is_cuda
    optimiser = torch.optim.AdamW(groups, lr=lr, fused=on_gpu)  # one launch per step, not hundreds
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    losses: list[Tensor] = []
    for step in track(range(steps), description):
        loss = loss_at(step)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimiser.step()
        schedule.step()
        losses.append(loss.detach())  # read later, so that a GPU need not wait for Python
        if (step + 1) % LOG_EVERY == 0:
            log.info("%s: step %d, loss %.3f", description, step + 1, float(torch.stack(losses[-LOG_EVERY:]).mean()))
    model.eval()
    return torch.stack(losses).tolist()


def _rate(step: int, steps: int) -> float:
    """Share of the full learning rate: a linear rise over the first 5 %, then half a cosine."""
    warm = max(1, round(steps * WARMUP))
    return (step + 1) / warm if step < warm else (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))) / 2


def save_half(model: PreTrainedModel, folder: Path) -> None:
    """Stores a model with 16-bit weights and a configuration that loads them as 32-bit."""
    halves = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    for name in model.config.sub_configs:  # each tower may be loaded alone
        getattr(model.config, name).dtype = "float32"
    model.save_pretrained(folder, state_dict={name: value.contiguous() for name, value in halves.items()})
    (folder / "model.safetensors").chmod(0o644)


CARD = """# {title}

{about}

| | |
| --- | --- |
{rows}

Measured on the packaged splits `corpus` and `benchmark`, none of whose designs the model has seen:

| what | value |
| --- | --- |
{measured}

Made by `objectmate sandbox train`. Licence: Apache-2.0; the training pictures are rendered (CC0-1.0).
"""


def write_card(folder: Path, title: str, about: str, facts: Mapping[str, object], metrics: Mapping[str, float]) -> None:
    """Writes the model card: what the model is, how it was made and how it measured."""
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    measured = "\n".join(f"| {name} | {value:.3f} |" for name, value in metrics.items())
    text = CARD.format(title=title, about=about, rows=rows, measured=measured)
    (folder / "README.md").write_text(text, encoding="utf-8")


def ends(losses: Sequence[float]) -> dict[str, float]:
    """The loss at the beginning and at the end of training, each the mean of ten steps (of half, if there are few)."""
    span = min(10, max(1, len(losses) // 2))
    return {"first_loss": sum(losses[:span]) / span, "last_loss": sum(losses[-span:]) / span}
