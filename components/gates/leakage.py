"""Leakage gate: no object of a training tuple is (nearly) an object of a validation tuple or of the benchmark, and no
photograph is used by tuples of both splits.

Objects are counted exactly with faiss over the vectors of the rows that tuples use; the mining stage, which made the
split groups, computes its joins in another way. faiss proposes a little below the threshold and float64 decides,
because the last bit of a float32 sum depends on the order it was added in.
"""

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.stage.progress import track
from components.common.stage.report import Report
from components.common.vision.benchmark import crops
from components.common.vision.encoders import check_finite, load_encoder
from components.gates.checks import Check, Gate
from components.gates.params import Tuples

QUERIES = 1024
REACH = 1e-4  # how far below the threshold faiss proposes
ROUNDING = 1e-6  # mining decides in float32: what it rounds below the threshold is no leak
SHOWN = 200


def leakage(inputs: dict[str, Path], params: Tuples) -> Gate:
    """Counts pairs between the training split and what must be kept apart from it."""
    embeddings = Dataset(inputs["embeddings"])
    dataset = Dataset(inputs["tuples"])
    tuples = dataset.table(["anchor", "refs", "split", "sources"])
    threshold = params.split_threshold or dataset.facts["split_threshold"]
    train, validation = (_rows(tuples, split) for split in ("train", "validation"))
    train_vectors = vectors_of(embeddings, train)
    leaks = close_pairs(train_vectors, vectors_of(embeddings, validation), threshold)
    found = _described(leaks, train, validation, "validation")
    checks = [
        Check(
            "leaking_pairs",
            f"the number of training and validation objects with similarity {threshold:g} or more",
            len(leaks[0]),
            high=0,
            next_step="lower mining's split threshold to the one used here, so that such objects share a group",
        ),
        Check(
            "shared_photographs",
            "the number of photographs that tuples of both splits were made from",
            _shared_photographs(tuples),
            high=0,
            next_step="delete the tuples dataset and run assembly again, which keeps photographs of validation apart",
        ),
    ]
    if params.benchmark:
        names, vectors = _benchmark(embeddings, params)
        threshold = params.benchmark_threshold or threshold
        leaks = close_pairs(train_vectors, vectors, threshold)
        found += _described(leaks, train, names, "benchmark")
        checks.append(_benchmark_check(len(leaks[0]), threshold))
    shows = Report({"train_objects": float(len(train)), "validation_objects": float(len(validation))})
    if found:
        shows.files["leaks.json"] = json.dumps(found, indent=1) + "\n"
    return Gate("leakage", tuple(checks), shows)


def _benchmark_check(leaks: int, threshold: float) -> Check:
    return Check(
        "benchmark_leaking_pairs",
        f"the number of training and benchmark objects with similarity {threshold:g} or more",
        leaks,
        high=0,
        next_step="name this benchmark in embedding.reserve, so that mining keeps what resembles it out of sets; "
        "the objects are named in the report's files/leaks.json",
    )


def _rows(tuples: pa.Table, split: str) -> np.ndarray:
    """Object rows that the split's tuples use, sorted."""
    chosen = tuples.filter(pc.equal(tuples["split"], split))
    refs = pc.list_flatten(chosen["refs"]).to_numpy()
    return np.unique(np.concatenate([chosen["anchor"].to_numpy(), refs]))


def _shared_photographs(tuples: pa.Table) -> int:
    sides = [
        set(pc.list_flatten(tuples.filter(pc.equal(tuples["split"], split))["sources"]).to_pylist())
        for split in ("train", "validation")
    ]
    return len(sides[0] & sides[1])


def vectors_of(embeddings: Dataset, rows: np.ndarray) -> np.ndarray:
    """The vectors of some object rows (sorted), float32 [R, d], read shard by shard."""
    found, start = [], 0
    for path in embeddings.files(".npy"):
        shard = np.load(path, mmap_mode="r", allow_pickle=False)
        here = rows[(rows >= start) & (rows < start + len(shard))] - start
        found.append(np.asarray(shard[here], np.float32))
        start += len(shard)
    return np.concatenate(found) if found else np.zeros((0, 1), np.float32)


def close_pairs(ours: np.ndarray, theirs: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs with inner product >= threshold between float32 [N, d] and [M, d]: indices [P], [P], similarity [P]."""
    if not len(ours) or not len(theirs):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    index = faiss.IndexFlatIP(ours.shape[1])
    index.add(np.ascontiguousarray(ours))
    found = [np.zeros((0, 2), np.int64)]
    for start in track(range(0, len(theirs), QUERIES), "leakage"):
        limits, _, hits = index.range_search(theirs[start : start + QUERIES], threshold - REACH)
        queries = np.repeat(np.arange(len(limits) - 1), np.diff(limits.astype(int))) + start
        found.append(np.stack([hits, queries], 1))
    first, second = np.concatenate(found).T
    similarity = np.einsum("pd,pd->p", ours[first].astype(np.float64), theirs[second].astype(np.float64))
    keep = similarity >= threshold + ROUNDING
    order = np.lexsort((second[keep], first[keep], -similarity[keep]))
    return first[keep][order], second[keep][order], similarity[keep][order]


def _benchmark(embeddings: Dataset, params: Tuples) -> tuple[list[str], np.ndarray]:
    """Names and vectors of the benchmark's objects, embedded as the mined objects were."""
    how = embeddings.facts["preprocess"]
    encoder = load_encoder(params.ir, params.device, how["framing"], how["mirror"])
    if encoder.digest != embeddings.facts["weights"]:
        raise UserError(
            f"models.ir = {params.ir} is not the model that the embeddings were made with: run embedding again"
        )
    found = list(crops(params.benchmark, params.crop_scale))
    names, vectors = [name for name, _ in found], encoder.embed(picture for _, picture in found)
    check_finite(vectors, names)
    return names, vectors


def _described(
    leaks: tuple[np.ndarray, np.ndarray, np.ndarray], ours: np.ndarray, theirs: np.ndarray | list[str], where: str
) -> list[dict[str, Any]]:
    """The most similar leaks for a person to look at."""
    return [
        {"train_row": int(ours[i]), where: str(theirs[j]), "similarity": round(float(similarity), 6)}
        for i, j, similarity in list(zip(*leaks, strict=True))[:SHOWN]
    ]
