"""Two runs at once: the second is refused before it touches anything, whichever engine it names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.dvcfile import Lockfile
from short_run import ROOT, objectmate

from components.common.errors import UserError
from pipelines.cluster.sync import sync
from pipelines.engines.dvc_locks import drop_damaged_list, set_aside_damaged_lock_file
from pipelines.engines.lock import occupied
from pipelines.engines.request import Request
from pipelines.engines.run import run_pipeline, run_stage
from pipelines.engines.workspace import Workspace

HOLD = """
import sys, pathlib
from pipelines.engines.lock import occupied
from pipelines.engines.workspace import Workspace
with occupied(Workspace(pathlib.Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("engine", ["dvc", "kfp", "docker"])
def test_a_second_run_is_refused_before_it_touches_anything(engine: str, tmp_path: Path) -> None:
    (tmp_path / "ws").mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", HOLD, str(tmp_path / "ws")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        before = files(tmp_path)
        second = objectmate("run", "dataset", "--engine", engine, "--workspace", "ws", cwd=tmp_path)
        assert second.returncode == 2, second.stdout + second.stderr
        assert f"a run is already working in {tmp_path / 'ws'} (process {holder.pid}, since 2" in second.stderr
        assert files(tmp_path) == before
        holder.kill()
        holder.wait()
        with occupied(Workspace(tmp_path / "ws")):
            pass


def test_nothing_is_recorded_while_a_run_is_working(tmp_path: Path) -> None:
    with occupied(Workspace(tmp_path)), pytest.raises(UserError, match="a run is already working"):
        sync(str(tmp_path / "artifacts"), Workspace(tmp_path))


def test_the_current_folders_own_run_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.parameters import render, resolve

    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(render(resolve("sandbox")))
    with (
        occupied(Workspace(Path())),
        pytest.raises(UserError, match=f"process {os.getpid()}"),
    ):
        run_pipeline(Request("dataset"))
    with occupied(Workspace(Path())), pytest.raises(UserError, match=f"process {os.getpid()}"):
        run_stage("ingest", of_a_run=False)
    assert not Path("data/images").exists()


def test_a_list_of_locks_that_a_kill_cut_short_is_begun_again(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True)
    for text, stays in (("", False), ('{"data/im', False), ("{}", True), ('{"a": {"read": []}}', True)):
        path.write_text(text)
        drop_damaged_list(tmp_path)
        assert path.exists() == stays and ("a new one is started" in capsys.readouterr().out) != stays
    path.unlink()
    drop_damaged_list(tmp_path)


def test_a_lock_file_that_a_kill_cut_short_is_begun_again(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "dvc.lock"
    set_aside_damaged_lock_file(tmp_path)
    text = "\n".join((ROOT / "dvc.lock").read_text().splitlines()[:16]) + "\n"
    for end in range(len(text)):
        path.write_text(text[:end])
        set_aside_damaged_lock_file(tmp_path)
        if path.exists():
            Lockfile.validate(yaml.safe_load(path.read_text()))
            path.unlink()
        else:
            assert "a new one is started" in capsys.readouterr().out
            assert (tmp_path / "dvc.lock.damaged").read_text() == text[:end]
    path.write_text(text)
    set_aside_damaged_lock_file(tmp_path)
    assert path.exists()
