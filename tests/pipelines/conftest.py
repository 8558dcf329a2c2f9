"""The run whose precision gate waits for answers, for the tests of labelling."""

import shutil
from pathlib import Path

import pytest
from labelling_data import make_run


@pytest.fixture(scope="session")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in runs/mugs-1 whose gate has no verdict at all."""
    home = tmp_path_factory.mktemp("unlabelled")
    make_run(home / "runs" / "mugs-1")
    return home


@pytest.fixture
def undecided(unlabelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder."""
    shutil.copytree(unlabelled, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"
