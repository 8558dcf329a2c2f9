"""Shared by all tests: one thread per process, no network, and the folder of real photographs."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.start import SPIN_COUNT

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "1"
# GPU kernels run in Triton's interpreter, on CPU tensors. Triton reads this on import, and lightning imports it, so it
# cannot wait for the tests of the kernel. With TRITON_INTERPRET=0 they use a real GPU.
os.environ.setdefault("TRITON_INTERPRET", "1")

ROOT = Path(__file__).parent.parent
pytest_plugins = ["browser"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a long run come first, so that none is left to one worker at the end (with --no-loadscope-reorder)."""
    long = {item.path for item in items if item.get_closest_marker("pipeline")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photographs: OBJECTMATE_PHOTOS, or ../shared/photos next to the checkout."""
    folder = Path(os.environ.get("OBJECTMATE_PHOTOS", ROOT.parent / "shared" / "photos"))
    if not folder.is_dir():
        pytest.skip(f"no real photographs at {folder}; set OBJECTMATE_PHOTOS to run this test")
    return folder


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Datasets of some anchors, which no test changes; see `anchor_data`."""
    from anchor_data import write_datasets

    return write_datasets(tmp_path_factory.mktemp("datasets"))


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder, which no test changes; see `anchor_data`."""
    from anchor_data import save_judge

    return save_judge(tmp_path_factory.mktemp("judge"))


@pytest.fixture(scope="session")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real S3 server for the session, as the environment variables that name it and its keys."""
    if missing := [name for name in ("radosgw", "ceph-mon", "ceph-osd", "ceph", "curl") if not shutil.which(name)]:
        pytest.skip(f"no S3 server: {missing[0]} is not installed; `infra/local/store.sh up` installs it")
    script, folder = ROOT / "infra/local/store.sh", tmp_path_factory.mktemp("store")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = subprocess.run([script, "up", folder, str(port)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yield dict(word.split("=", 1) for word in done.stdout.split()[1:])
    subprocess.run([script, "down", folder], check=True)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 in this process, with the bucket `runs`, which keeps all versions."""
    import boto3
    from moto import mock_aws

    for name, value in {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "x"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="runs")
        client.put_bucket_versioning(Bucket="runs", VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture(autouse=True, scope="module")
def mlflow_forgotten_after_a_module() -> Iterator[None]:
    """As `mlflow_forgotten`, for what a module's own fixtures leave."""
    yield from _mlflow_forgotten()


@pytest.fixture(autouse=True)
def mlflow_forgotten() -> Iterator[None]:
    """MLflow keeps its address and experiment in the environment, where a later test's processes would find them."""
    yield from _mlflow_forgotten()


def _mlflow_forgotten() -> Iterator[None]:
    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    yield
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        os.environ.pop(name)
    os.environ.update(before)


@pytest.fixture
def store_settings(store_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of that server's user: its address and keys, and nothing else of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in store_server.items():
        monkeypatch.setenv(name, value)
    return store_server
