"""What the UNet learns to predict, read from the base model's scheduler: a flow's velocity, the noise, or v."""

from dataclasses import dataclass
from typing import Protocol

import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, SchedulerMixin
from diffusers.training_utils import compute_snr

from components.common.errors import UserError

FLOW_STEPS = 1000
"""The UNet's time input of a flow is its noise share times this (as `FlowMatchEulerDiscreteScheduler` samples)."""


@dataclass(frozen=True)
class Noised:
    """A noisy target cell, what to predict from it, and how much its loss counts."""

    cell_BCHW: torch.Tensor
    time_B: torch.Tensor  # the UNet's time input, 0..1000
    answer_BCHW: torch.Tensor
    weight_B: torch.Tensor


class Objective(Protocol):
    """level_B: standard normal draws that choose the noise level, one a sample."""

    def __call__(self, clean_BCHW: torch.Tensor, noise_BCHW: torch.Tensor, level_B: torch.Tensor) -> Noised: ...


def objective_of(scheduler: SchedulerMixin, min_snr: float | None) -> Objective:
    """The objective that belongs to a sampler. Raises `UserError` for a prediction type that is not supported."""
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        return rectified_flow
    noiser = DDPMScheduler.from_config(scheduler.config)
    if noiser.config.prediction_type not in ("epsilon", "v_prediction"):
        raise UserError(
            f"the base model predicts {noiser.config.prediction_type!r}: training supports rectified flow, "
            "epsilon and v_prediction"
        )
    return Diffusion(noiser, min_snr)


def rectified_flow(clean_BCHW: torch.Tensor, noise_BCHW: torch.Tensor, level_B: torch.Tensor) -> Noised:
    """Straight paths from picture to noise; noise shares logit-normal (Esser et al. 2024, section 3.1)."""
    share_B = torch.sigmoid(level_B)
    share_B111 = share_B[:, None, None, None]
    return Noised(
        cell_BCHW=(1 - share_B111) * clean_BCHW + share_B111 * noise_BCHW,
        time_B=share_B * FLOW_STEPS,
        answer_BCHW=noise_BCHW - clean_BCHW,
        weight_B=torch.ones_like(share_B),
    )


@dataclass(frozen=True)
class Diffusion:
    """A DDPM's noise or v prediction, uniform timesteps, min-SNR weights if asked for."""

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
        """min(snr, gamma) / snr for epsilon, / (snr + 1) for v, which alone stays finite at zero terminal SNR."""
        if self.min_snr is None:
            return torch.ones_like(time_B, dtype=torch.float32)
        snr_B = compute_snr(self.noiser, time_B)
        return snr_B.clamp(max=self.min_snr) / (snr_B + 1 if velocity else snr_B)
