"""Embedding: every object's crop -> a unit vector, in row order; and the vectors of a benchmark to keep apart."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from components.common.data.digests import digest_folder
from components.common.data.reading import Dataset
from components.common.data.sandbox import resolve
from components.common.data.schemas import blob_columns
from components.common.data.writing import Writer
from components.common.stage.progress import track
from components.common.stage.report import Report
from components.common.vision.benchmark import crops
from components.common.vision.encoders import Encoder, check_finite, load_encoder
from components.common.vision.images import stored_crop
from components.embedding.params import Params

COLUMNS = ["object_id", *blob_columns("crop")]


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """objects -> embeddings: fp16 unit vectors [N, d], one per row of objects, in order; and reserved: the same for the
    benchmark's objects, without rows if there is no benchmark.

    Raises `UserError` if the encoder returns a vector that is not finite.
    """
    objects = Dataset(inputs["objects"])
    encoder = load_encoder(params.ir, params.device, params.framing, params.mirror, batch=params.batch)
    rows = objects.rows(COLUMNS)
    models = {"encoder": encoder.digest}
    with Writer(outputs["embeddings"], "embeddings", "embedding", inputs, params, models) as out:
        for index, begin in enumerate(track(range(0, max(len(rows), 1), params.part_rows), "embedding parts")):
            if not out.done(index):
                part = rows[begin : begin + params.part_rows]
                vectors = _embed(encoder, objects, part, params.workers)
                names = [{"object_id": each["object_id"], "row": begin + k} for k, each in enumerate(part)]
                out.write(index, names, vectors=vectors)
        out.facts = _facts(encoder)
    _reserve(encoder, inputs, outputs, params)
    return _report(Dataset(outputs["embeddings"]).vectors(), encoder)


def _reserve(encoder: Encoder, inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> None:
    """Embeds the benchmark's objects, which mining keeps out of every set."""
    models = {"encoder": encoder.digest}
    if params.benchmark:
        models["benchmark"] = digest_folder(resolve(params.benchmark))
    with Writer(outputs["reserved"], "embeddings", "embedding", inputs, params, models) as out:
        found = crops(params.benchmark, params.crop_scale, params.crop_side) if params.benchmark else ()
        named_crops = list(found)
        vectors, names = encoder.embed(picture for _, picture in named_crops), [name for name, _ in named_crops]
        check_finite(vectors, names)
        if not out.done(0):
            rows = [{"object_id": name, "row": row} for row, name in enumerate(names)]
            out.write(0, rows, vectors=vectors.astype(np.float16))
        out.facts = _facts(encoder)


def _embed(encoder: Encoder, objects: Dataset, rows: list[dict[str, Any]], workers: int) -> np.ndarray:
    """fp16 [B, dim]; crops are decoded ahead of the model in threads."""
    with ThreadPoolExecutor(workers) as pool:
        vectors = encoder.embed(pool.map(lambda row: stored_crop(objects, row), rows))
    check_finite(vectors, [row["object_id"] for row in rows])
    return vectors.astype(np.float16)


def _facts(encoder: Encoder) -> dict[str, Any]:
    """What identifies the encoder, apart from its name: one encoder may be in two folders."""
    return {"weights": encoder.digest, "preprocess": encoder.preprocess, "dim": encoder.dim}


def _report(vectors: np.ndarray, encoder: Encoder) -> Report:
    """How well the vectors use their space: a collapsed encoder has few effective dimensions."""
    metrics = {"objects": float(len(vectors)), "dim": float(encoder.dim)}
    if not len(vectors):
        return Report(metrics, notes=["there are no objects, so there are no vectors"])
    spectrum = np.linalg.svd(_sample(vectors), compute_uv=False) ** 2
    shares = spectrum / spectrum.sum()
    metrics["effective_dimensions"] = float(1 / np.square(shares).sum())
    metrics["mean_vector_length"] = float(np.linalg.norm(vectors.astype(np.float32).mean(axis=0)))
    plot = [{"component": i + 1, "variance_share": float(share)} for i, share in enumerate(shares[:64])]
    return Report(metrics, plots={"embedding_spectrum": plot})


def _sample(vectors: np.ndarray, most: int = 5000) -> np.ndarray:
    """At most `most` rows, evenly spaced, fp32."""
    return vectors[:: -(-len(vectors) // most)].astype(np.float32)
