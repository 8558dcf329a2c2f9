"""Objectives agree with the schedulers that sample from them, and the loss uses only the target cell."""

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)

from components.common.errors import UserError
from components.common.stage.params import validate
from components.training.module import GridTraining, lr_factor
from components.training.objective import objective_of
from components.training.params import Insertion, Params

CLEAN, NOISE, LEVEL = torch.randn(4, 4, 2, 2), torch.randn(4, 4, 2, 2), torch.tensor([-2.0, -0.5, 0.5, 2.0])


def test_one_exact_step_of_a_flow_reaches_the_picture() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler()
    noised = objective_of(scheduler, None)(CLEAN, NOISE, LEVEL)
    share = noised.time_B[:, None, None, None] / 1000
    assert torch.allclose(noised.cell_BCHW - share * noised.answer_BCHW, CLEAN, atol=1e-5)
    scheduler.set_timesteps(1)
    landed = scheduler.step(NOISE - CLEAN, scheduler.timesteps[0], NOISE, return_dict=False)[0]
    assert torch.allclose(landed, CLEAN, atol=1e-5)


def picture_flow(shift: float = 4.0) -> DPMSolverMultistepScheduler:
    return DPMSolverMultistepScheduler(prediction_type="sample", use_flow_sigmas=True, flow_shift=shift)


def test_a_flow_that_predicts_pictures_weighs_errors_as_velocities() -> None:
    velocity = objective_of(FlowMatchEulerDiscreteScheduler(shift=4.0), None)(CLEAN, NOISE, LEVEL)
    picture = objective_of(picture_flow(), None)(CLEAN, NOISE, LEVEL)
    assert torch.equal(picture.cell_BCHW, velocity.cell_BCHW) and torch.equal(picture.answer_BCHW, CLEAN)
    share = velocity.time_B[:, None, None, None] / 1000
    guess = torch.randn(CLEAN.shape)
    implied = (picture.cell_BCHW - guess) / share
    errors = [((a - b) ** 2).mean((1, 2, 3)) for a, b in ((implied, velocity.answer_BCHW), (guess, CLEAN))]
    assert torch.allclose(errors[0], errors[1] * picture.weight_B, rtol=1e-3)


def test_training_and_sampling_share_the_shift() -> None:
    level = torch.zeros(1)
    shares = [float(objective_of(picture_flow(s), None)(CLEAN[:1], NOISE[:1], level).time_B) for s in (1.0, 4.0)]
    assert shares == pytest.approx([500, 800])
    scheduler = picture_flow()
    scheduler.set_timesteps(2)
    assert scheduler.timesteps.tolist() == pytest.approx([1000, 800], abs=1)
    landed = scheduler.step(CLEAN, scheduler.timesteps[0], NOISE, return_dict=False)[0]
    assert torch.allclose(landed, 0.2 * CLEAN + 0.8 * NOISE, atol=5e-3)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_diffusion_prediction_recovers_the_picture(kind: str) -> None:
    scheduler = DDIMScheduler(prediction_type=kind)
    noised = objective_of(scheduler, None)(CLEAN, NOISE, LEVEL)
    scheduler.set_timesteps(1000)
    for k, t in enumerate(noised.time_B):
        out = scheduler.step(noised.answer_BCHW[k], int(t), noised.cell_BCHW[k]).pred_original_sample
        assert torch.allclose(out.clamp(-1, 1), CLEAN[k].clamp(-1, 1), atol=1e-3)


def test_min_snr_weights() -> None:
    from diffusers.training_utils import compute_snr

    for kind, extra in (("epsilon", 0.0), ("v_prediction", 1.0)):
        noiser = DDPMScheduler(prediction_type=kind)
        noised = objective_of(noiser, 5.0)(CLEAN, NOISE, LEVEL)
        snr = compute_snr(noiser, noised.time_B)
        assert torch.allclose(noised.weight_B, snr.clamp(max=5) / (snr + extra))
    assert torch.equal(objective_of(DDPMScheduler(), None)(CLEAN, NOISE, LEVEL).weight_B, torch.ones(4))


def test_other_predictions_are_refused() -> None:
    with pytest.raises(UserError, match="training supports flows"):
        objective_of(EulerDiscreteScheduler(prediction_type="sample"), None)


class Flat(torch.nn.Module):
    """Predicts one constant in the target cell and another in the reference cells."""

    def forward(self, cells: torch.Tensor, time: torch.Tensor, text: torch.Tensor, return_dict: bool) -> tuple:
        out = torch.full((cells.shape[0], 4, *cells.shape[2:]), 100.0)
        out[..., cells.shape[2] // 2 :, cells.shape[3] // 2 :] = 1.0
        return (out,)


def test_loss_counts_the_target_cell_and_weights_outside_the_mask() -> None:
    params = Insertion(images=8, batch=4, warmup=0, outside_weight=0.25)
    module = GridTraining(Flat(), objective_of(FlowMatchEulerDiscreteScheduler(), None), params)  # type: ignore[arg-type]
    mask = torch.zeros(4, 1, 2, 2)
    mask[..., 0] = 1
    zero = torch.zeros(4, 4, 2, 2)
    batch = {"target": zero, "noise": zero, "level": LEVEL, "refs": torch.randn(4, 3, 4, 2, 2), "background": zero,
             "mask": mask, "text": torch.zeros(4, 8, 16)}  # fmt: skip
    assert module.sample_losses(batch).tolist() == pytest.approx([(1 + 0.25) / 2] * 4)


def test_learning_rate_warms_up_and_decays() -> None:
    params = Insertion(images=1000, batch=10, warmup=0.1, decay="cosine")
    rates = [lr_factor(images, params) for images in range(0, 1000, 10)]
    assert rates[0] < 0.1 < rates[5] < 1 and max(rates) == rates[10] == 1 and rates[-1] < 0.01
    assert lr_factor(990, Insertion(images=1000, batch=10, warmup=0.1)) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"images": 100, "batch": 16, "warmup": 0}, "images 100 must be a multiple of batch 16"),
        ({"batch": 16, "accumulate": 3}, "batch 16 must be a multiple of accumulate 3"),
        ({"drop_refs": 0.5, "drop_text": 0.4, "drop_both": 0.2}, "must not be above 1"),
        ({"warmup": 2}, "training.warmup = 2: Input should be less than or equal to 1"),
        ({"nodes": 2, "device": "auto"}, "nodes above 1 need device = cpu or cuda"),
        ({"learning_rate": 1}, "unknown parameter 'learning_rate'"),
    ],
)
def test_impossible_parameters_are_named(values: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        validate(Params, values, "params.yaml")
