"""A self-supervised encoder: two looks at one window agree, looks at others do not. It never sees a label."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Dinov2Config, Dinov2Model

from components.common.data.seeds import numpy_rng
from components.sandbox.training.course import Course
from components.sandbox.training.crops import Augmentation, held_out, read_split, sample, windows
from components.sandbox.training.fit import draws, fit, save_half
from components.sandbox.training.train_ir import SIZE, measure, processor

PATCH, HIDDEN, PROJECTION = 8, 128, 96
BATCH, STEPS = 96, 600
TEMPERATURE = 0.15
LOOKS = Augmentation(scale=(0.75, 1.4), padded=0.4, shift=0.12, turn=12, gain=0.14, saturation=0.15, cutout=0.3)
ABOUT = (
    f"Embeds a {SIZE} px crop as the class token after the last norm. Trained by agreement of two augmented looks "
    "(no labels, no captions), so that it judges products by other habits than the retrieval encoders."
)


def train(world: Path, course: Course) -> dict[str, float]:
    """Trains on the split `world`; returns losses and held-out figures."""
    seed = course.seed
    data = read_split(world)
    source = windows(data, reach=1.9, size=88)
    torch.manual_seed(seed)
    model = Dinov2Model(_config())
    head = nn.Sequential(nn.Linear(HIDDEN, 2 * HIDDEN), nn.GELU(), nn.Linear(2 * HIDDEN, PROJECTION))

    def loss_at(step: int) -> Tensor:
        picks = torch.as_tensor(numpy_rng(seed, "dino", "batch", step).permutation(len(data.products))[:BATCH])
        generator = draws(seed, "dino", step)
        looks = torch.cat([sample(source[picks], SIZE, LOOKS, generator) for _ in range(2)])
        return agreement(head(model(pixel_values=looks).last_hidden_state[:, 0]))

    losses = fit(nn.ModuleList([model, head]), loss_at, course.steps or STEPS, lr=1e-3, description="train dino")
    save_half(model, course.out)
    processor().save_pretrained(course.out)
    metrics = measure(course.out, held_out(course.held_out))
    facts = {
        "trained on": f"{len(data.products)} windows without labels (split `pretrain`)",
        "loss": f"two looks at one window among {BATCH} (NT-Xent), temperature {TEMPERATURE}",
        "steps, seed": f"{len(losses)}, {seed}",
        "parameters": f"{model.num_parameters() / 1e6:.2f} M",
    }
    title = "Self-supervised look at rendered products (dino)"
    return course.finished(title, ABOUT, facts, metrics, losses)


def _config() -> Dinov2Config:
    return Dinov2Config(
        image_size=SIZE, patch_size=PATCH, hidden_size=HIDDEN, num_hidden_layers=4, num_attention_heads=4, mlp_ratio=2,
        use_mask_token=False,
    )  # fmt: skip


def agreement(projected_2BD: Tensor) -> Tensor:
    """Cross-entropy of picking a look's twin among all other looks (Chen et al. 2020, NT-Xent); a scalar.

    projected_2BD: the first looks at B windows, then the second looks at the same windows.
    """
    unit = F.normalize(projected_2BD, dim=1)
    count = len(unit) // 2
    logits = (unit @ unit.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, torch.arange(2 * count).roll(count))
