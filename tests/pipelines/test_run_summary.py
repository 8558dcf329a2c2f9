"""What a run says at its end of the files that people brought."""

from pathlib import Path

import pytest
from workspace_data import make_step, make_workspace

from components.common.stage.report import Report
from pipelines.engines.request import Request
from pipelines.engines.summary import Outcome, summarise
from pipelines.steps import STEPS


def test_what_did_not_come_in_is_told_by_name_if_anything_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = make_workspace(tmp_path / "run")
    note = "Refused as truncated: 2 files, [a].jpg, b.jpg (a JPEG file with a broken header)."
    make_step(workspace, STEPS["ingest"], Report(notes=[note]))
    make_step(workspace, STEPS["embedding"], Report(notes=["Of no concern."]))
    summarise(workspace, Request("full"), Outcome(["gate_intake"], ["gate_intake"], 2.0))
    said = capsys.readouterr().out
    assert f"Photographs: {note}\n" in said and "Of no concern" not in said
    summarise(workspace, Request("full"), Outcome([], [], 2.0))
    assert note not in capsys.readouterr().out
