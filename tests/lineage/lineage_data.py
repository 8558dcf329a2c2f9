"""A small run with random rows: datasets that refer to each other as those of the pipeline do."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from components.common.data.digests import content_key
from components.common.data.writing import Writer
from components.common.references import REFERENCE_NAMES
from components.common.stage.params import StageParams
from components.common.vision.images import thumbnail
from tests.picture_rows import image_row

HASHES = {"dhash": bytes(32), "dhash_flipped": bytes(32)}
PART = 7
"""Rows of a part."""


def write_run(data: Path, photographs: int = 20, seed: int = 0, prefix: str = "") -> None:
    """images, objects, sets, backgrounds, captions, tuples, latents and a model below `data`.

    prefix: what the ids of objects and tuples begin with.
    """
    rng = random.Random(seed)
    pictures = [_picture(rng) for _ in range(photographs)]
    rows, files = zip(*(image_row(picture, f"some/{k}.png") for k, picture in enumerate(pictures)), strict=True)
    _write(data, "images", [], rows, [{"image.png": file} for file in files], list(map(thumbnail, pictures)))
    objects = [_object(k, rng.choice(rows)["image_id"], f"{prefix}{seed}") for k in range(2 * photographs)]
    _write(data, "objects", ["images"], objects, _blobs(objects, "crop"))
    sets = [_set(rng, k, len(objects)) for k in range(0, len(objects), 2)]
    _write(data, "sets", ["objects"], sets)
    made = [{"object_id": objects[row["anchor"]]["object_id"], "row": row["anchor"]} for row in sets]
    plates = [row | {"remover_digest": "r", "residual": 0.1, "outside_change": 0.0} for row in made]
    _write(
        data,
        "backgrounds",
        ["images", "objects", "sets"],
        plates,
        _blobs(plates, "image", "mask"),
    )
    captions = [row | {"text": "a thing", "captioner_digest": "c"} for row in made]
    _write(data, "captions", ["images", "objects", "sets"], captions)
    tuples = [_tuple(rng, row, objects, f"{prefix}{seed}") for row in sets]
    names = ("target", "background", "mask", *REFERENCE_NAMES)
    origin = ["images", "objects", "sets", "backgrounds", "captions"]
    _write(data, "tuples", origin, tuples, _blobs(tuples, *names))
    keys = ("tuple_id", "split", "group")
    _write(
        data, "latents", ["tuples"], [{"row": at} | {key: row[key] for key in keys} for at, row in enumerate(tuples)]
    )
    _write(data, "model_insertion", ["latents"], [], kind="model")


def _write(
    data: Path,
    name: str,
    inputs: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    blobs: Sequence[Mapping[str, bytes]] | None = None,
    vectors: Sequence[np.ndarray] | None = None,
    kind: str = "",
) -> None:
    with Writer(data / name, kind or name, "test", {role: data / role for role in inputs}, StageParams()) as out:
        for index, start in enumerate(range(0, len(rows), PART)):
            part = slice(start, start + PART)
            some = None if vectors is None else np.stack(vectors[part])
            out.write(index, [dict(row) for row in rows[part]], blobs and blobs[part], some)


def _blobs(rows: Sequence[Mapping[str, Any]], *names: str) -> list[dict[str, bytes]]:
    """Bytes that no two rows share."""
    ids = [row.get("tuple_id") or row["object_id"] for row in rows]
    return [{f"{name}.png": f"{name} of {key}".encode() for name in names} for key in ids]


def _picture(rng: random.Random) -> Image.Image:
    """Blots of colour, which no two pictures share."""
    noise = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 256, (12, 12, 3), np.uint8)
    return Image.fromarray(noise).resize((96, 96), Image.Resampling.BICUBIC)


def _object(number: int, image_id: str, prefix: str) -> dict[str, Any]:
    box = {"x": number, "y": 1.0, "w": 10.0, "h": 10.0}
    key = (prefix + content_key("object", prefix, number))[:32]
    return {"object_id": key, "image_id": image_id, "category": "thing", "score": 1.0, **box, **HASHES}


def _set(rng: random.Random, anchor: int, objects: int) -> dict[str, Any]:
    views = rng.sample([row for row in range(objects) if row != anchor], 4)
    return {"anchor": anchor, "views": views, "similarities": [0.9] * 4, "category": "thing", "group": anchor}


def _tuple(
    rng: random.Random, row: Mapping[str, Any], objects: Sequence[Mapping[str, Any]], prefix: str
) -> dict[str, Any]:
    refs = row["views"][:3]
    parents = [objects[at] for at in (row["anchor"], *refs)]
    return {
        "tuple_id": (prefix + content_key("tuple", prefix, row["anchor"]))[:32],
        "anchor": row["anchor"],
        "refs": refs,
        "caption": "a thing",
        "split": rng.choice(["train", "validation"]),
        "group": row["group"],
        "parents": [parent["object_id"] for parent in parents],
        "sources": sorted({parent["image_id"] for parent in parents}),
    }
