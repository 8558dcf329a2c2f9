"""Small datasets for the gates."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gate_data import Limits, Make, object_row, photographs, picture, thumbnails

from components.common.data.writing import Writer
from components.common.stage.params import StageParams
from components.common.vision.images import encode_png


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(name, kind, rows, facts, promised, stage, blobs=..., vectors=...) -> folder of a finished dataset."""

    def build(
        name: str,
        kind: str,
        rows: list[dict[str, Any]],
        facts: Mapping[str, Any] | None = None,
        promised: StageParams | None = None,
        stage: str = "test",
        **content: Any,
    ):
        folder = tmp_path / "data" / name
        usual = Limits() if kind == "objects" else StageParams()
        with Writer(folder, kind, stage, {}, promised or usual) as out:
            out.facts = dict(facts or {})
            out.write(0, rows, **content)
        return folder

    return build


@pytest.fixture
def world(make: Make) -> dict[str, Path]:
    """12 photographs with one object each; 3 products of 4 views: images, objects, embeddings, quarantine."""
    images, image_blobs = photographs(12)
    objects = [object_row(i, image["image_id"]) for i, image in enumerate(images)]
    crops = [{"crop.png": encode_png(picture(1000 + i))} for i in range(len(objects))]
    rng = np.random.default_rng(0)
    centres = np.linalg.qr(rng.normal(size=(16, 3)))[0].T
    vectors = centres[np.arange(12) // 4] + 0.08 * rng.normal(size=(12, 16))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    names = [{"object_id": row["object_id"], "row": row["row"]} for row in objects]
    return {
        "images": make("images", "images", images, blobs=image_blobs, vectors=thumbnails(image_blobs)),
        "quarantine": make("quarantine", "quarantine", []),
        "objects": make("objects", "objects", objects, blobs=crops),
        "embeddings": make("embeddings", "embeddings", names, vectors=unit),
    }
