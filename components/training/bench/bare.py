"""The peer: training as a plain PyTorch script would do it, with the same samples, optimiser and weight average."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from components.common.computing import pick_device
from components.training.data import TrainingSamples
from components.training.module import lr_factor
from components.training.objective import Objective
from components.training.params import Params

Tensors: TypeAlias = tuple[torch.Tensor, ...] | list[torch.Tensor]


@dataclass
class Bare:
    """A training on one device. losses: the samples', a tensor per forward pass. waited: seconds spent on
    getting each optimiser step's batches."""

    unet: Any
    objective: Objective
    samples: TrainingSamples
    params: Params
    checkpoint: Path

    def __post_init__(self) -> None:
        self.losses: list[torch.Tensor] = []
        self.waited: list[float] = []
        self.average = AveragedModel(self.unet, multi_avg_fn=self._move_average, use_buffers=False)

    def _move_average(self, averages: Tensors, weights: Tensors, count: torch.Tensor | int) -> None:
        decay = min(self.params.ema, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averages, weights, 1 - decay)

    def steps(self) -> Iterator[None]:
        """Trains, and pauses after each optimiser step."""
        params, unet, device = self.params, self.unet, pick_device(self.params.device)
        unet.to(device)
        self.average.to(device)
        optimiser = torch.optim.AdamW(unet.parameters(), lr=params.lr, weight_decay=params.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: lr_factor(step * params.batch, params))
        size, workers = params.batch // params.accumulate, params.workers
        batches = iter(DataLoader(self.samples, size, sampler=range(params.images), num_workers=workers))
        for step in range(1, params.steps + 1):
            waited = 0.0
            optimiser.zero_grad()
            for _ in range(params.accumulate):
                start = time.perf_counter()
                batch = {name: tensor.to(device) for name, tensor in next(batches).items()}
                waited += time.perf_counter() - start
                with torch.autocast(device.type, torch.bfloat16, enabled=params.precision == "bf16"):
                    losses_B = self.sample_losses(batch)
                    loss = losses_B.mean() / params.accumulate
                loss.backward()
                self.losses.append(losses_B.detach())
            clip_grad_norm_(unet.parameters(), params.clip)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                self.average.update_parameters(unet)
            if step % max(1, params.checkpoint_every // params.batch) == 0:
                states = (unet, self.average, optimiser, schedule)
                torch.save([each.state_dict() for each in states], self.checkpoint)
            self.waited.append(waited)
            yield

    def sample_losses(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The loss of each sample [B]; the grid and its extra channels are built here independently of `grid`."""
        noised = self.objective(batch["target"], batch["noise"], batch["level"])
        first, second, third = batch["refs"].unbind(1)
        top, bottom = torch.cat([first, second], 3), torch.cat([third, noised.cell_BCHW], 3)
        grid_BCHW = torch.cat([top, bottom], 2)
        high, wide = noised.cell_BCHW.shape[2:]
        if self.params.task == "insertion":
            scene_BCHW = torch.cat([batch["background"], batch["mask"]], 1)
            extra_BCHW = scene_BCHW.new_zeros(len(scene_BCHW), scene_BCHW.shape[1], 2 * high, 2 * wide)
            extra_BCHW[:, :, high:, wide:] = scene_BCHW
            grid_BCHW = torch.cat([grid_BCHW, extra_BCHW], 1)
        grid_BCHW = grid_BCHW.contiguous(memory_format=torch.channels_last)
        predicted_BCHW = self.unet(grid_BCHW, noised.time_B, batch["text"]).sample[:, :, high:, wide:]
        error_BCHW = (predicted_BCHW.float() - noised.answer_BCHW) ** 2
        outside = self.params.outside_weight
        weighted_BCHW = error_BCHW * (outside + (1 - outside) * batch["mask"])
        return weighted_BCHW.mean((1, 2, 3)) * noised.weight_B
