"""Photographs, annotations and tiny untrained detectors for the tests of detection."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import (
    DFineConfig,
    DFineForObjectDetection,
    RTDetrImageProcessor,
    YolosConfig,
    YolosForObjectDetection,
    YolosImageProcessor,
)

from components.common.data.reading import Dataset
from components.common.data.rejections import BOX
from components.common.data.writing import Writer
from components.common.stage.params import StageParams
from components.common.vision.images import dhashes

HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
OPEN = {"min_side": 1, "min_share": 0.0, "max_share": 1.0, "deny": ()}
"""Parameters that keep every box."""


def outputs(objects: Path) -> dict[str, Path]:
    """The stage's outputs, of which only the objects' place matters."""
    return {"objects": objects, "rejects": objects.with_name(f"{objects.name}-rejects")}


def rejected(objects: Dataset) -> list[dict[str, Any]]:
    """The boxes that were rejected when these objects were made."""
    return [row for row in Dataset(outputs(objects.folder)["rejects"]).rows() if row["subject"] == BOX]


def counts(objects: Dataset) -> Counter[str]:
    """The same, by reason."""
    return Counter(row["reason"] for row in rejected(objects))


def labels(tmp_path: Path, *rows: str) -> str:
    """A table of labels with boxes, as the parameter that names it."""
    return _table(tmp_path / "labels.csv", "path;subject;x;y;w;h;category", *rows)


def open_images(tmp_path: Path, *rows: str, header: str = HEADER) -> str:
    """A table of boxes as Open Images has it, as the parameter that names it."""
    return _table(tmp_path / "boxes.csv", header, *rows)


def _table(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def photograph(seed: int, width: int = 80, height: int = 60) -> Image.Image:
    """Smooth coloured noise."""
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)


def write_images(folder: Path, photos: dict[str, Image.Image]) -> Path:
    """An `images` dataset of photographs, stored as PNG, by their uri."""
    rows, blobs = [], []
    for number, (uri, photo) in enumerate(photos.items()):
        buffer = io.BytesIO()
        photo.save(buffer, "PNG")
        plain, flipped = dhashes(photo)
        rows.append(
            {
                "image_id": f"{number:064x}",
                "uri": uri,
                "width": photo.width,
                "height": photo.height,
                "format": "PNG",
                "bytes": len(buffer.getvalue()),
                "dhash": plain,
                "dhash_flipped": flipped,
                "train_ai": "unknown",
                "collection": "test",
            }
        )
        blobs.append({"image": buffer.getvalue()})
    with Writer(folder, "images", "ingest", {}, StageParams()) as out:
        out.write(0, rows, blobs)
    return folder


def coco(uris: Sequence[str], boxes: Sequence[dict], size: tuple[int, int] = (80, 60)) -> dict:
    """A COCO file; each box has image (position in `uris`), bbox, and category (1 mug, 2 person), iscrowd."""
    return {
        "images": [{"id": 10 + n, "file_name": uri, "width": size[0], "height": size[1]} for n, uri in enumerate(uris)],
        "categories": [{"id": 1, "name": "mug"}, {"id": 2, "name": "person"}],
        "annotations": [
            {
                "id": n,
                "image_id": 10 + box["image"],
                "bbox": box["bbox"],
                "category_id": box.get("category", 1),
                "iscrowd": box.get("iscrowd", 0),
            }
            for n, box in enumerate(boxes)
        ],
    }


def save_yolos(folder: Path) -> Path:
    """An untrained YOLOS of a few thousand weights; its input keeps the photograph's proportions."""
    torch.manual_seed(0)
    config = YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[48, 64],
        patch_size=8,
        num_detection_tokens=6,
        id2label={0: "mug", 1: "jar"},
    )
    model = YolosForObjectDetection(config)
    with torch.no_grad():
        model.vit.embeddings.detection_tokens.normal_()  # so that boxes and scores differ
        model.class_labels_classifier.layers[-1].weight.mul_(3)
        model.bbox_predictor.layers[-1].weight.mul_(3)
        for head in (model.class_labels_classifier, model.bbox_predictor):
            for layer in head.layers[:-1]:
                layer.weight.normal_(std=0.4)
    model.save_pretrained(folder)
    YolosImageProcessor(size={"shortest_edge": 48, "longest_edge": 64}).save_pretrained(folder)
    return folder


def save_dfine(folder: Path) -> Path:
    """An untrained D-FINE, the default's class, as small as possible; its input is always 64 x 64 px."""
    torch.manual_seed(0)
    config = DFineConfig(
        backbone_config={
            "model_type": "hgnet_v2",
            "hidden_sizes": [16, 16, 16, 16],
            "stem_channels": [3, 8, 8],
            "stage_in_channels": [8, 16, 16, 16],
            "stage_mid_channels": [8, 8, 8, 8],
            "stage_out_channels": [16, 16, 16, 16],
            "stage_num_blocks": [1, 1, 1, 1],
            "stage_numb_of_layers": [1, 1, 1, 1],
            "out_features": ["stage2", "stage3", "stage4"],
        },
        encoder_in_channels=[16, 16, 16],
        encoder_hidden_dim=16,
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=8,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=2,
        decoder_attention_heads=2,
        num_denoising=0,
        id2label={0: "mug", 1: "jar"},
    )
    DFineForObjectDetection(config).save_pretrained(folder)
    RTDetrImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder
