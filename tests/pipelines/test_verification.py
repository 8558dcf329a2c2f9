"""`objectmate verify`: either the files on disk match the manifests, or each one that differs is named."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner
from workspace_data import make_workspace

from components.common.data.digests import digest_file
from components.common.data.reading import MANIFEST, UNFINISHED, Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.stage.params import StageParams
from pipelines.cli.app import app
from pipelines.engines.workspace import Workspace
from pipelines.report.verification import verify_workspace
from pipelines.steps import STEPS

DATASETS = {name for step in STEPS.values() for name in step.outputs.values()}
PHOTOGRAPH = {"image_id": "a", "uri": "a.jpg", "width": 1, "height": 1, "format": "JPEG", "bytes": 2048}
PHOTOGRAPH |= {"dhash": bytes(32), "dhash_flipped": bytes(32), "train_ai": "unknown", "collection": "test"}


class Params(StageParams):
    pass


def flip(path: Path, at: float = 0.5) -> tuple[str, str]:
    """Flips one bit; returns the first digits of the digests before and after."""
    before, data = digest_file(path), bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 1
    path.write_bytes(data)
    return before[:12], digest_file(path)[:12]


def verify(workspace: Workspace) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["verify", "--workspace", str(workspace.root)])
    return result.exit_code, result.output


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with every dataset, including photographs with bytes and a model with files."""
    made = make_workspace(tmp_path / "run")
    images, model = made.dataset("images"), made.dataset("model_insertion")
    for folder in (images, model):
        shutil.rmtree(folder)
    with Writer(images, "images", "ingest", {}, Params()) as out:
        out.facts["sizes"] = {10: 1, 9: 2}
        out.write(0, [PHOTOGRAPH], [{"image.jpg": bytes(range(256)) * 8}])
    with Writer(model, "model", "training", {}, Params()) as out:
        weights = model / "pipeline" / "unet.safetensors"
        weights.parent.mkdir()
        weights.write_bytes(b"weights")
        out.write(0, [{"path": "pipeline/unet.safetensors", "bytes": 7, "sha256": digest_file(weights)}])
    return made


def test_what_is_whole_passes(workspace: Workspace) -> None:
    code, output = verify(workspace)
    assert code == 0 and f"{len(DATASETS)} manifests of {len(DATASETS)} datasets are what the manifests say" in output


def test_one_flipped_bit_in_a_tar_is_named(workspace: Workspace) -> None:
    before, after = flip(workspace.dataset("images") / "part-00000.tar")
    assert Dataset(workspace.dataset("images")).rows()  # readers do not notice
    code, output = verify(workspace)
    assert code == 1 and f"images/part-00000.tar: expected {before}, found {after}" in output
    assert f"in 1 of {len(DATASETS)} datasets, differ" in output


def test_a_models_weights_are_hashed(workspace: Workspace) -> None:
    before, after = flip(workspace.dataset("model_insertion") / "pipeline/unet.safetensors")
    code, output = verify(workspace)
    assert code == 1 and f"model_insertion/pipeline/unet.safetensors: expected {before}, found {after}" in output


def test_a_manifest_that_does_not_fit_its_digest_is_named(workspace: Workspace) -> None:
    path = workspace.dataset("sets") / MANIFEST
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"facts": {"sets": 7}}))
    code, output = verify(workspace)
    assert code == 1 and f"sets/{MANIFEST}: expected {content['digest'][:12]}, found " in output


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b'{"kind": 1}'])
def test_a_manifest_that_cannot_be_read_is_named(workspace: Workspace, content: bytes) -> None:
    (workspace.dataset("sets") / MANIFEST).write_bytes(content)
    code, output = verify(workspace)
    assert code == 1 and f"sets/{MANIFEST}: expected readable, found unreadable" in output


def test_files_that_are_missing_or_not_in_the_manifest_are_named(workspace: Workspace) -> None:
    (workspace.dataset("sets") / "part-00000.parquet").unlink()
    (workspace.dataset("model_insertion") / "pipeline/adapter.json").write_text("{}")
    code, output = verify(workspace)
    assert code == 1 and "sets/part-00000.parquet: expected " in output and "found missing" in output
    assert "model_insertion/pipeline/adapter.json: expected not in the manifest, found " in output
    assert f"in 2 of {len(DATASETS)} datasets" in output


def test_unfinished_datasets_are_counted_and_named(workspace: Workspace) -> None:
    (workspace.dataset("sets") / UNFINISHED).write_text("{}")
    code, output = verify(workspace)
    assert code == 0 and "1 unfinished datasets were not hashed: sets." in output


def test_a_folder_without_datasets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no finished dataset in .*name its --workspace"):
        verify_workspace(tmp_path)
