"""A loopback model hub, and this process as one that asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub
from hub_stock import stock
from huggingface_hub import close_session, constants


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """An empty hub which this process asks, without waits between tries; the current folder is empty."""
    with Hub() as running:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", running.address)
        template = running.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100)  # bytes that are written at once
        monkeypatch.setattr("time.sleep", lambda seconds: running.waits.append(seconds))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.chdir(tmp_path)
        close_session()
        yield running
        close_session()


@pytest.fixture
def stocked(hub: Hub) -> Hub:
    """A hub that has every model of the profile `open`, as a few bytes in the right files."""
    stock(hub)
    return hub
