"""Our training loop against a bare one: they take turns, so that other work on the machine slows both.

Both train on the same samples, and a block of ours is followed by a block of the bare loop. The first block of each
warms up and does not count. Their losses and averaged weights must be equal bit for bit, or there is no ratio.
"""

import copy
import statistics
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import default_collate
from torch.utils.flop_counter import FlopCounterMode

from components.common.computing import pick_device, pinned_threads
from components.common.data.reading import Dataset
from components.common.errors import StageFailed, UserError
from components.common.peak import Peak, matrix_peak
from components.training.bench.bare import Bare
from components.training.data import Latents, TrainingSamples
from components.training.loop import train
from components.training.module import GridTraining
from components.training.objective import objective_of
from components.training.params import Params
from components.training.stage import check, load_pipeline

FORMATS = {"fp32": "float32", "bf16": "bfloat16"}


@dataclass(frozen=True)
class Row:
    """One task. pairs: seconds of a block of `block` optimiser steps, ours and the bare loop's after it.

    ratio: our throughput / the bare loop's, the median over pairs; low, high: its quartiles. waiting: median share of a
    step between the end of one batch and the start of the next (for the bare loop, in which it gets its batches).
    flops: of a step on the device's matrices, forward and backward. peak_share: `flops` / seconds / `peak.flops`.
    starting: seconds from the call to the first batch, which a training pays once.
    """

    task: str
    device: str
    threads: int
    precision: str
    batch: int
    block: int
    pairs: list[tuple[float, float]]
    images_per_second: float
    bare_images_per_second: float
    ratio: float
    low: float
    high: float
    waiting: float
    bare_waiting: float
    flops: float
    peak: Peak
    peak_share: float
    bare_peak_share: float
    starting: float


def bench(latents: Path, params: Params, blocks: int, block: int) -> Row:
    """Trains `blocks` blocks of `block` optimiser steps with each loop, on a run's latents.

    Raises `UserError` for too few blocks or a training in several processes, and `StageFailed` if the two loops do not
    compute the same.
    """
    if blocks < 3 or block < 1:
        raise UserError("use --blocks of at least 3, since the first does not count, and --steps of at least 1")
    if params.world > 1:
        raise UserError("the bare loop is one process: set training.nodes and training.processes to 1")
    params = type(params)(**(params.model_dump() | {"images": blocks * block * params.batch}))
    with pinned_threads(params), tempfile.TemporaryDirectory() as folder:
        turns = _take_turns(Dataset(latents), params, block, Path(folder))
        return _row(turns, params, matrix_peak(turns.device.type, [FORMATS[params.precision]]))


class Turns(Callback):
    """Watches Lightning train, and lets the bare loop train a block after each block of ours."""

    def __init__(self, bare: Bare, block: int, device: torch.device):
        self.bare, self.block, self.device = bare, block, device
        self.losses: list[torch.Tensor] = []
        self.pairs: list[tuple[float, float]] = []
        self.waited: list[float] = []
        self.starting = -time.perf_counter()
        self._bare_steps = bare.steps()
        self._since = self._batch_ended = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.starting += time.perf_counter()
        self._since = self._batch_ended = time.perf_counter()

    def on_train_batch_start(self, *_: Any) -> None:
        self.waited.append(time.perf_counter() - self._batch_ended)

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        assert isinstance(module, GridTraining) and module.losses_B is not None
        self.losses.append(module.losses_B)
        if len(self.losses) % (self.block * module.params.accumulate) == 0:
            ours = self._now() - self._since
            begun = time.perf_counter()
            list(islice(self._bare_steps, self.block))
            self.pairs.append((ours, self._now() - begun))
            self._since = time.perf_counter()
        self._batch_ended = time.perf_counter()

    def _now(self) -> float:
        """The time at which the device has finished its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def _take_turns(latents: Dataset, params: Params, block: int, folder: Path) -> Turns:
    check(latents, params)
    pipeline = load_pipeline(latents, params)
    samples = TrainingSamples(Latents(latents, "train"), pipeline.encode_text([""])[0].cpu(), params)
    objective = objective_of(pipeline.scheduler, params.min_snr)
    bare = Bare(copy.deepcopy(pipeline.unet), objective, samples, params, folder / "bare.pt")
    module = GridTraining(pipeline.unet, objective, params)
    turns = Turns(bare, block, pick_device(params.device))
    train(module, samples, params, folder, [turns])
    _refuse_other_work(turns, module)
    return turns


def _refuse_other_work(turns: Turns, module: GridTraining) -> None:
    """Raises `StageFailed` if a loss or an averaged weight of the two loops differs in a single bit."""
    params, pairs = module.params, zip(turns.losses, turns.bare.losses, strict=True)
    if other := [at for at, (ours, theirs) in enumerate(pairs) if not torch.equal(ours, theirs)]:
        step = other[0] // params.accumulate + 1
        raise StageFailed(f"the losses of the two loops differ from step {step} on, so their speeds say nothing")
    ours, theirs = module.unet.state_dict(), turns.bare.average.module.state_dict()
    if other := [name for name in ours if not torch.equal(ours[name].cpu(), theirs[name].cpu())]:
        raise StageFailed(f"the averages of {other[0]} differ in the two loops, so their speeds say nothing")


def _row(turns: Turns, params: Params, peak: Peak) -> Row:
    pairs = turns.pairs[1:]
    ours, theirs = (statistics.median(seconds) / turns.block for seconds in zip(*pairs, strict=True))
    low, ratio, high = statistics.quantiles((bare / own for own, bare in pairs), method="inclusive")
    warm, flops = turns.block * params.accumulate, _step_flops(turns.bare)
    return Row(
        task=params.task,
        device=torch.cuda.get_device_name() if turns.device.type == "cuda" else "cpu",
        threads=torch.get_num_threads(),
        precision=params.precision,
        batch=params.batch,
        block=turns.block,
        pairs=pairs,
        images_per_second=params.batch / ours,
        bare_images_per_second=params.batch / theirs,
        ratio=ratio,
        low=low,
        high=high,
        waiting=params.accumulate * statistics.median(turns.waited[warm:]) / ours,
        bare_waiting=statistics.median(turns.bare.waited[turns.block :]) / theirs,
        flops=flops,
        peak=peak,
        peak_share=flops / ours / peak.flops,
        bare_peak_share=flops / theirs / peak.flops,
        starting=turns.starting,
    )


def _step_flops(bare: Bare) -> float:
    """FLOP of an optimiser step's products and convolutions, forward and backward, as torch counts them."""
    device, params = pick_device(bare.params.device), bare.params
    batch = default_collate([bare.samples[index] for index in range(params.batch // params.accumulate)])
    # Attention is counted as matrix products, since torch cannot count a CPU's fused kernel.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        bare.sample_losses({name: tensor.to(device) for name, tensor in batch.items()}).mean().backward()
    return float(counter.get_total_flops() * params.accumulate)
