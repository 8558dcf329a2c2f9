"""The remover: a small UNet that corrects OpenCV's fill, trained on renders with and without each product.

It learns on exactly what the removal stage will show it, so both call the functions of `components.removal`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DModel
from torch import Tensor
from torch.nn.functional import avg_pool2d

from components.common.data.seeds import numpy_rng
from components.common.vision.geometry import Box
from components.removal.areas import Areas, Framing
from components.removal.classical import classical_fill
from components.removal.residual import IN_CHANNELS, OUT_CHANNELS, corrected, network_input
from components.sandbox.training.course import Course
from components.sandbox.training.crops import read_rgb, rendered
from components.sandbox.training.fit import fit, on_cpu

FRAMING = Framing(mask_scale=1.12, mask_margin=3, allowed_scale=1.7, window_scale=2.5, size=128)
WIDTHS = (32, 56, 80, 80)
BATCH, STEPS = 16, 1200
BOX_JITTER = 0.06  # of a side: a detector's boxes are not exact
SHADOW = 10 / 255  # a pixel outside the box that the product changes by more than this is its shadow or reflection
SHADOW_WEIGHT, CALM_WEIGHT = 4.0, 0.5  # in the loss; erased pixels weigh 1
ABOUT = (
    "Takes a product out of a photograph: adds a residual to OpenCV's Telea fill of the erased box, and to the shadow "
    "around it. Input and output are folded by space-to-depth(2); see `components.removal.residual`."
)


@dataclass(frozen=True)
class Removal:
    """A product to remove: photograph and true plate (uint8 [S, S, 3]), the product's box, px, and its design."""

    photo: np.ndarray
    plate: np.ndarray
    box: Box
    design: str


def read_removals(folder: Path) -> list[Removal]:
    """All products of a rendered split with their clean plates, near-duplicates left out.

    Raises `UserError` if rendering has not finished.
    """
    coco = rendered(folder)
    photos = {image["id"]: read_rgb(folder / image["file_name"]) for image in coco["images"]}
    return [
        Removal(photos[a["image_id"]], read_rgb(folder / a["plate"]), Box(*a["bbox"]), a["design"])
        for a in coco["annotations"]
    ]


def train(world: Path, course: Course) -> dict[str, float]:
    """Trains on the split `world`; returns losses and held-out errors (1/255)."""
    seed = course.seed
    removals = read_removals(world)
    torch.manual_seed(seed)
    unet = blank_unet()

    def loss_at(step: int) -> Tensor:
        rng = numpy_rng(seed, "remover", step)
        picks = rng.choice(len(removals), min(BATCH, len(removals)), replace=False)
        inputs, targets = zip(*(_sample(removals[k], rng) for k in picks), strict=True)
        return removal_loss(unet, *(torch.stack(pictures).to(unet.device) for pictures in (inputs, targets)))

    losses = fit(unet, loss_at, course.steps or STEPS, lr=1.5e-3, description="train remover", weight_decay=0.01)
    unet.half().save_pretrained(course.out)
    (course.out / "diffusion_pytorch_model.safetensors").chmod(0o644)
    metrics = measure(course.out, course.held_out)
    facts = {
        "trained on": f"{len(removals)} products with and without (split `pretrain`)",
        "loss": f"weighted L1 at two scales; shadow pixels weigh {SHADOW_WEIGHT:g}",
        "steps, batch, seed": f"{len(losses)}, {BATCH}, {seed}",
        "parameters": f"{sum(p.numel() for p in unet.parameters()) / 1e6:.2f} M, stored as fp16",
        "errors": "mean absolute, in 1/255; box: the erased rectangle; shadow: other pixels changed by > 10; "
        "calm: the rest of the photograph (renders differ by noise there)",
    }
    return course.finished("Remover for rendered products", ABOUT, facts, metrics, losses)


def blank_unet() -> Any:
    """A UNet whose last layer is zero: untrained, it returns Telea's fill."""
    unet: Any = UNet2DModel(
        sample_size=FRAMING.size // 2,
        in_channels=IN_CHANNELS,
        out_channels=OUT_CHANNELS,
        block_out_channels=WIDTHS,
        layers_per_block=1,
        down_block_types=("DownBlock2D",) * len(WIDTHS),
        up_block_types=("UpBlock2D",) * len(WIDTHS),
        norm_num_groups=8,
        attention_head_dim=16,
    )
    torch.nn.init.zeros_(unet.conv_out.weight)
    torch.nn.init.zeros_(unet.conv_out.bias)
    return unet


