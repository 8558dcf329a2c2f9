"""Running the training: Lightning's Trainer with exact resume, weight averaging, a loss curve and a progress line."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
from torch.utils.data import DataLoader

from components.common.computing import pick_device
from components.common.errors import UserError
from components.common.stage.progress import track
from components.training import ranks
from components.training.data import GlobalSampler, TrainingSamples
from components.training.module import GridTraining
from components.training.params import Params

CURVE_POINTS = 100
QUARTILES = 4


def train(
    module: GridTraining,
    samples: TrainingSamples,
    params: Params,
    checkpoints: Path,
    watching: Sequence[Callback] = (),
) -> "LossCurve":
    """Trains `module` to the end, from the last checkpoint below `checkpoints` if there is one.

    watching: callbacks that only observe, called after all others but the one that writes checkpoints. Afterwards the
    module has the averaged weights. If there are several processes, each calls this with the same arguments, and the
    first one writes the checkpoints. Raises `UserError` if the loss stops being finite.
    """
    _quieten()
    last = checkpoints / "last.ckpt"
    done = _checkpoint(last)["global_step"] if last.is_file() else 0
    curve = LossCurve(params)
    every = max(1, params.checkpoint_every // params.batch)
    trainer = pl.Trainer(
        accelerator={"cpu": "cpu", "cuda": "gpu"}[pick_device(params.device).type],
        devices=params.processes,
        num_nodes=params.nodes,
        # Whole models, not sharded ones (FSDP): the weight average is a copy of the whole module.
        strategy="ddp" if ranks.several() else "auto",
        precision="bf16-mixed" if params.precision == "bf16" else "32-true",
        max_steps=params.steps,
        accumulate_grad_batches=params.accumulate,
        gradient_clip_val=params.clip,
        use_distributed_sampler=False,
        callbacks=[
            warm_average(params.ema),
            curve,
            *([ProgressLine(params)] if ranks.rank() == 0 else []),
            *watching,
            ModelCheckpoint(checkpoints, filename="last", every_n_train_steps=every, enable_version_counter=False),
        ],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    batches = loader(samples, params, done * params.batch, ranks.rank(), ranks.world())
    trainer.fit(module, batches, ckpt_path=last if done else None, weights_only=True)
    if done == params.steps:  # with nothing left to train, Lightning returns before it applies the average
        module.load_state_dict(_checkpoint(last)["state_dict"])
    return curve


def loader(samples: TrainingSamples, params: Params, start: int, rank: int = 0, world: int = 1) -> DataLoader:
    """Batches of one device from global sample `start` on; those of all devices add up to `params.batch` images."""
    return DataLoader(
        samples,
        batch_size=params.batch // (params.accumulate * world),
        sampler=GlobalSampler(start, rank, world),
        num_workers=params.workers,
        persistent_workers=params.workers > 0,
    )


def warm_average(cap: float) -> WeightAveraging:
    """An exponential average of the weights, whose decay (1 + n) / (10 + n) grows to `cap`: early weights fade fast."""

    @torch.no_grad()
    def update(averages: list[torch.Tensor], weights: list[torch.Tensor], count: torch.Tensor | int) -> None:
        decay = min(cap, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averages, weights, 1 - decay)

    return WeightAveraging(use_buffers=False, multi_avg_fn=update)


class LossCurve(Callback):
    """Mean loss over time, and by quartile of the noise level; kept in checkpoints, so that resuming loses nothing."""

    def __init__(self, params: Params):
        self.params = params
        self.every = max(1, params.steps // CURVE_POINTS)
        self.points: list[dict[str, float]] = []
        self._losses: list[torch.Tensor] = []
        self._levels: list[torch.Tensor] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        assert isinstance(module, GridTraining) and module.losses_B is not None and module.levels_B is not None
        # Gathered immediately, since a checkpoint stores one process's values only.
        self._losses.append(ranks.gathered(module.losses_B))
        self._levels.append(ranks.gathered(module.levels_B))
        if trainer.global_step % self.every == 0 and len(self._losses) >= self.params.accumulate:
            self._close(trainer.global_step)

    def _close(self, step: int) -> None:
        losses, levels = torch.cat(self._losses), torch.cat(self._levels)
        images = step * self.params.batch
        if not losses.isfinite().all():
            raise UserError(
                f"training: the loss is not finite after {images} images: "
                "lower lr, lengthen warmup or use precision fp32"
            )
        point = {"images": images, "loss": round(float(losses.mean()), 5)}
        quartile_B = (torch.special.ndtr(levels) * QUARTILES).long().clamp(0, QUARTILES - 1)
        for k in range(QUARTILES):
            chosen = losses[quartile_B == k]
            if len(chosen):
                point[f"loss_t{k + 1}"] = round(float(chosen.mean()), 5)
        self.points.append(point)
        self._losses, self._levels = [], []

    def state_dict(self) -> dict[str, Any]:
        return {"points": self.points, "losses": self._losses, "levels": self._levels}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.points, self._losses, self._levels = (state_dict[key] for key in ("points", "losses", "levels"))


class ProgressLine(Callback):
    """The project's own progress display, one tick per optimiser step."""

    def __init__(self, params: Params):
        self.params = params
        self._ticks: Iterator[int] = iter(())
        self._step = 0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._step = trainer.global_step
        steps = range(self._step, self.params.steps)
        self._ticks = track(steps, f"training {self.params.task} (steps of {self.params.batch} images)")
        next(self._ticks, None)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step > self._step:
            self._step = trainer.global_step
            next(self._ticks, None)


def _checkpoint(path: Path) -> dict[str, Any]:
    return torch.load(path, map_location="cpu", weights_only=True)


def _quieten() -> None:
    """Lightning's advice is for people who write training scripts; it is noise to those who run this one."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
