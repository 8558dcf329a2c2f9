"""The one way to run a stage: what it leaves next to its datasets."""

import getpass
import json
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from components.common.stage.contract import Stage
from components.common.stage.params import StageParams
from components.common.stage.running import commit, execute

QUIET = "from components.common.stage.report import Report\n\n\ndef run(inputs, outputs, params): return Report()\n"


def test_a_user_without_a_name_is_recorded_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    (tmp_path / "quiet").mkdir()
    (tmp_path / "quiet" / "stage.py").write_text(QUIET)
    monkeypatch.syspath_prepend(str(tmp_path))
    quiet = Stage("quiet", "Quiet", StageParams, "->", "data")
    execute(quiet, StageParams(), {}, {}, tmp_path / "report")
    assert json.loads((tmp_path / "report" / "run.json").read_text())["user"] == "4711"


WRITING = """
from components.common.data.writing import Writer
from components.common.stage.report import Report


def run(inputs, outputs, params):
    with Writer(outputs["sets"], "{kind}", "{stage}", inputs, params) as out:
        out.write(0, [])
    return Report()
"""


@pytest.mark.parametrize(("kind", "stage"), [("sets", "mining"), ("captions", "quiet"), ("sets", "quiet")])
def test_a_stage_makes_what_its_contract_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, stage: str
) -> None:
    room = f"writing_{kind}_{stage}"
    (tmp_path / room).mkdir()
    (tmp_path / room / "stage.py").write_text(WRITING.format(kind=kind, stage=stage))
    monkeypatch.syspath_prepend(str(tmp_path))
    contract = Stage(room, "Quiet", StageParams, "-> sets", "data", named="quiet")
    right = (kind, stage) == ("sets", "quiet")
    with nullcontext() if right else pytest.raises(ValueError, match=f"one of kind {kind} in the name of {stage}"):
        execute(contract, StageParams(), {}, {"sets": tmp_path / "sets"}, tmp_path / "report")
    assert (tmp_path / "report" / "run.json").is_file() is right


def test_writing_dvc_lock_does_not_count_as_changed_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    monkeypatch.delenv("OBJECTMATE_COMMIT", raising=False)
    (tmp_path / "room").mkdir()
    for name in ("dvc.lock", "room/stage.py"):
        (tmp_path / name).write_text("one")
    git("init", "--quiet")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "one")
    head = git("rev-parse", "HEAD")
    (tmp_path / "dvc.lock").write_text("two")
    assert commit(tmp_path / "room") == head
    (tmp_path / "room/stage.py").write_text("two")
    assert commit(tmp_path / "room") == f"{head}-dirty"
