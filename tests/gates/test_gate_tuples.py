"""Removal, leakage and model gates."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gate_data import Make, picture
from PIL import Image
from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

from components.common.errors import UserError
from components.common.vision.encoders import load_encoder
from components.gates.leakage import close_pairs, leakage
from components.gates.params import Model, Tuples
from components.gates.reference_gap import reference_gap
from components.gates.removal import removal


def checks(gate) -> dict[str, Any]:
    return {check.name: check.observed for check in gate.checks}


def background(row: int, residual: float, outside: float = 0.0) -> dict[str, Any]:
    return {
        "object_id": f"object-{row}",
        "row": row,
        "remover_digest": "d",
        "residual": residual,
        "outside_change": outside,
    }


def test_removal_measures_every_background(make: Make) -> None:
    rows = [background(0, 0.2), background(1, 0.95), background(2, 0.3, outside=0.4), background(3, 0.1)]
    folder = make("backgrounds", "backgrounds", rows, blobs=[{"image.png": b"", "mask.png": b""}] * 4)
    assert checks(removal({"backgrounds": folder}, Tuples())) == {"clean_share": 0.75, "outside_change": 0.4}


def tuple_row(name: str, anchor: int, refs: list[int], split: str) -> dict[str, Any]:
    rows = [anchor, *refs]
    return {
        "tuple_id": name,
        "anchor": anchor,
        "refs": refs,
        "caption": "a mug",
        "split": split,
        "group": min(rows),
        "parents": [f"object-{row}" for row in rows],
        "sources": [f"image-{row}" for row in rows],
    }


def tuples(make: Make, *rows: dict[str, Any]) -> Path:
    blobs = {f"{name}.png": b"" for name in ("target", "background", "mask", "ref0", "ref1", "ref2")}
    return make("tuples", "tuples", list(rows), blobs=[blobs] * len(rows), facts={"split_threshold": 0.8})


def test_split_by_product_does_not_leak(world: dict[str, Path], make: Make) -> None:
    sound = tuples(
        make, tuple_row("a", 0, [1, 2, 3], "train"), tuple_row("b", 4, [5, 6, 7], "train"),
        tuple_row("c", 8, [9, 10, 11], "validation"),
    )  # fmt: skip
    gate = leakage(world | {"tuples": sound}, Tuples())
    assert checks(gate) == {"leaking_pairs": 0, "shared_photographs": 0}
    assert gate.shows.metrics == {"train_objects": 8, "validation_objects": 4}


def test_a_photograph_on_both_sides_leaks(world: dict[str, Path], make: Make) -> None:
    train, validation = tuple_row("a", 0, [1, 2, 3], "train"), tuple_row("b", 8, [9, 10, 11], "validation")
    validation["sources"][1:3] = ["image-2", "image-3"]
    gate = leakage(world | {"tuples": tuples(make, train, validation)}, Tuples())
    assert checks(gate) == {"leaking_pairs": 0, "shared_photographs": 2}
    assert [check.name for check in gate.checks if (check.excess > 0).any()] == ["shared_photographs"]


def test_one_product_on_both_sides_leaks(world: dict[str, Path], make: Make) -> None:
    torn = tuples(make, tuple_row("a", 0, [4, 5, 6], "train"), tuple_row("b", 8, [1, 9, 10], "validation"))
    gate = leakage(world | {"tuples": torn}, Tuples())
    assert checks(gate) == {"leaking_pairs": 1, "shared_photographs": 0}
    assert json.loads(gate.shows.files["leaks.json"])[0]["train_row"] == 0


def test_close_pairs_equal_brute_force() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = (rng.normal(size=(n, 8)).astype(np.float32) for n in (300, 2500))
    ours, theirs = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (ours, theirs))
    first, second, _ = close_pairs(ours, theirs, 0.9)
    expected = np.argwhere(ours.astype(np.float64) @ theirs.T.astype(np.float64) >= 0.9 + 1e-6)
    assert len(expected) > 50
    assert sorted(zip(first, second, strict=True)) == sorted(map(tuple, expected))
    assert len(close_pairs(ours[:0], theirs, 0.9)[0]) == 0


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=16)
    model = ResNetForImageClassification(config)
    folder = tmp_path / "encoder"
    model.save_pretrained(folder)
    ConvNextImageProcessor(size={"shortest_edge": 32}).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """Two photographs; the first shows a mug and a bystander."""
    folder = tmp_path / "benchmark"
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for index in range(2):
        name = f"images/{index}.png"
        picture(50 + index, 64).save(folder / name)
        images.append({"id": index, "file_name": name, "width": 64, "height": 64})
        annotations.append({"id": index, "image_id": index, "bbox": [8, 8, 40, 40], "main": True})
    annotations.append({"id": 9, "image_id": 0, "bbox": [0, 0, 8, 8], "main": False})
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    return folder


def embedded(make: Make, encoder: str, crops: list[Image.Image]) -> Path:
    loaded = load_encoder(encoder)
    rows = [{"object_id": f"object-{i}", "row": i} for i in range(len(crops))]
    facts = {"preprocess": loaded.preprocess, "weights": loaded.digest}
    return make("vectors", "embeddings", rows, vectors=loaded.embed(crops).astype(np.float16), facts=facts)


def test_a_benchmark_object_in_training_leaks(make: Make, encoder: str, benchmark: Path) -> None:
    known = Image.open(benchmark / "images/1.png").crop((8, 8, 48, 48))
    vectors = embedded(make, encoder, [picture(1), known, picture(2), picture(3)])
    inputs = {"embeddings": vectors, "tuples": tuples(make, tuple_row("a", 0, [1, 2, 3], "train"))}
    params = Tuples(benchmark=str(benchmark), ir=encoder, crop_scale=1.0, benchmark_threshold=0.9997)
    gate = leakage(inputs, params)
    assert checks(gate)["benchmark_leaking_pairs"] == 1
    assert json.loads(gate.shows.files["leaks.json"]) == [
        {"train_row": 1, "benchmark": "images/1.png#1", "similarity": pytest.approx(1, abs=1e-3)}
    ]


def test_benchmark_embedded_by_another_model_is_refused(make: Make, encoder: str, benchmark: Path) -> None:
    inputs = {
        "embeddings": make(
            "vectors",
            "embeddings",
            [{"object_id": "object-0", "row": 0}],
            vectors=np.ones((1, 1), np.float16),
            facts={"weights": "another", "preprocess": load_encoder(encoder).preprocess},
        ),
        "tuples": tuples(make, tuple_row("a", 0, [0, 0, 0], "train")),
    }
    with pytest.raises(UserError, match="is not the model that the embeddings were made with"):
        leakage(inputs, Tuples(benchmark=str(benchmark), ir=encoder))


def scores(make: Make, gaps: dict[str, list[float]]) -> dict[str, Path]:
    rows = []
    for subject, values in gaps.items():
        for index, gap in enumerate(values):
            for system, value in (("objectmate", 0.5 + gap), ("shuffled-refs", 0.5), ("copy-paste", 0.9)):
                row = {"system": system, "benchmark": "insertion", "subject": subject, "sample": f"{subject}-{index}"}
                rows += [row | {"metric": metric, "value": value, "spec_digest": "d"} for metric in ("ir", "dino")]
    return {"scores": make("scores", "scores", rows)}


def test_reference_gap_needs_its_interval_above_zero(make: Make) -> None:
    clear = {f"s{i}": [0.1, 0.12 + i / 1000] for i in range(10)}
    gate = reference_gap(scores(make, clear), Model())
    assert checks(gate)["reference_gap_low"] > 0.1
    assert gate.shows.metrics["samples"] == 20
    noisy = {f"s{i}": [0.2 * (-1) ** i + 0.01] * 2 for i in range(10)}
    gate = reference_gap(scores(make, noisy), Model())
    assert checks(gate)["reference_gap_low"] < 0 < gate.shows.metrics["reference_gap"]
    assert not gate.checks[0].undecided


def test_few_subjects_or_no_scores_are_undecided(make: Make) -> None:
    few = reference_gap(scores(make, {"a": [0.2], "b": [0.2]}), Model())
    assert all("2 subjects are too few" in check.undecided for check in few.checks)
    none = reference_gap(scores(make, {}), Model())
    assert all("0 subjects are too few" in check.undecided for check in none.checks)
