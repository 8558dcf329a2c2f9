"""The one way a stage runs: what it leaves beside its datasets."""

import getpass
import json
from pathlib import Path

import pytest

from components.common.params import StageParams
from components.common.report import Report
from components.common.stage import execute


def quiet_stage(inputs: dict[str, Path], outputs: dict[str, Path], params: StageParams) -> Report:
    """A stage that makes nothing."""
    return Report()


def test_a_user_without_a_name_is_recorded_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    execute(f"{__name__}:quiet_stage", StageParams(), {}, {}, tmp_path / "report", name="quiet")
    assert json.loads((tmp_path / "report" / "run.json").read_text())["user"] == "4711"
