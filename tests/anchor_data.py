"""A handful of small photographs with one object each, as datasets: what removal and captioning start from."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import transformers
from PIL import Image, ImageDraw
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from components.common.data.writing import Writer
from components.common.stage.params import StageParams

SIDE = 64
BOX = (20.0, 18.0, 22.0, 26.0)


def outputs(role: str, folder: Path) -> dict[str, Path]:
    """A stage's output in `folder`, and its rejects beside it."""
    return {role: folder, "rejects": folder.with_name(f"{folder.name}-rejects")}


def photograph(number: int, width: int = SIDE, height: int = SIDE) -> Image.Image:
    """A gradual colour ramp with a bright disc in `BOX`."""
    y, x = np.mgrid[0:height, 0:width]
    ramp = np.stack([60 + x, 90 + y // 2, np.full_like(x, 40 + 10 * number)], 2).astype(np.uint8)
    image = Image.fromarray(ramp)
    left, top, w, h = BOX
    ImageDraw.Draw(image).ellipse((left, top, left + w, top + h), fill=(250, 20 * number, 30))
    return image


def write_datasets(folder: Path, count: int = 5, broken: tuple[int, ...] = ()) -> dict[str, Path]:
    """Datasets images, objects and sets of `count` photographs; each object except the last is an anchor.

    broken: photographs whose bytes are truncated.
    """
    inputs = {name: folder / name for name in ("images", "objects", "sets")}
    pictures = [_png(photograph(k)) for k in range(count)]
    pictures = [data[:200] if k in broken else data for k, data in enumerate(pictures)]
    ids = [hashlib.sha256(data).hexdigest() for data in pictures]
    _write(inputs["images"], "images", [_image_row(i, data) for i, data in zip(ids, pictures, strict=True)],
           [{"image.png": data} for data in pictures])  # fmt: skip
    _write(inputs["objects"], "objects", [_object_row(k, i) for k, i in enumerate(ids)], [{"crop.png": b""}] * count)
    sets = [{"anchor": k, "views": [count - 1], "similarities": [0.9], "category": "disc", "group": 0}
            for k in range(count - 1)]  # fmt: skip
    _write(inputs["sets"], "sets", sets, None)
    return inputs


def _write(folder: Path, kind: str, rows: list[dict[str, Any]], blobs: list[dict[str, bytes]] | None) -> None:
    with Writer(folder, kind, "test", {}, StageParams()) as out:
        out.write(0, rows, blobs)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _image_row(image_id: str, data: bytes) -> dict[str, Any]:
    return {"image_id": image_id, "uri": f"{image_id[:8]}.png", "width": SIDE, "height": SIDE, "format": "PNG",
            "bytes": len(data), "dhash": bytes(32), "dhash_flipped": bytes(32), "train_ai": "unknown",
            "collection": "test"}  # fmt: skip


def _object_row(row: int, image_id: str) -> dict[str, Any]:
    x, y, w, h = BOX
    return {"object_id": f"object-{row}", "row": row, "image_id": image_id, "x": x, "y": y, "w": w, "h": h,
            "category": "disc", "score": 1.0, "dhash": bytes(32), "dhash_flipped": bytes(32)}  # fmt: skip


def save_judge(folder: Path) -> Path:
    """A tiny random image encoder."""
    transformers.set_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=8
    )
    transformers.ResNetForImageClassification(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder
