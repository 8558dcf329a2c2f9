"""What a dataset's identity says about the machine and the models, and what only `run.json` says."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from anchor_data import outputs as anchor_outputs
from anchor_data import photograph

from components.common.computing import arithmetic, pinned_threads
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.join import built
from components.common.join.built import Isa
from components.common.stage import machine
from components.common.stage.params import StageParams
from components.common.stage.running import execute
from components.common.stage.shared import OnDevice
from components.common.vision.images import dhashes, encode_png
from components.common.vision.models import weights_digest
from components.embedding import STAGE as EMBEDDING
from components.embedding.params import Params as Embedding
from components.mining.params import Params as Mining
from components.removal import STAGE as REMOVAL
from components.removal.params import Params as Removal
from pipelines.steps import STEPS

RESIDUAL = {"kind": "residual", "remover": "sandbox:remover", "size": 64, "device": "cpu"}


@pytest.fixture
def a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretends that there is a GPU; nothing is computed on it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


def fingerprint(params: StageParams) -> str:
    return Writer(Path("unused"), "embeddings", "embedding", {}, params, {"encoder": "same"}).fingerprint


def test_cpu_and_gpu_have_different_fingerprints(a_gpu: None) -> None:
    cpu, cuda, auto, second = (fingerprint(Embedding(device=name)) for name in ("cpu", "cuda", "auto", "cuda:1"))
    assert cpu != cuda == auto == second


def test_an_exact_stage_has_the_same_fingerprint_on_every_device(a_gpu: None) -> None:
    assert fingerprint(Mining(device="cpu", threads=1)) == fingerprint(Mining(device="cuda", threads=4))


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_a_stage_that_loads_a_model_records_its_device(step) -> None:
    params = step.stage.params
    if params.naming("model"):
        assert issubclass(params, OnDevice)


def test_threads_count_for_networks_on_a_cpu_only(a_gpu: None) -> None:
    one, three = (Embedding(device="cpu", threads=count) for count in (1, 3))
    for params in (one, three):
        with pinned_threads(params):
            assert arithmetic(params) == {"arithmetic": f"cpu, {params.threads} threads"}
    assert arithmetic(Embedding(device="cuda")) == {"arithmetic": "cuda"}
    assert one.identity() == three.identity()


@pytest.mark.parametrize("parameters", [RESIDUAL, {"kind": "opencv", "size": 64, "device": "cpu"}])
def test_the_number_of_available_threads_changes_no_byte(
    inputs: dict[str, Path], judge: Path, tmp_path: Path, parameters: dict
) -> None:
    """The sandbox's remover rounds differently in one thread than in two."""
    params = Removal(second_ir=str(judge), **parameters)
    before = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            execute(
                REMOVAL,
                params,
                inputs,
                anchor_outputs("backgrounds", tmp_path / str(count)),
                tmp_path / f"report-{count}",
            )
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)
    one, three = (Dataset(tmp_path / name) for name in ("1", "3"))
    assert one.digest == three.digest and one.manifest.fingerprint == three.manifest.fingerprint
    assert one.manifest.models["arithmetic"] == "cpu, 2 threads"


def test_an_encoder_has_the_same_identity_in_any_folder(inputs: dict[str, Path], judge: Path, tmp_path: Path) -> None:
    shutil.copytree(judge, tmp_path / "elsewhere")
    embeddings = []
    for folder in (judge, tmp_path / "elsewhere"):
        outputs = {role: tmp_path / f"{role}-{folder.name}" for role in ("embeddings", "reserved")}
        params = Embedding(ir=str(folder), benchmark="", device="cpu")
        inputs = {"objects": write_crops(tmp_path / "objects")}
        execute(EMBEDDING, params, inputs, outputs, tmp_path / "report")
        embeddings.append(Dataset(outputs["embeddings"]))
    assert (
        embeddings[0].digest == embeddings[1].digest
        and embeddings[0].manifest.fingerprint == embeddings[1].manifest.fingerprint
    )
    assert str(tmp_path) not in (embeddings[1].folder / "manifest.json").read_text()


def write_crops(folder: Path) -> Path:
    """Three objects with crops."""
    rows = []
    for row in range(3):
        plain, flipped = dhashes(photograph(row))
        box = {"x": 0.0, "y": 0.0, "w": 30.0, "h": 40.0, "category": "mug", "score": 1.0}
        keys = {"object_id": f"object-{row}", "row": row, "image_id": f"image-{row}"}
        rows.append(keys | box | {"dhash": plain, "dhash_flipped": flipped})
    with Writer(folder, "objects", "detection", {}, StageParams()) as out:
        out.write(0, rows, [{"crop.png": encode_png(photograph(row))} for row in range(3)])
    return folder


@pytest.mark.parametrize(
    "name",
    ["config.json", "tokenizer.model", "vocab.txt", "merges.txt", "chat_template.jinja", "spiece.vocab", "vae/x.bin"],
)
def test_every_file_that_loading_may_read_is_in_a_models_digest(judge: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(judge, tmp_path / "model")
    before = weights_digest(str(tmp_path / "model"))
    (tmp_path / "model" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "model" / name).write_text("changed")
    assert weights_digest(str(tmp_path / "model")) != before


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "LICENSE.txt", "sample.PNG", ".gitattributes", ".cache/lock"])
def test_files_about_a_model_are_not_in_its_digest(judge: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(judge, tmp_path / "model")
    (tmp_path / "model" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "model" / name).write_text("changed")
    assert weights_digest(str(tmp_path / "model")) == weights_digest(str(judge))


def test_a_run_records_its_machine(inputs: dict[str, Path], judge: Path, tmp_path: Path) -> None:
    params = Removal(second_ir=str(judge), **RESIDUAL)
    execute(REMOVAL, params, inputs, anchor_outputs("backgrounds", tmp_path / "out"), tmp_path / "report")
    recorded = json.loads((tmp_path / "report" / "run.json").read_text())["machine"]
    assert recorded["processor"] and recorded["gpu"] == ""
    assert recorded["instruction_sets"]["torch"] == torch.backends.cpu.get_cpu_capability()
    assert recorded["threads"]["torch"] == params.threads and recorded["threads"]["opencv"] >= 1
    assert recorded["threads"]["cores"] == os.cpu_count()
    assert recorded["threads"]["OMP_NUM_THREADS"] == os.environ.get("OMP_NUM_THREADS", "")
    assert recorded["versions"]["torch"] == torch.__version__
    assert {"python", "numpy", "pillow", "opencv-python-headless", "pillow:jpg"} <= recorded["versions"].keys()


def test_a_run_that_joins_records_the_kernels_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for isa in (Isa.NONE, Isa.AVX2):
        monkeypatch.setattr(built, "best_isa", lambda isa=isa: isa)
        assert machine.describe()["instruction_sets"]["join"] == isa.name


FAULTS = """
import resource, torch
from components.common.computing import pick_device

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(4_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

fetched = faults()
pick_device("cpu")
faults()
print(fetched, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_memory_that_a_tensor_frees_serves_the_next_one() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    fetched, kept = map(int, done.stdout.split())
    assert kept < fetched / 10
