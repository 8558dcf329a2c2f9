"""The product detector: a small RT-DETR with one class, trained from scratch on whole photographs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

from components.common.data.seeds import derive, numpy_rng
from components.common.vision.geometry import Box
from components.sandbox.training.course import Course
from components.sandbox.training.crops import Augmentation, SplitData, held_out, read_split, relit
from components.sandbox.training.fit import draws, fit, on_cpu, save_half
from components.sandbox.training.measure import ap50

SIDE, BATCH, STEPS = 128, 16, 5000
WIDTHS, HIDDEN = (24, 48, 96, 160), 64
QUERIES, DENOISING = 12, 6
SMALLEST = 0.4  # augmentation drops boxes that it cuts to less than this share
LIGHT = Augmentation(brightness=(0.7, 1.3), gain=0.12, gamma=0.2, saturation=0.2)
ABOUT = (
    f"Finds products in photographs squeezed to {SIDE} x {SIDE} px. One class, `product`; "
    "`post_process_object_detection` gives boxes in px of the photograph. Use a threshold of about 0.4 and drop the "
    "less certain of two boxes that overlap by more than 0.7: the one mistake it makes is to name a product twice."
)


def train(world: Path, course: Course) -> dict[str, float]:
    """Trains on the split `world`; returns losses and held-out figures."""
    seed = course.seed
    data = read_split(world)
    photos = torch.as_tensor(data.photos).permute(0, 3, 1, 2).contiguous()
    boxes = photo_boxes(data)
    torch.manual_seed(seed)
    model = RTDetrForObjectDetection(_config())

    def loss_at(step: int) -> Tensor:
        picks = numpy_rng(seed, "detector", "batch", step).permutation(len(photos))[:BATCH]
        torch.manual_seed(derive(seed, "detector", "denoising", step))  # RT-DETR's noisy queries use the global one
        generator = draws(seed, "detector", step)
        pixels, labels = augment(photos[torch.as_tensor(picks)], [boxes[k] for k in picks], generator)
        return model(pixels.contiguous(memory_format=torch.channels_last), labels=labels).loss

    losses = fit(
        model, loss_at, course.steps or STEPS, lr=1e-3, description="train detector", weight_decay=1e-3, clip=1.0
    )
    save_half(model, course.out)
    _processor().save_pretrained(course.out)
    metrics = measure(course.out, held_out(course.held_out))
    facts = {
        "trained on": f"{len(photos)} photographs with {len(data.products)} boxes (split `pretrain`)",
        "loss": "RT-DETR's: varifocal, L1 and generalised IoU, with denoising queries",
        "steps, seed": f"{len(losses)} of {BATCH} photographs, {seed}",
        "parameters": f"{model.num_parameters() / 1e6:.2f} M",
    }
    return course.finished("Rendered products (detector)", ABOUT, facts, metrics, losses)


def _config() -> RTDetrConfig:
    """Two feature levels, strides 16 and 32: products fill a quarter of the side or more."""
    backbone = RTDetrResNetConfig(
        embedding_size=WIDTHS[0], hidden_sizes=list(WIDTHS), depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage3", "stage4"],  # type: ignore[call-arg]
    )  # fmt: skip
    return RTDetrConfig(
        backbone_config=backbone, freeze_backbone_batch_norms=False, encoder_in_channels=list(WIDTHS[2:]),
        feat_strides=[16, 32], num_feature_levels=2, encode_proj_layers=[1], decoder_in_channels=[HIDDEN] * 2,
        d_model=HIDDEN, encoder_hidden_dim=HIDDEN, hidden_expansion=0.5,
        encoder_ffn_dim=2 * HIDDEN, decoder_ffn_dim=2 * HIDDEN, encoder_attention_heads=4, decoder_attention_heads=4,
        decoder_layers=2, num_queries=QUERIES, num_denoising=DENOISING,
        id2label={0: "product"}, label2id={"product": 0},
    )  # fmt: skip


def _processor() -> RTDetrImageProcessorPil:
    return RTDetrImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, resample=Image.Resampling.BICUBIC, do_normalize=True,
        image_mean=[0.5] * 3, image_std=[0.5] * 3,
    )  # fmt: skip


def photo_boxes(data: SplitData) -> list[Tensor]:
    """Each photograph's boxes as left, top, right, bottom in -1..1 across the photograph, [n, 4]."""
    boxes_by_photo: list[list[list[float]]] = [[] for _ in data.photos]
    for product in data.products:
        x, y, w, h = product.box
        boxes_by_photo[product.photo].append([v / data.side * 2 - 1 for v in (x, y, x + w, y + h)])
    return [torch.tensor(boxes).reshape(-1, 4) for boxes in boxes_by_photo]


