"""Leakage gate: no object of a training tuple is (nearly) an object of a validation tuple or of the benchmark, and no
photograph is used by tuples of both splits.

Two encoders look for such objects. The one that mined counts pairs above the similarity at which mining bound objects
to one split: none is allowed. This shows that the splits are as promised, since mining computes its joins in another
way. It cannot show that mining missed a product, because it is the same encoder.

The independent encoder can. It has no calibrated window, so the run itself gives the threshold: two objects are alike
if they are at least as similar as half of the pairs (anchor and reference) that the tuples take for one product. What
counts is the share of validation and of benchmark objects to which any training object is alike, as that is the share
of the scores that memory could explain. A product on both sides of a split has several photographs on each, and one
pair of them is enough. What it cannot see: a product whose photographs on both sides differ more than most pairs that
were mined, and products that both encoders fail to recognise. It cannot tell a product from its look-alike either,
which is why a small share is allowed; `leaks.json` names the pairs for a person to judge. Wrong pairs in the tuples
lower the threshold, so they make the gate stricter.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.references import TRAIN, VALIDATION
from components.common.stage.report import Report
from components.common.vision.benchmark import crops
from components.common.vision.encoders import Encoder, check_finite, load_encoder
from components.gates.alike import Leaks, close_pairs, embedded, similarities, vectors_of
from components.gates.checks import Check, Gate, rounded
from components.gates.params import Tuples

TYPICAL = 0.5
"""Quantile of the similarities within tuples from which the independent encoder calls two objects alike."""
BIND = "raise mining.split_margin, so that such objects share a split"
RESERVE = "raise mining.split_margin, so that mining keeps such objects out of sets"


class Sides(NamedTuple):
    """Object rows of both splits' tuples, sorted, and the benchmark's objects by name."""

    train: np.ndarray
    validation: np.ndarray
    benchmark: dict[str, Image.Image]


def leakage(inputs: dict[str, Path], params: Tuples) -> Gate:
    """Looks for objects and photographs on both sides. Raises `UserError` if an encoder is not the right one."""
    dataset = Dataset(inputs["tuples"])
    tuples = dataset.table(["anchor", "refs", "split", "sources"])
    benchmark = dict(crops(params.benchmark, params.crop_scale, params.crop_side)) if params.benchmark else {}
    sides = Sides(_rows(tuples, TRAIN), _rows(tuples, VALIDATION), benchmark)
    threshold = params.split_threshold or dataset.facts["split_threshold"]
    mined = _by_miner(Dataset(inputs["embeddings"]), sides, params, threshold)
    independent = _by_judge(inputs, tuples, sides, params)
    shared = Check(
        "shared_photographs",
        "the number of photographs that tuples of both splits were made from",
        _shared_photographs(tuples),
        high=0,
        next_step="delete the tuples dataset and run assembly again, which keeps photographs of validation apart",
    )
    checks = [_no_pair(mined[0]), shared, *map(_no_pair, mined[1:])]
    checks += [_small_share(leaks, params.max_second_leaks) for leaks in independent]
    shows = Report({"train_objects": float(len(sides.train)), "validation_objects": float(len(sides.validation))})
    shows.metrics["second_threshold"] = independent[0].threshold
    if pairs := [pair for leaks in (*mined, *independent) for pair in leaks.shown()]:
        shows.files["leaks.json"] = json.dumps(pairs, indent=1) + "\n"
    return Gate("leakage", tuple(checks), shows)


def _by_miner(embeddings: Dataset, sides: Sides, params: Tuples, threshold: float) -> list[Leaks]:
    train, validation = (vectors_of(embeddings, rows) for rows in (sides.train, sides.validation))
    leaks = [_leaks("ir", VALIDATION, sides, train, validation, threshold)]
    if params.benchmark:
        vectors = _benchmark_vectors(_mining_encoder(embeddings, params), sides)
        leaks.append(_leaks("ir", "benchmark", sides, train, vectors, params.benchmark_threshold or threshold))
    return leaks


def _by_judge(inputs: dict[str, Path], tuples: pa.Table, sides: Sides, params: Tuples) -> list[Leaks]:
    embeddings = Dataset(inputs["embeddings"])
    how = embeddings.facts["preprocess"]
    encoder = load_encoder(params.second_ir, params.device, how["framing"], how["mirror"])
    if encoder.digest == embeddings.facts["weights"]:
        raise UserError(
            f"models.second_ir = {params.second_ir} is the encoder that mined, which would check itself: name another"
        )
    rows = np.union1d(sides.train, sides.validation)
    vectors = embedded(encoder, Dataset(inputs["objects"]), rows)
    train, validation = (vectors[np.searchsorted(rows, side)] for side in (sides.train, sides.validation))
    threshold = _typical_similarity(tuples, rows, vectors)
    leaks = [_leaks("second_ir", VALIDATION, sides, train, validation, threshold)]
    if params.benchmark:
        leaks.append(_leaks("second_ir", "benchmark", sides, train, _benchmark_vectors(encoder, sides), threshold))
    return leaks


def _leaks(encoder: str, side: str, sides: Sides, train: np.ndarray, others: np.ndarray, threshold: float) -> Leaks:
    names: list[Any] = list(sides.benchmark) if side == "benchmark" else sides.validation.tolist()
    return Leaks(encoder, side, threshold, sides.train.tolist(), names, close_pairs(train, others, threshold))


def _typical_similarity(tuples: pa.Table, rows: np.ndarray, vectors: np.ndarray) -> float:
    """The quantile TYPICAL of the similarity of an anchor to its references, each pair once; 1 if there are no tuples.

    rows: object rows, sorted; vectors: theirs.
    """
    anchors = tuples["anchor"].to_numpy()
    sizes = pc.list_value_length(tuples["refs"]).to_numpy()
    pairs = np.stack([np.repeat(anchors, sizes), pc.list_flatten(tuples["refs"]).to_numpy()], 1)
    if not len(pairs):
        return 1.0
    first, second = np.searchsorted(rows, np.unique(np.sort(pairs, 1), axis=0)).T
    return rounded(float(np.quantile(similarities(vectors, first, vectors, second), TYPICAL)))


def _no_pair(leaks: Leaks) -> Check:
    of_benchmark = leaks.side == "benchmark"
    return Check(
        "benchmark_leaking_pairs" if of_benchmark else "leaking_pairs",
        f"the number of training and {leaks.side} objects with similarity {leaks.threshold:g} or more",
        len(leaks.pairs.first),
        high=0,
        next_step="keep `benchmark` the same for mining and for this gate, so that mining keeps what resembles it out "
        "of sets; the objects are named in the report's files/leaks.json"
        if of_benchmark
        else BIND,
    )


def _small_share(leaks: Leaks, most: float) -> Check:
    of_benchmark = leaks.side == "benchmark"
    return Check(
        "second_benchmark_leaks" if of_benchmark else "second_leaks",
        f"the share of {leaks.side} objects that the independent encoder finds in training (similarity "
        f"{leaks.threshold:g} or more, as in half of the pairs within tuples)",
        leaks.share,
        high=most,
        next_step="look at the pairs of second_ir in the report's files/leaks.json: if they show the same products, "
        f"{RESERVE if of_benchmark else BIND}; if they are look-alikes, raise gates.tuples.max_second_leaks",
    )


def _rows(tuples: pa.Table, split: str) -> np.ndarray:
    """Object rows that the split's tuples use, sorted."""
    chosen = tuples.filter(pc.equal(tuples["split"], split))
    refs = pc.list_flatten(chosen["refs"]).to_numpy()
    return np.unique(np.concatenate([chosen["anchor"].to_numpy(), refs]))


def _shared_photographs(tuples: pa.Table) -> int:
    sides = [
        set(pc.list_flatten(tuples.filter(pc.equal(tuples["split"], split))["sources"]).to_pylist())
        for split in (TRAIN, VALIDATION)
    ]
    return len(sides[0] & sides[1])


def _mining_encoder(embeddings: Dataset, params: Tuples) -> Encoder:
    """The encoder of the mined objects' vectors, with its preprocessing."""
    how = embeddings.facts["preprocess"]
    encoder = load_encoder(params.ir, params.device, how["framing"], how["mirror"])
    if encoder.digest != embeddings.facts["weights"]:
        raise UserError(
            f"models.ir = {params.ir} is not the model that the embeddings were made with: run embedding again"
        )
    return encoder


def _benchmark_vectors(encoder: Encoder, sides: Sides) -> np.ndarray:
    vectors = encoder.embed(sides.benchmark.values())
    check_finite(vectors, list(sides.benchmark))
    return vectors
