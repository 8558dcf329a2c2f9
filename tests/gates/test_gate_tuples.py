"""Removal, leakage and model gates."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gate_data import Limits, Make, object_row, photographs, picture
from PIL import Image
from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

from components.common.data.rejections import rejection
from components.common.errors import UserError
from components.common.statistics import share_lower_bound
from components.common.vision.encoders import load_encoder
from components.common.vision.images import encode_png
from components.gates.alike import close_pairs
from components.gates.leakage import leakage
from components.gates.params import Model, Tuples
from components.gates.reference_gap import reference_gap
from components.gates.removal import removal


def checks(gate) -> dict[str, Any]:
    return {check.name: check.observed for check in gate.checks}


def failed(gate) -> list[str]:
    return [check.name for check in gate.checks if (check.excess > 0).any()]


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
    of_two = [object_row(row, f"image-{row // 2}") for row in range(4)]
    objects = make("some", "objects", of_two, blobs=[{"crop.png": b""}] * 4)
    gate = removal(
        {"backgrounds": folder, "objects": objects, "removal_rejects": make("none", "rejects", [])}, Tuples()
    )
    assert checks(gate) == {"clean_share": 0.75, "outside_change": 0.4}
    assert gate.shows.metrics["clean_share_elsewhere"] == pytest.approx(share_lower_bound(1.5, 2))  # two photographs
    assert str(gate.checks[0]).startswith("3 of all 4 backgrounds are clean inside the box, 0.750")
    assert "removal model" in gate.checks[0].next_step and "whole photographs" not in str(gate.checks[0])


def test_a_run_without_a_set_gets_no_advice_about_its_remover(make: Make) -> None:
    objects = make("one", "objects", [object_row(0, "image-0")], blobs=[{"crop.png": b""}])
    nothing = {"backgrounds": make("backgrounds", "backgrounds", []), "removal_rejects": make("none", "rejects", [])}
    check = removal(nothing | {"objects": objects}, Tuples()).checks[0]
    assert "there is no set" in check.next_step and "removal model" not in check.next_step


def test_the_confidence_that_is_printed_is_the_one_of_the_bound(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.gates.removal.CONFIDENCE", 0.5)
    folder = make("backgrounds", "backgrounds", [background(0, 0.2)], blobs=[{"image.png": b"", "mask.png": b""}])
    objects = make("one", "objects", [object_row(0, "image-0")], blobs=[{"crop.png": b""}])
    gate = removal(
        {"backgrounds": folder, "objects": objects, "removal_rejects": make("none", "rejects", [])}, Tuples()
    )
    assert str(gate.checks[0]).endswith("at least 0.50 (50%)")


@pytest.mark.parametrize(("residual", "why"), [(0.95, True), (0.1, False)])
def test_boxes_of_whole_photographs_are_named_as_the_cause(make: Make, residual: float, why: bool) -> None:
    rows = [background(row, residual) for row in range(4)]
    folder = make("backgrounds", "backgrounds", rows, blobs=[{"image.png": b"", "mask.png": b""}] * 4)
    boxes = [object_row(row, f"image-{row}") for row in range(4)]
    objects = make("whole", "objects", boxes, None, Limits(source="whole"), blobs=[{"crop.png": b""}] * 4)
    inputs = {"backgrounds": folder, "objects": objects, "removal_rejects": make("none", "rejects", [])}
    check = removal(inputs, Tuples()).checks[0]
    assert ("nothing around an object to fill its place from" in str(check)) == why
    assert check.next_step.startswith("give boxes: --set detection.source=salient")


def test_anchors_that_fill_their_photograph_are_named_as_the_cause(make: Make) -> None:
    objects = make("some", "objects", [object_row(0, "image-0")], blobs=[{"crop.png": b""}])
    for name, rows, filling, why in (("all", [], 5, True), ("some", [background(0, 0.95)], 5, False)):
        blobs = [{"image.png": b"", "mask.png": b""}] * len(rows)
        folder = make(name + "-filling", "backgrounds", rows, blobs=blobs)
        without = [rejection("removal", "set", f"object-{row}", None, "no-surroundings") for row in range(filling)]
        inputs = {
            "backgrounds": folder,
            "objects": objects,
            "removal_rejects": make(name + "-rejects", "rejects", without),
        }
        check = removal(inputs, Tuples()).checks[0]
        assert ("all 5 anchors fill their photograph, so there is nothing around" in str(check)) == why
        assert check.next_step.startswith("give boxes" if why else "use a better removal model")
        assert not str(check).endswith("; ")


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


def encoder_folder(folder: Path, seed: int) -> str:
    """A small encoder with random weights."""
    torch.manual_seed(seed)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=16)
    ResNetForImageClassification(config).save_pretrained(folder)
    ConvNextImageProcessor(size={"shortest_edge": 32}).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def params(tmp_path: Path) -> dict[str, Any]:
    """Two encoders, the one that mined and the independent one, and no benchmark."""
    models = {name: encoder_folder(tmp_path / name, seed) for seed, name in enumerate(("ir", "second_ir"))}
    return models | {"benchmark": "", "crop_scale": 1.0, "device": "cpu"}


def product_view(product: int, view: int) -> Image.Image:
    """One of four pictures that differ little."""
    pixels = np.asarray(picture(1000 + product), np.int16) + 3 * view
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def mined(make: Make, params: dict[str, Any], crops: list[Image.Image], vectors: np.ndarray | None = None):
    """objects with these crops, and embeddings: by `params["ir"]`, or `vectors` that it is made to have given."""
    images, _ = photographs(len(crops))
    objects = [object_row(row, image["image_id"]) for row, image in enumerate(images)]
    encoder = load_encoder(params["ir"])
    if vectors is None:
        vectors = encoder.embed(crops)
    return {
        "objects": make("objects", "objects", objects, blobs=[{"crop.png": encode_png(crop)} for crop in crops]),
        "embeddings": make(
            "embeddings",
            "embeddings",
            [{"object_id": row["object_id"], "row": row["row"]} for row in objects],
            vectors=vectors.astype(np.float16),
            facts={"preprocess": encoder.preprocess, "weights": encoder.digest},
        ),
    }


@pytest.fixture
def twelve(make: Make, params: dict[str, Any]) -> dict[str, Path]:
    """12 objects, 3 products of 4 views, which both encoders tell apart."""
    vectors = np.eye(16)[np.arange(12) // 4]
    return mined(make, params, [product_view(row // 4, row % 4) for row in range(12)], vectors)


def test_split_by_product_does_not_leak(twelve: dict[str, Path], make: Make, params: dict[str, Any]) -> None:
    sound = tuples(
        make, tuple_row("a", 0, [1, 2, 3], "train"), tuple_row("b", 4, [5, 6, 7], "train"),
        tuple_row("c", 8, [9, 10, 11], "validation"),
    )  # fmt: skip
    gate = leakage(twelve | {"tuples": sound}, Tuples(**params))
    assert checks(gate) == {"leaking_pairs": 0, "shared_photographs": 0, "second_leaks": 0}
    assert (gate.shows.metrics["train_objects"], gate.shows.metrics["validation_objects"]) == (8, 4)
    assert not gate.shows.files


def test_a_photograph_on_both_sides_leaks(twelve: dict[str, Path], make: Make, params: dict[str, Any]) -> None:
    train, validation = tuple_row("a", 0, [1, 2, 3], "train"), tuple_row("b", 8, [9, 10, 11], "validation")
    validation["sources"][1:3] = ["image-2", "image-3"]
    gate = leakage(twelve | {"tuples": tuples(make, train, validation)}, Tuples(**params))
    assert checks(gate) == {"leaking_pairs": 0, "shared_photographs": 2, "second_leaks": 0}
    assert failed(gate) == ["shared_photographs"]


def test_one_product_on_both_sides_leaks(twelve: dict[str, Path], make: Make, params: dict[str, Any]) -> None:
    torn = tuples(make, tuple_row("a", 0, [1, 4, 5], "train"), tuple_row("b", 8, [2, 9, 10], "validation"))
    gate = leakage(twelve | {"tuples": torn}, Tuples(**params))
    assert failed(gate) == ["leaking_pairs", "second_leaks"]
    assert checks(gate) == {"leaking_pairs": 2, "shared_photographs": 0, "second_leaks": 0.25}
    shown = json.loads(gate.shows.files["leaks.json"])
    assert {(pair["encoder"], pair["train_row"], pair["validation"]) for pair in shown} >= {
        ("ir", 0, 2), ("ir", 1, 2), ("second_ir", 1, 2)
    }  # fmt: skip


def test_the_independent_encoder_sees_what_the_one_that_mined_tore_apart(make: Make, params: dict[str, Any]) -> None:
    """Eight views of one product, for mining two products of four; a third product on either side."""
    of = np.array([0] * 8 + [1] * 4 + [2] * 4)
    vectors = np.eye(16)[np.array([0] * 4 + [3] * 4 + [1] * 4 + [2] * 4)]
    inputs = mined(make, params, [product_view(of[row], row % 4) for row in range(16)], vectors)
    torn = tuples(
        make,
        tuple_row("a", 0, [1, 2, 3], "train"), tuple_row("b", 8, [9, 10, 11], "train"),
        tuple_row("c", 4, [5, 6, 7], "validation"), tuple_row("d", 12, [13, 14, 15], "validation"),
    )  # fmt: skip
    gate = leakage(inputs | {"tuples": torn}, Tuples(**params))
    assert checks(gate) == {"leaking_pairs": 0, "shared_photographs": 0, "second_leaks": 0.5}
    assert failed(gate) == ["second_leaks"]
    pairs = json.loads(gate.shows.files["leaks.json"])
    assert {pair["encoder"] for pair in pairs} == {"second_ir"}
    assert {pair["validation"] for pair in pairs} == {4, 5, 6, 7}
    assert not failed(leakage(inputs | {"tuples": torn}, Tuples(**params, max_second_leaks=0.5)))


def test_the_encoder_that_mined_cannot_be_the_independent_one(
    twelve: dict[str, Path], make: Make, params: dict[str, Any]
) -> None:
    sound = tuples(make, tuple_row("a", 0, [1, 2, 3], "train"))
    with pytest.raises(UserError, match="is the encoder that mined, which would check itself"):
        leakage(twelve | {"tuples": sound}, Tuples(**params | {"second_ir": params["ir"]}))


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


def test_a_benchmark_object_in_training_leaks(make: Make, params: dict[str, Any], benchmark: Path) -> None:
    known = Image.open(benchmark / "images/1.png").crop((8, 8, 48, 48))
    inputs = mined(make, params, [picture(1), known, picture(2), picture(3)])
    inputs["tuples"] = tuples(make, tuple_row("a", 0, [1, 2, 3], "train"))
    gate = leakage(inputs, Tuples(**params | {"benchmark": str(benchmark)}, benchmark_threshold=0.9997))
    assert checks(gate)["benchmark_leaking_pairs"] == 1
    assert checks(gate)["second_benchmark_leaks"] >= 0.5
    assert {"benchmark_leaking_pairs", "second_benchmark_leaks"} <= set(failed(gate))
    pairs = json.loads(gate.shows.files["leaks.json"])
    same = {"train_row": 1, "benchmark": "images/1.png#1", "similarity": pytest.approx(1, abs=1e-3)}
    assert [{"encoder": "ir"} | same] == [pair for pair in pairs if pair["encoder"] == "ir"]
    assert {"encoder": "second_ir"} | same in pairs


def test_benchmark_embedded_by_another_model_is_refused(
    make: Make, params: dict[str, Any], benchmark: Path, tmp_path: Path
) -> None:
    inputs = mined(make, params, [picture(row) for row in range(4)])
    inputs["tuples"] = tuples(make, tuple_row("a", 0, [1, 2, 3], "train"))
    other = params | {"benchmark": str(benchmark), "ir": encoder_folder(tmp_path / "other", 7)}
    with pytest.raises(UserError, match="is not the model that the embeddings were made with"):
        leakage(inputs, Tuples(**other))


def scores(make: Make, gaps: dict[str, list[float]]) -> dict[str, Path]:
    rows = []
    for subject, values in gaps.items():
        for index, gap in enumerate(values):
            for system, value in (("objectmate", 0.5 + gap), ("shuffled-refs", 0.5), ("copy-paste", 0.9)):
                row = {"system": system, "benchmark": "insertion", "subject": subject, "sample": f"{subject}-{index}"}
                rows += [
                    row | {"metric": metric, "value": value, "spec_digest": "d"} for metric in ("second_ir", "dino")
                ]
    return {"scores": make("scores", "scores", rows)}


def test_reference_gap_needs_its_interval_above_zero(make: Make) -> None:
    clear = {f"s{i}": [0.1, 0.12 + i / 1000] for i in range(10)}
    gate = reference_gap(scores(make, clear), Model())
    assert checks(gate)["reference_gap_low"] > 0.1
    assert gate.shows.metrics["samples"] == 20
    assert gate.shows.metrics["reference_gap_dino"] == pytest.approx(gate.shows.metrics["reference_gap"], abs=1e-3)
    noisy = {f"s{i}": [0.2 * (-1) ** i + 0.05] * 2 for i in range(10)}
    gate = reference_gap(scores(make, noisy), Model())
    assert checks(gate)["reference_gap_low"] < 0 < gate.shows.metrics["reference_gap"]
    assert gate.checks[0].undecided == "neither a gap nor its absence is shown"
    assert gate.checks[0].next_step.startswith("evaluate about 92 subjects")
    worse = reference_gap(scores(make, {f"s{i}": [-0.1, -0.12 - i / 1000] for i in range(10)}), Model())
    assert not worse.checks[0].undecided and "train longer" in worse.checks[0].next_step


def test_few_subjects_or_no_scores_are_undecided(make: Make) -> None:
    few = reference_gap(scores(make, {"a": [0.2], "b": [0.2]}), Model())
    assert all("2 subjects are too few" in check.undecided for check in few.checks)
    none = reference_gap(scores(make, {}), Model())
    assert all("0 subjects are too few" in check.undecided for check in none.checks)