def augment(
    photos_BCHW: Tensor, boxes: Sequence[Tensor], generator: torch.Generator
) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """Photographs (uint8) zoomed, shifted, stretched, mirrored and relit, to -1..1; boxes in RT-DETR's format.

    Zoom is .6 to 1.15 of the photograph's side; outside it the photograph's edge is repeated.
    """
    count = len(photos_BCHW)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator) * (high - low) + low

    scale = uniform(0.6, 1.15, count, 1) * torch.exp(uniform(-0.1, 0.1, count, 2))
    shift = (1 - scale).abs() * uniform(-1, 1, count, 2)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    signed = torch.stack([scale[:, 0] * mirror, scale[:, 1]], 1)
    theta = torch.cat([torch.diag_embed(signed), shift[..., None]], 2)
    grid = F.affine_grid(theta, list(photos_BCHW.shape), align_corners=False)
    pixels = F.grid_sample(photos_BCHW.float() / 255, grid, padding_mode="border", align_corners=False)
    labels = [_labels((b.reshape(-1, 2, 2) - t) / s) for b, t, s in zip(boxes, shift, signed, strict=True)]
    return relit(pixels, LIGHT, generator) * 2 - 1, labels


def _labels(corners_N22: Tensor) -> dict[str, Tensor]:
    """Boxes (two opposite corners, -1..1 across the picture) cut to the picture, as centre and size in 0..1."""
    low, high = corners_N22.amin(1), corners_N22.amax(1)
    cut_low, cut_high = low.clamp(-1, 1), high.clamp(-1, 1)
    kept = (cut_high - cut_low).prod(1) >= SMALLEST * (high - low).prod(1)
    boxes = torch.cat([(cut_low + cut_high) / 4 + 0.5, (cut_high - cut_low) / 2], 1)[kept]
    return {"class_labels": torch.zeros(len(boxes), dtype=torch.long), "boxes": boxes}


@on_cpu
def measure(folder: Path, splits: list[SplitData]) -> dict[str, float]:
    """AP50 of the stored model over the splits, and how many boxes per photograph it is fairly sure of."""
    detected, truth = detections(folder, splits)
    sure = [[box for box, score in boxes if score >= 0.5] for boxes in detected]
    return {
        "ap50": ap50(detected, truth),
        "boxes_a_photo_at_0.5": float(np.mean([len(boxes) for boxes in sure])),
        "true_boxes_a_photo": float(np.mean([len(boxes) for boxes in truth])),
    }


@torch.inference_mode()
def detections(folder: Path, splits: list[SplitData]) -> tuple[list[list[tuple[Box, float]]], list[list[Box]]]:
    """What the stored model finds in every photograph, as (box, score), and the true boxes."""
    model = RTDetrForObjectDetection.from_pretrained(folder).eval()
    processor = RTDetrImageProcessorPil.from_pretrained(folder)
    detected: list[list[tuple[Box, float]]] = []
    truth: list[list[Box]] = []
    for data in splits:
        for begin in range(0, len(data.photos), 64):
            detected += detect(model, processor, [Image.fromarray(photo) for photo in data.photos[begin : begin + 64]])
        truth += [[p.box for p in data.products if p.photo == photo] for photo in range(len(data.photos))]
    return detected, truth


def detect(
    model: RTDetrForObjectDetection, processor: RTDetrImageProcessorPil, photos: list[Image.Image]
) -> list[list[tuple[Box, float]]]:
    """Each photograph's boxes with their scores."""
    output = model(**processor(photos, return_tensors="pt"))
    sizes = [(photo.height, photo.width) for photo in photos]
    detections = processor.post_process_object_detection(output, threshold=0.02, target_sizes=sizes)
    return [[(Box(x, y, right - x, bottom - y), score) for (x, y, right, bottom), score in
             zip(each["boxes"].tolist(), each["scores"].tolist(), strict=True)] for each in detections]  # fmt: skip
