"""The store when network or server fail: a retry, or one sentence, but never half a file passed off as whole."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from faulty_proxy import Fault, Proxy

from components.common import retry
from components.common.data.reading import Dataset
from components.common.data.s3 import S3Store
from components.common.data.sandbox import resolve as resolve_world
from components.common.errors import StageFailed
from pipelines.parameters import render, resolve

pytestmark = pytest.mark.store
ROOT = Path(__file__).parents[2]
EVER = 1000
DATA = bytes(range(256)) * 8


@pytest.fixture
def proxy(store_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that the process takes for the store, without pauses between retries."""
    monkeypatch.setattr(retry.time, "sleep", lambda _: None)
    with Proxy(store_settings["AWS_ENDPOINT_URL"]) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.address)
        yield made


@pytest.fixture
def server(store_settings: dict[str, str]) -> Any:
    """A client that bypasses the proxy, of a server with the bucket `faults` and a file in it."""
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=store_settings["AWS_ENDPOINT_URL"])
    client.create_bucket(Bucket="faults")
    client.put_object(Bucket="faults", Key="root/old", Body=DATA)
    return client


@pytest.fixture
def store(server: Any, proxy: Proxy) -> S3Store:
    return S3Store("s3://faults/root")


@pytest.mark.parametrize("kind", ["busy", "half", "lost", "reset", "short"])
def test_reading_is_retried(store: S3Store, proxy: Proxy, kind: str) -> None:
    proxy.fault = Fault(kind, "GET", times=2)
    assert store.read("old") == DATA and store.list() == ["old"]
    assert list(proxy.fault.seen.values()) == [2, 2]


@pytest.mark.parametrize("kind", ["busy", "half", "lost", "reset", "short"])
def test_reading_that_never_succeeds_is_one_sentence(store: S3Store, proxy: Proxy, kind: str) -> None:
    proxy.fault = Fault(kind, "GET", times=EVER)
    for act in (lambda: store.read("old"), lambda: store.read("old", 1, 1000), store.list):
        with pytest.raises(
            StageFailed, match=r"s3://faults/root (breaks off|keeps failing \((SlowDown|500)\)).*: run again"
        ):
            act()


@pytest.fixture
def photographs(server: Any) -> int:
    """How many photographs the bucket `of-ingest` holds."""
    server.create_bucket(Bucket="of-ingest")
    paths = sorted(resolve_world("sandbox:corpus/images").glob("*.jpg"))[:24]
    for path in paths:
        server.upload_file(str(path), "of-ingest", path.name)
    return len(paths)


def test_ingest_makes_the_same_dataset_over_a_bad_network(photographs: int, proxy: Proxy, tmp_path: Path) -> None:
    assert ingest(tmp_path / "well").returncode == 0
    expected = Dataset(tmp_path / "well/data/images")
    assert len(expected) == photographs
    proxy.fault = Fault("short", "GET", times=1)
    done = ingest(tmp_path / "short")
    assert done.returncode == 0, done.stderr
    assert len(proxy.fault.seen) == photographs + 1
    assert Dataset(tmp_path / "short/data/images").digest == expected.digest


def test_ingest_continues_once_a_server_stops_throttling(photographs: int, proxy: Proxy, tmp_path: Path) -> None:
    proxy.fault = Fault("busy", "GET", times=EVER)
    failed = ingest(tmp_path)
    assert failed.returncode == 1
    assert failed.stderr.endswith("keeps failing (SlowDown): run again later, finished work is kept\n")
    proxy.fault = None
    assert ingest(tmp_path).returncode == 0
    assert len(Dataset(tmp_path / "data/images")) == photographs


def ingest(folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the stage on the bucket `of-ingest` as a user would, with this process's settings."""
    folder.mkdir(exist_ok=True)
    (folder / "params.yaml").write_text(render(resolve("sandbox", {"ingest.images": "s3://of-ingest"})))
    command = [sys.executable, "-m", "pipelines.cli.start", "stage", "ingest"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