def _sample(removal: Removal, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Network input [8, S, S] and true plate [3, S, S] (-1..1), randomly mirrored, relit and with an inexact box."""
    photo, plate = (picture.astype(np.float32) / 255 for picture in (removal.photo, removal.plate))
    box = _jittered(removal.box, rng)
    areas = FRAMING.areas(box, photo.shape[1], photo.shape[0])
    filled = classical_fill(photo, areas.erased_HW)
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.92, 1.08, 3).astype(np.float32)
    photo, plate, filled = (np.clip(picture * gain, 0, 1) for picture in (photo, plate, filled))
    inputs, target = network_input(photo, filled, areas), torch.from_numpy(2 * plate - 1).permute(2, 0, 1).float()
    return (inputs.flip(2), target.flip(2)) if rng.random() < 0.5 else (inputs, target)


def _jittered(box: Box, rng: np.random.Generator) -> Box:
    dx, dy, dw, dh = rng.uniform(-BOX_JITTER, BOX_JITTER, 4)
    return Box(box.x + dx * box.w, box.y + dy * box.h, box.w * (1 + dw), box.h * (1 + dh))


def removal_loss(unet: Any, inputs_BCHW: Tensor, plates_BCHW: Tensor) -> Tensor:
    """Weighted mean absolute error over the area that may change, at full and at a quarter of the resolution."""
    photo, erased, weight = inputs_BCHW[:, :3], inputs_BCHW[:, 6:7], inputs_BCHW[:, 7:8]
    shadow = ((photo - plates_BCHW).abs().mean(1, keepdim=True) > 2 * SHADOW).float()
    importance = weight * (erased + (1 - erased) * (CALM_WEIGHT + (SHADOW_WEIGHT - CALM_WEIGHT) * shadow))
    error = corrected(unet, inputs_BCHW) - plates_BCHW
    fine = (importance * error.abs()).mean()
    coarse = (avg_pool2d(importance, 4) * avg_pool2d(error, 4).abs()).mean()
    return (fine + coarse) / importance.mean()


@on_cpu
def measure(folder: Path, splits: Sequence[Path]) -> dict[str, float]:
    """Errors of the stored remover and of plain Telea on all products of the splits, mean |error| in 1/255."""
    rows, _ = errors(folder, splits)
    metrics = {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}
    wins = np.mean([row["box_error"] < row["telea_box_error"] for row in rows])
    return metrics | {"telea_over_remover": metrics["telea_box_error"] / metrics["box_error"], "win_share": float(wins)}


def errors(folder: Path, splits: Sequence[Path]) -> tuple[list[dict[str, float]], list[str]]:
    """The errors of each removal (1/255; NaN where a product casts no shadow), and the design of its product."""
    unet = UNet2DModel.from_pretrained(folder, dtype=torch.float32, low_cpu_mem_usage=False).eval()
    removals = [removal for split in splits for removal in read_removals(split)]
    return [_errors(unet, removal) for removal in removals], [removal.design for removal in removals]


@torch.inference_mode()
def _errors(unet: Any, removal: Removal) -> dict[str, float]:
    photo, plate = (picture.astype(np.float32) / 255 for picture in (removal.photo, removal.plate))
    areas = FRAMING.areas(removal.box, photo.shape[1], photo.shape[0])
    filled = classical_fill(photo, areas.erased_HW)
    clean = corrected(unet, network_input(photo, filled, areas)[None])[0].permute(1, 2, 0).numpy() / 2 + 0.5
    return _error_rows("", clean, photo, plate, areas) | _error_rows("telea_", filled, photo, plate, areas)


def _error_rows(name: str, result: np.ndarray, photo: np.ndarray, plate: np.ndarray, areas: Areas) -> dict[str, float]:
    """Mean error (1/255) in the erased box, on shadow pixels outside it and elsewhere; NaN where there are none."""
    error = 255 * np.abs(np.clip(result, 0, 1) - plate).mean(2)
    shadow = (np.abs(photo - plate).mean(2) > SHADOW) & ~areas.erased_HW
    calm = ~shadow & ~areas.erased_HW
    places = {"box_error": areas.erased_HW, "shadow_error": shadow, "calm_error": calm}
    return {name + place: float(error[area].mean()) if area.any() else np.nan for place, area in places.items()}
