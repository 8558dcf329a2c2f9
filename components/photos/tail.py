"""The tail: the network's last blocks, fine-tuned together with the head.

Of five blocks and the layer after them, only the 1x1 convolutions learn, for 60 small steps: BatchNorm stays as it
was and is folded into them, kernels over neighbours stay too. For look-alike groceries that it had not seen, the recall
of pairs at precision 0.8 rose from 0.57 to 0.62 in the folds of the committed card, and by 0.073 (95 %: 0.052 to 0.094)
in trials of the same recipe with other draws, over three assignments to four folds.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, normalize

from components.common.data.seeds import torch_generator
from components.common.stage.progress import track
from components.common.vision.lite import BATCH_NORM_EPS
from components.photos.head import contrast
from components.photos.recipe import Recipe, TailParams

FIRST = 16
"""The first tuned block of Lite2. From here to the end every stride is 1."""
TOP = ("encoder.top_conv", "encoder.top_bn")


class Depthwise(torch.autograd.Function):
    """A fixed odd kernel over each channel, stride 1. The gradient is the convolution with the flipped kernel, which
    takes a fraction of the general one's time."""

    @staticmethod
    def forward(ctx: Any, x_BCHW: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(weight)
        return conv2d(x_BCHW, weight, bias, padding=weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (weight,) = ctx.saved_tensors
        flipped, side = weight.flip(2, 3), weight.shape[-1]
        channels_last = gradient.contiguous(memory_format=torch.channels_last)
        return conv2d(channels_last, flipped, padding=side // 2, groups=len(weight)), None, None


class Pointwise(nn.Module):
    """A 1x1 convolution that learns, with the BatchNorm after it folded in; channels last. `name` is its tensor's."""

    scale: Tensor
    bias: Tensor

    def __init__(self, tensors: Mapping[str, Tensor], conv: str, norm: str):
        super().__init__()
        self.name = f"{conv}.weight"
        scale, bias = _scale_and_bias(tensors, norm)
        self.weight = nn.Parameter(tensors[self.name][:, :, 0, 0].float() * scale[:, None])
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        return linear(x_BHWC, self.weight, self.bias)

    def unfolded(self) -> Tensor:
        """The weight as the network has it, before its BatchNorm: [out, in, 1, 1]."""
        return (self.weight.detach() / self.scale[:, None])[:, :, None, None]


class Block(nn.Module):
    """An inverted bottleneck of stride 1, without squeeze-and-excitation; channels last."""

    kernel: Tensor
    bias: Tensor

    def __init__(self, tensors: Mapping[str, Tensor], name: str):
        super().__init__()
        self.expand = Pointwise(tensors, f"{name}.expansion.expand_conv", f"{name}.expansion.expand_bn")
        self.project = Pointwise(tensors, f"{name}.projection.project_conv", f"{name}.projection.project_bn")
        scale, bias = _scale_and_bias(tensors, f"{name}.depthwise_conv.depthwise_norm")
        kernel = tensors[f"{name}.depthwise_conv.depthwise_conv.weight"] * scale[:, None, None, None]
        self.register_buffer("kernel", kernel)
        self.register_buffer("bias", bias)
        self.skip = self.expand.weight.shape[1] == self.project.weight.shape[0]

    def forward(self, x_BHWC: Tensor) -> Tensor:
        wide_BCHW = self.expand(x_BHWC).clamp(0, 6).permute(0, 3, 1, 2)
        mixed_BHWC = Depthwise.apply(wide_BCHW, self.kernel, self.bias).clamp(0, 6).permute(0, 2, 3, 1)
        narrow_BHWC = self.project(mixed_BHWC)
        return x_BHWC + narrow_BHWC if self.skip else narrow_BHWC


class Tail(nn.Module):
    """The blocks from `first` on and the layer after them, up to unit features.

    tensors: the network's, by the names of transformers' `EfficientNetModel`.
    """

    def __init__(self, tensors: Mapping[str, Tensor], first: int = FIRST):
        super().__init__()
        names = {".".join(name.split(".")[:3]) for name in tensors if name.startswith("encoder.blocks.")}
        numbers = sorted(int(name.split(".")[2]) for name in names)
        blocks = (Block(tensors, f"encoder.blocks.{number}") for number in numbers if number >= first)
        self.layers = nn.Sequential(*blocks, Pointwise(tensors, *TOP))

    def forward(self, inside_BCHW: Tensor) -> Tensor:
        """Unit features [B, D] of the first block's input."""
        top_BHWC = self.layers(inside_BCHW.permute(0, 2, 3, 1).contiguous()).clamp(0, 6)
        return normalize(top_BHWC.flatten(1, 2).mean(1), dim=1)

    def tensors(self) -> dict[str, Tensor]:
        """The weights that learn, as they are stored: float16, by transformers' names, before BatchNorm."""
        return {
            part.name: part.unfolded().half().contiguous() for part in self.modules() if isinstance(part, Pointwise)
        }


def _scale_and_bias(tensors: Mapping[str, Tensor], norm: str) -> tuple[Tensor, Tensor]:
    """The scale and offset that a fixed BatchNorm applies to each channel."""
    weight, bias, mean, variance = (
        tensors[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / torch.sqrt(variance + BATCH_NORM_EPS)
    return scale, bias - mean * scale


@torch.inference_mode()
def tail_features(tail: Tail, inside_NVCHW: np.ndarray, batch: int) -> np.ndarray:
    """Unit features, float32 [N, V, D], of the inputs of the tail's first block, `batch` views at a time."""
    flat = inside_NVCHW.reshape(-1, *inside_NVCHW.shape[2:])
    starts = track(range(0, len(flat), batch), f"times {batch} views through the tail")
    features = [tail(torch.from_numpy(flat[start : start + batch]).float()) for start in starts]
    return torch.cat(features).numpy().reshape(*inside_NVCHW.shape[:2], -1)


def tuned(
    tensors: Mapping[str, Tensor],
    trained_KD: np.ndarray,
    inside_NVCHW: np.ndarray,
    subjects: list[str],
    recipe: Recipe,
    first: int = FIRST,
) -> dict[str, Tensor]:
    """The tail's 1x1 convolutions after joint steps with a trained head's dimensions [K, D], as they are stored.

    tensors: the whole network's. inside: inputs of the tail's first block, of N crops in V views. subjects: the product
    of each crop.
    """
    params, head = recipe.tail, recipe.head
    tail = Tail(tensors, first)
    top = nn.Linear(trained_KD.shape[1], trained_KD.shape[0], bias=False)
    top.weight.data.copy_(torch.from_numpy(trained_KD))
    optimiser = torch.optim.AdamW(
        [
            {"params": list(tail.parameters()), "lr": params.lr, "weight_decay": 0.0},
            {"params": list(top.parameters()), "lr": params.head_lr, "weight_decay": head.weight_decay},
        ]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _rise_and_fall(params))
    codes = torch.from_numpy(np.unique(subjects, return_inverse=True)[1].astype(np.int64))
    inside = torch.from_numpy(inside_NVCHW)
    generator = torch_generator(recipe.seed, "tail")
    for _ in track(range(params.steps), "steps of the tail"):
        crops = torch.randint(len(inside), (params.batch,), generator=generator)
        views = torch.randint(inside.shape[1], (params.batch,), generator=generator)
        features = tail(inside[crops, views].float())
        dropout = torch.bernoulli(torch.full_like(features, 1 - head.drop), generator=generator) / (1 - head.drop)
        loss = contrast(top(features * dropout), codes[crops], head.temperature)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return tail.tensors()


def _rise_and_fall(params: TailParams) -> Callable[[int], float]:
    """Step -> share of the peak learning rate."""
    return lambda step: min((step + 1) / params.warm, 1) * (1 - step / params.steps)
