"""The embedding stage: rows in order, always the same bytes, facts that name the encoder, clear errors."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from folders import files_of, killed_at_call
from in_shares import run_in_shares
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.stage.params import StageParams, validate
from components.common.vision.encoders import Encoder, load_encoder
from components.common.vision.images import dhashes, encode_png
from components.embedding.params import Params
from components.embedding.stage import run

COUNT, DIM = 11, 24


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny random instance-retrieval model: a ResNet with 24 logits."""
    folder = tmp_path_factory.mktemp("ir")
    torch.manual_seed(0)
    config = hf.ResNetConfig(num_labels=DIM, embedding_size=8, hidden_sizes=[8], depths=[1], layer_type="basic")
    hf.ResNetForImageClassification(config).save_pretrained(folder)
    hf.ConvNextImageProcessorPil(size={"shortest_edge": 32}).save_pretrained(folder)
    return str(folder)


def crop(seed: int) -> Image.Image:
    grid = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), np.uint8)
    return Image.fromarray(grid).resize((30 + seed, 40), Image.Resampling.BICUBIC)


def make_objects(folder: Path, count: int) -> Path:
    rows = []
    for row in range(count):
        plain, flipped = dhashes(crop(row))
        box = {"x": 0.0, "y": 0.0, "w": 30.0, "h": 40.0, "category": "mug", "score": 1.0}
        keys = {"object_id": hashlib.sha256(bytes([row])).hexdigest(), "row": row, "image_id": f"image-{row}"}
        rows.append(keys | box | {"dhash": plain, "dhash_flipped": flipped})
    with Writer(folder, "objects", "detection", {}, StageParams()) as out:
        out.write(0, rows, [{"crop.png": encode_png(crop(row))} for row in range(count)])
    return folder


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_objects(tmp_path_factory.mktemp("data") / "objects", COUNT)


def embed(objects: Path, folder: Path, model: str, **more: object):
    params = Params(ir=model, **{"batch": 2, "part_rows": 4, "device": "cpu"} | more)
    made = {"embeddings": folder, "reserved": folder.with_name(f"{folder.name}-reserved")}
    return run({"objects": objects}, made, params), Dataset(folder)


def test_one_unit_vector_per_row_in_order(objects, tmp_path, model):
    report, made = embed(objects, tmp_path / "e", model)
    vectors, encoder = made.vectors(), load_encoder(model, mirror=True, batch=2)
    assert vectors.dtype == np.float16 and vectors.shape == (COUNT, DIM)
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(vectors, encoder.embed([crop(row) for row in range(COUNT)]), atol=2e-3)
    assert [row["object_id"] for row in made.rows()] == [row["object_id"] for row in Dataset(objects).rows()]
    assert len(made.manifest.parts) == 3
    assert report.metrics["objects"] == COUNT and 1 <= report.metrics["effective_dimensions"] <= DIM


def test_the_manifest_says_which_encoder_saw_what(objects, tmp_path, model):
    _, made = embed(objects, tmp_path / "e", model, framing="squash", mirror=False)
    arithmetic = f"cpu, {torch.get_num_threads()} threads"
    assert made.manifest.models == {"encoder": made.facts["weights"], "arithmetic": arithmetic}
    assert made.facts.keys() == {"weights", "preprocess", "dim"} and made.facts["dim"] == DIM
    assert made.facts["preprocess"]["framing"] == "squash" and made.facts["preprocess"]["mirror"] is False


def test_workers_change_no_byte(objects, tmp_path, model):
    for workers in (1, 3):
        embed(objects, tmp_path / str(workers), model, workers=workers)
    assert files_of(tmp_path / "1") == files_of(tmp_path / "3")


def test_killed_and_resumed_is_byte_identical(objects, tmp_path, model):
    embed(objects, tmp_path / "whole", model)
    # The first call finds the model's dimension.
    with killed_at_call(2, Encoder, "embed"), pytest.raises(KeyboardInterrupt):
        embed(objects, tmp_path / "killed", model)
    assert (tmp_path / "killed" / "part-00000.npy").exists() and not (tmp_path / "killed" / "manifest.json").exists()
    embed(objects, tmp_path / "killed", model)
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")


def test_no_objects_no_vectors(tmp_path, model):
    report, made = embed(make_objects(tmp_path / "objects", 0), tmp_path / "e", model)
    assert made.vectors().shape == (0, DIM) and "no objects" in report.notes[0]


def test_a_vector_that_is_not_finite_names_its_object(objects, tmp_path, model, monkeypatch):
    real = Encoder.embed_pixels

    def broken(self, pixels):
        vectors = real(self, pixels)
        vectors[-1] = np.nan
        return vectors

    monkeypatch.setattr(Encoder, "embed_pixels", broken)
    with pytest.raises(UserError, match=r"no finite vector for object \w{64}\b"):
        embed(objects, tmp_path / "e", model)


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """Two photographs of one object each, in COCO format."""
    folder = tmp_path / "benchmark"
    folder.mkdir()
    for index in range(2):
        crop(index).save(folder / f"{index}.png")
    coco = {
        "images": [{"id": index, "file_name": f"{index}.png"} for index in range(2)],
        "annotations": [{"id": index, "image_id": index, "bbox": [2, 2, 20, 20]} for index in range(2)],
    }
    (folder / "annotations.json").write_text(json.dumps(coco))
    return folder


def reserved(objects: Path, folder: Path, model: str, benchmark: Path) -> Dataset:
    embed(objects, folder, model, benchmark=str(benchmark))
    return Dataset(folder.with_name(f"{folder.name}-reserved"))


def test_the_benchmarks_objects_are_embedded_and_its_pictures_known(objects, tmp_path, model, benchmark):
    before = reserved(objects, tmp_path / "a", model, benchmark)
    assert before.rows() == [{"object_id": f"{n}.png#{n}", "row": n} for n in range(2)]
    assert before.vectors().shape == (2, DIM)
    crop(7).save(benchmark / "1.png")
    after = reserved(objects, tmp_path / "b", model, benchmark)
    assert before.manifest.models["encoder"] == after.manifest.models["encoder"]
    assert before.manifest.fingerprint != after.manifest.fingerprint


def test_a_benchmark_vector_that_is_not_finite_names_its_object(objects, tmp_path, model, benchmark, monkeypatch):
    real = Encoder.embed_pixels

    def broken(self, pixels):
        vectors = real(self, pixels)
        if calls := getattr(self, "calls", 0):
            vectors[-1] = np.nan
        self.calls = calls + 1
        return vectors

    monkeypatch.setattr(Encoder, "embed_pixels", broken)
    empty = make_objects(tmp_path / "objects", 0)
    with pytest.raises(UserError, match=r"no finite vector for object 1\.png#1"):
        reserved(empty, tmp_path / "e", model, benchmark)


def test_parts_hold_whole_batches():
    with pytest.raises(UserError, match="part_rows = 100 must be a multiple of batch = 32"):
        validate(Params, {"part_rows": 100}, "params.yaml: embedding")


def test_two_workers_make_what_one_makes(objects, tmp_path, model):
    embed(objects, tmp_path / "whole", model)
    made = {"embeddings": tmp_path / "gathered", "reserved": tmp_path / "reserved"}
    params = Params(ir=model, batch=2, part_rows=4, device="cpu")
    run_in_shares(run, {"objects": objects}, made, params, workers=2)
    assert files_of(tmp_path / "gathered") == files_of(tmp_path / "whole")
    assert files_of(tmp_path / "reserved") == files_of(tmp_path / "whole-reserved")
