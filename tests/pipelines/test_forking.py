"""Stages that a server forks are like processes of their own: folder, output, exit code, signals, and no leftovers."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from killing import wait_for
from short_run import command, environment

from components.common.errors import StageFailed
from pipelines.engines import forking
from pipelines.engines.forking import SERVER, run_forked, stages_forked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


@pytest.fixture(scope="module")
def server() -> Iterator[psutil.Process]:
    before = set(psutil.Process().children())
    with stages_forked():
        (process,) = set(psutil.Process().children()) - before
        yield process


def start(folder: Path, stage: str) -> subprocess.Popen[str]:
    """`objectmate stage` as a client of the server, in a folder."""
    named = environment() | {SERVER: os.environ[SERVER]}
    pipe = subprocess.PIPE
    return subprocess.Popen(command("stage", stage), cwd=folder, env=named, stdout=pipe, stderr=pipe, text=True)


def below(server: psutil.Process) -> list[psutil.Process]:
    return [process for process in server.children(recursive=True) if process.status() != psutil.STATUS_ZOMBIE]


def test_folder_output_and_exit_code_are_the_clients(server: psutil.Process, tmp_path: Path) -> None:
    client = start(tmp_path, "mining")
    output, errors = client.communicate()
    assert (client.returncode, output) == (2, "")
    assert "params.yaml" in errors and errors.startswith("objectmate: ") and len(errors.splitlines()) == 1


def test_a_stage_that_there_is_not_is_refused(server: psutil.Process, tmp_path: Path) -> None:
    client = start(tmp_path, "minig")
    assert "there is no stage 'minig'" in client.communicate()[1] and client.returncode == 2


def test_a_stage_that_is_killed_kills_its_client_alike(server: psutil.Process, tmp_path: Path) -> None:
    client = held(server, tmp_path)
    below(server)[-1].kill()
    client.communicate()
    assert client.returncode == -signal.SIGKILL


def test_a_stage_ends_with_its_client(server: psutil.Process, tmp_path: Path) -> None:
    client = held(server, tmp_path)
    client.kill()
    client.communicate()
    wait_for(lambda: not below(server))


def test_a_client_that_ends_before_it_has_asked_and_a_ctrl_c_do_not_end_the_server(server, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(f"\0{os.environ[SERVER]}")
    server.send_signal(signal.SIGINT)
    assert start(tmp_path, "mining").wait() == 2
    wait_for(lambda: not server.children())


def test_a_client_that_is_suspended_before_it_has_asked_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "SECONDS_TO_ASK", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert forking._receive(ours) == (None, [])
        theirs.sendall(b"nonsense")
        assert forking._receive(ours) == (None, [])


def held(server: psutil.Process, folder: Path) -> subprocess.Popen[str]:
    """A client whose stage waits for ever: its parameters are a pipe that nobody writes to."""
    os.mkfifo(folder / "params.yaml")
    client = start(folder, "mining")
    wait_for(lambda: len(below(server)) == 2)
    return client


def test_nothing_is_left_after_the_block_and_a_lost_server_is_one_sentence(monkeypatch) -> None:
    monkeypatch.delenv(SERVER, raising=False)  # of the server that the other tests share
    with stages_forked():
        name = os.environ[SERVER]
    assert SERVER not in os.environ
    with pytest.raises(StageFailed, match=r"mining could not be started .*: run again"):
        run_forked(name, "mining")
