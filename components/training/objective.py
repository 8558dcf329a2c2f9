"""What the UNet learns to predict, given the base model's scheduler: a flow's velocity or picture, noise, or v."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, SchedulerMixin
from diffusers.training_utils import compute_snr

from components.common.errors import UserError

FLOW_STEPS = 1000
"""For a flow, the UNet's time input is the noise share times this (as `FlowMatchEulerDiscreteScheduler` samples)."""
LEAST_SHARE = 0.1
"""Below this noise share, the weight of picture predictions stops growing: there is no visible noise left to remove."""


@dataclass(frozen=True)
class Noised:
    """A noisy target cell, what to predict from it, and how much its loss counts."""

    cell_BCHW: torch.Tensor
    time_B: torch.Tensor  # the UNet's time input, 0..1000
    answer_BCHW: torch.Tensor
    weight_B: torch.Tensor


class Objective(Protocol):
    """level_B: standard normal draws that choose the noise level, one per sample."""

    def __call__(self, clean_BCHW: torch.Tensor, noise_BCHW: torch.Tensor, level_B: torch.Tensor) -> Noised: ...


def objective_of(scheduler: SchedulerMixin, min_snr: float | None) -> Objective:
    """The objective that matches a sampler. Raises `UserError` for an unsupported prediction type."""
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        return Flow(scheduler.config.shift, predicts_picture=False)
    kind = scheduler.config.prediction_type
    if scheduler.config.get("use_flow_sigmas") and kind in ("sample", "flow_prediction"):
        return Flow(scheduler.config.flow_shift, predicts_picture=kind == "sample")
    if kind not in ("epsilon", "v_prediction"):
        raise UserError(
            f"the base model predicts {kind!r}: training supports flows that predict velocity or picture, epsilon and "
            "v_prediction"
        )
    return Diffusion(DDPMScheduler.from_config(scheduler.config), min_snr)


@dataclass(frozen=True)
class Flow:
    """Straight paths from picture to noise. The noise shares are logit-normal and shifted by the sampler's own shift,
    as the sampler's steps are (Esser et al. 2024, sections 3.1 and 5.3.2).

    predicts_picture: the UNet predicts the clean picture, which small UNets learn much sooner than the velocity (Li and
    He 2025, arXiv 2511.13720); errors are weighted as the velocity's would be.
    """

    shift: float
    predicts_picture: bool

    def __call__(self, clean_BCHW: torch.Tensor, noise_BCHW: torch.Tensor, level_B: torch.Tensor) -> Noised:
        share_B = torch.sigmoid(level_B + math.log(self.shift))
        share_B111 = share_B[:, None, None, None]
        weight_B = share_B.clamp(min=LEAST_SHARE) ** -2 if self.predicts_picture else torch.ones_like(share_B)
        return Noised(
            cell_BCHW=(1 - share_B111) * clean_BCHW + share_B111 * noise_BCHW,
            time_B=share_B * FLOW_STEPS,
            answer_BCHW=clean_BCHW if self.predicts_picture else noise_BCHW - clean_BCHW,
            weight_B=weight_B,
        )


@dataclass(frozen=True)
class Diffusion:
    """A DDPM's noise or v prediction, with uniform timesteps and optional min-SNR weights."""

    noiser: DDPMScheduler
    min_snr: float | None

    def __call__(self, clean_BCHW: torch.Tensor, noise_BCHW: torch.Tensor, level_B: torch.Tensor) -> Noised:
        steps = self.noiser.config.num_train_timesteps
        # The normal distribution's own CDF turns the shared draw into a uniform one.
        time_B = (torch.special.ndtr(level_B) * steps).long().clamp(0, steps - 1)
        velocity = self.noiser.config.prediction_type == "v_prediction"
        return Noised(
            cell_BCHW=self.noiser.add_noise(clean_BCHW, noise_BCHW, time_B),
            time_B=time_B,
            answer_BCHW=self.noiser.get_velocity(clean_BCHW, noise_BCHW, time_B) if velocity else noise_BCHW,
            weight_B=self._weights(time_B, velocity),
        )

    def _weights(self, time_B: torch.Tensor, velocity: bool) -> torch.Tensor:
        """min(snr, gamma) / snr for epsilon, / (snr + 1) for v; only the latter is finite at zero terminal SNR."""
        if self.min_snr is None:
            return torch.ones_like(time_B, dtype=torch.float32)
        snr_B = compute_snr(self.noiser, time_B)
        return snr_B.clamp(max=self.min_snr) / (snr_B + 1 if velocity else snr_B)
