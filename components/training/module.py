"""The LightningModule: one training step of the grid UNet. It owns only the UNet; frozen parts stay outside, since
weight averaging copies the whole module."""

import math
from typing import Any

import lightning.pytorch as pl
import torch
from diffusers import UNet2DConditionModel

from components.common.diffusion import grid
from components.training.objective import Objective
from components.training.params import Params


class GridTraining(pl.LightningModule):
    """Predicts the target cell of a grid from its noisy version and clean references."""

    def __init__(self, unet: UNet2DConditionModel, objective: Objective, params: Params):
        super().__init__()
        self.unet, self.objective, self.params = unet, objective, params
        self.losses_B: torch.Tensor | None = None
        self.levels_B: torch.Tensor | None = None

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int = 0) -> torch.Tensor:
        """Mean over the samples of each sample's weighted squared error, so that accumulation is exact."""
        losses_B = self.sample_losses(batch)
        self.losses_B, self.levels_B = losses_B.detach(), batch["level"]
        return losses_B.mean()

    def sample_losses(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The loss of each sample [B]: target cell only, with latents outside the mask weighted by `outside_weight`."""
        noised = self.objective(batch["target"], batch["noise"], batch["level"])
        cells_BCHW = grid.assemble(batch["refs"], noised.cell_BCHW)
        if self.params.task == "insertion":
            cells_BCHW = grid.add_scene(cells_BCHW, batch["background"], batch["mask"])
        cells_BCHW = cells_BCHW.contiguous(memory_format=torch.channels_last)
        predicted_BCHW = self.unet(cells_BCHW, noised.time_B, batch["text"], return_dict=False)[0]
        error_BCHW = (grid.target_cell(predicted_BCHW).float() - noised.answer_BCHW) ** 2
        outside = self.params.outside_weight
        weighted_BCHW = error_BCHW * (outside + (1 - outside) * batch["mask"])
        return weighted_BCHW.mean(dim=(1, 2, 3)) * noised.weight_B

    def configure_optimizers(self) -> Any:
        """AdamW with warm-up and optional cosine decay, both counted in optimiser steps."""
        params = self.params
        optimiser = torch.optim.AdamW(self.unet.parameters(), lr=params.lr, weight_decay=params.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: lr_factor(step * params.batch, params))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def lr_factor(images: int, params: Params) -> float:
    """Share of the peak learning rate after `images` images."""
    if images < params.warmup_images:
        return (images + params.batch) / (params.warmup_images + params.batch)
    if params.decay == "none":
        return 1.0
    done = (images - params.warmup_images) / max(params.images - params.warmup_images, 1)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
