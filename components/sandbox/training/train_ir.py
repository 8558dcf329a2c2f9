"""The instance-retrieval encoder: crops of one design are close together, far from all others (supervised contrastive).

Trained twice: as `ir`, which mines, and as the narrower, deeper `second_ir` from other draws, which only judges.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from transformers import ResNetConfig, ResNetForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from components.common.data.seeds import numpy_rng
from components.common.vision.encoders import load_encoder
from components.sandbox.training.course import Course
from components.sandbox.training.crops import (
    Augmentation,
    SplitData,
    box_crops,
    dyes,
    held_out,
    joined,
    sample,
    windows,
)
from components.sandbox.training.fit import draws, fit, on_cpu, save_half
from components.sandbox.training.measure import retrieval

SIZE, EMBEDDING = 48, 64
STEPS = {"ir": 12_000, "second_ir": 6000}
LOOKS, VIEWS = 24, 4
DYED = 0.7  # share of confuser groups in other colours than their own
# Results of small models are judged at their own resolution, so the judge must know small products. The miner must not:
# small prints of one shape and palette look alike, and having to separate them weakens the embedding.
COARSE = {"ir": 0.0, "second_ir": 0.4}
TEMPERATURE = 0.07
WIDTHS = {"ir": [32, 64, 128, 192], "second_ir": [24, 48, 96, 160]}
DEPTHS = {"ir": [1, 1, 1, 1], "second_ir": [1, 1, 2, 1]}
ABOUT = (
    f"Embeds a {SIZE} px crop of a product as {EMBEDDING} logits; the cosine of two embeddings says whether the crops "
    "show the same design. Average the embedding with that of the mirrored crop."
)


def train(worlds: Sequence[Path], course: Course, name: str = "ir") -> dict[str, float]:
    """Trains on the splits `worlds`; returns losses and held-out figures. name: `ir` or `second_ir`."""
    seed = course.seed
    data = joined(worlds)
    source = windows(data, reach=1.7, size=80)
    # Front and back of a sided design are two classes: as one, they would teach that prints do not matter.
    looks = [f"{product.design} {product.attributes['print']}" for product in data.products]
    codes = np.unique(looks, return_inverse=True)[1]
    groups = np.array([product.group for product in data.products])
    look = Augmentation(padded=0.6, coarse=COARSE[name])
    torch.manual_seed(seed)
    model = ResNetForImageClassification(_config(name))

    def loss_at(step: int) -> Tensor:
        picks = draw_batch(codes, groups, numpy_rng(seed, name, "batch", step))
        generator = draws(seed, name, step)
        palette = dyes(int(groups.max()) + 1, DYED, generator)[groups[picks]]
        pixels = sample(source[torch.as_tensor(picks)], SIZE, look, generator, palette)
        logits = model(pixels.contiguous(memory_format=torch.channels_last)).logits
        return supervised_contrastive(logits, torch.as_tensor(codes[picks]))

    losses = fit(model, loss_at, course.steps or STEPS[name], lr=2e-3, description=f"train {name}")
    save_half(model, course.out)
    processor().save_pretrained(course.out)
    metrics = measure(course.out, held_out(course.held_out))
    facts = {
        "trained on": f"{len(data.products)} crops of {codes.max() + 1} looks of designs (splits "
        f"{', '.join(world.name for world in worlds)})",
        "loss": f"supervised contrastive, temperature {TEMPERATURE}, {LOOKS} looks x {VIEWS} views per step, "
        f"in whole confuser groups, {DYED:.0%} of them in turned hues",
        "steps, seed": f"{len(losses)}, {seed}",
        "parameters": f"{model.num_parameters() / 1e6:.2f} M",
    }
    title = f"Instance retrieval on rendered products ({name})"
    return course.finished(title, ABOUT, facts, metrics, losses)


def train_second(worlds: Sequence[Path], course: Course) -> dict[str, float]:
    """Like `train`, for the second encoder: other widths, one more block, other draws, fewer steps."""
    return train(worlds, course, name="second_ir")


def _config(name: str) -> ResNetConfig:
    sizes: dict[str, Any] = {"embedding_size": WIDTHS[name][0], "hidden_sizes": WIDTHS[name], "depths": DEPTHS[name]}
    return ResNetConfig(**sizes, layer_type="basic", num_labels=EMBEDDING)  # type: ignore[call-arg]


def processor(size: int = SIZE) -> ViTImageProcessorPil:
    """The preprocessing of all crop encoders: any crop squeezed to size x size px, values to -1..1."""
    return ViTImageProcessorPil(
        size={"height": size, "width": size},
        resample=Image.Resampling.BICUBIC,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        do_convert_rgb=True,
    )


def draw_batch(codes: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions of up to VIEWS crops of each of up to LOOKS looks, [B].

    codes, groups: look (see `train`) and confuser group of each crop, [N]. Groups are complete except the last,
    which may lack any of its looks: a look is hardest to tell from its confusers, and among looks of random groups it
    would meet them too seldom.
    """
    group_of = dict(zip(codes.tolist(), groups.tolist(), strict=True))
    order = {group: place for place, group in enumerate(rng.permutation(np.unique(groups)).tolist())}
    shuffled = rng.permutation(list(group_of)).tolist()
    shown = sorted(shuffled, key=lambda code: order[group_of[code]])[:LOOKS]
    return np.concatenate([rng.permutation(np.flatnonzero(codes == code))[:VIEWS] for code in shown])


def supervised_contrastive(logits_BD: Tensor, codes_B: Tensor) -> Tensor:
    """Mean negative log share of each other view of the same design (Khosla et al. 2020, L_out); a scalar."""
    unit = F.normalize(logits_BD, dim=1)
    itself = torch.eye(len(unit), dtype=torch.bool)
    log_share = (unit @ unit.T / TEMPERATURE).masked_fill(itself, -torch.inf).log_softmax(1)
    positive = (codes_B[:, None] == codes_B[None]) & ~itself
    return -log_share[positive].mean()


@on_cpu
def measure(folder: Path, splits: list[SplitData]) -> dict[str, float]:
    """Retrieval figures of the stored model over all products of the splits together."""
    encoder = load_encoder(str(folder), mirror=True)
    return retrieval(*pooled([encoder.embed(box_crops(data)) for data in splits], splits))


def pooled(vectors: list[np.ndarray], splits: list[SplitData]) -> tuple[np.ndarray, list[str], list[int]]:
    """Vectors, designs and photograph numbers of several splits as one collection."""
    designs = [product.design for data in splits for product in data.products]
    photos: list[int] = []
    for number, data in enumerate(splits):
        photos += [number * 1_000_000 + product.photo for product in data.products]
    return np.concatenate(vectors), designs, photos
