"""Starts the stages of a run quickly: a server imports what a stage needs, once, and forks a process for each stage.

Importing torch, diffusers and Great Expectations takes longer than most stages' work on a small collection. While
`stages_forked` holds, `objectmate stage` is only a client: it hands its folder, standard input and outputs to the
server, waits, and ends as the forked process did. Server and stages carry the run's name (see `family`), so they end
with the run. The results are the same as in a separate process.
"""

import atexit
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from components.common.errors import StageFailed

SERVER = "OBJECTMATE_STAGE_SERVER"
"""The environment variable that tells `objectmate stage` where the server listens."""
MAX_REQUEST = 65536
SECONDS_TO_ASK = 10.0
STATUS = struct.Struct("i")
CREDENTIALS = struct.Struct("3i")
"""Process, user and group, as SO_PEERCRED gives them."""


@contextmanager
def stages_forked() -> Iterator[None]:
    """In this block every `objectmate stage` is forked from a server.

    Only on Linux without an NVIDIA GPU: elsewhere a library may not survive a fork, so each stage does its own imports.
    """
    if sys.platform != "linux" or Path("/dev/nvidiactl").exists():
        yield
        return
    name = f"objectmate-{uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")  # an address without a file: nothing is left behind
        listener.listen()
        command = [sys.executable, "-P", "-m", "pipelines.engines.forking", str(listener.fileno())]
        server = subprocess.Popen(command, pass_fds=[listener.fileno()])
    os.environ[SERVER] = name
    try:
        yield
    finally:
        del os.environ[SERVER]
        server.kill()
        server.wait()


def run_forked(server: str, stage: str) -> int:
    """Runs a stage in the current folder in a process forked by the server; returns its exit code.

    Ends this process by the same signal if one ended the stage. Raises `StageFailed` if the server is gone.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(f"\0{server}")
            request = json.dumps({"stage": stage, "folder": str(Path.cwd())}).encode()
            socket.send_fds(connection, [request], [0, 1, 2])
            answer = connection.recv(STATUS.size)
        except OSError as error:
            raise StageFailed(f"{stage} could not be started ({error}): run again, finished work is kept") from error
    if not answer:
        raise StageFailed(f"{stage} was lost with the process that started it: run again, finished work is kept")
    code = os.waitstatus_to_exitcode(STATUS.unpack(answer)[0])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    return code


def serve(listener: socket.socket) -> NoReturn:
    """Forks a process for each client that connects; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watching processes
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run and its stages, which handle it again
    while True:
        connection, _ = listener.accept()
        request, files = _receive(connection)
        if request:
            stage, folder = request
            _import(stage)
            if not os.fork():
                listener.close()
                _watch(connection, stage, folder, files)
        for file in files:
            os.close(file)
        connection.close()


def _receive(connection: socket.socket) -> tuple[tuple[str, str] | None, list[int]]:
    """The stage and folder that a client asks for, and its files.

    No stage if the client is another user's, or ended or stalled before it had asked: the others must not wait for it.
    """
    if _user_of(connection) != os.getuid():
        return None, []
    files: list[int] = []
    connection.settimeout(SECONDS_TO_ASK)
    try:
        request, files, *_ = socket.recv_fds(connection, MAX_REQUEST, 3)
        fields = json.loads(request)
        return (str(fields["stage"]), str(fields["folder"])), files
    except (OSError, ValueError, KeyError, TypeError):
        return None, files
    finally:
        connection.settimeout(None)


def _user_of(connection: socket.socket) -> int:
    """The user id at the other end: every user of the machine can connect."""
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return int(CREDENTIALS.unpack(peer)[1])


def _import(stage: str) -> None:
    """Imports a step's code in the server, for this and later stages. `run_stage` refuses an unknown step."""
    from pipelines.steps import STEPS

    if stage in STEPS:
        importlib.import_module("pipelines.engines.run")
        importlib.import_module(f"{STEPS[stage].stage.room}.stage")


def _watch(connection: socket.socket, stage: str, folder: str, files: list[int]) -> NoReturn:
    """Forks the stage, tells its client how it ended, and kills it if the client goes away first."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if not pid:
        connection.close()
        _become(stage, folder, files)
    process = os.pidfd_open(pid)
    if process not in select.select([process, connection.fileno()], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):  # a client that is gone cannot be told
        connection.sendall(STATUS.pack(status))
    os._exit(0)


def _become(stage: str, folder: str, files: list[int]) -> NoReturn:
    """Makes this process `objectmate stage`, with the client's folder and standard files."""
    from pipelines.engines.run import run_stage
    from pipelines.engines.stopping import in_one_sentence

    for standard, file in enumerate(files):
        os.dup2(file, standard)
        os.close(file)
    os.chdir(folder)
    code: int | str | None = 0
    try:
        in_one_sentence(lambda: run_stage(stage, of_a_run=True))
    except SystemExit as end:
        code = end.code
    # A normal interpreter exit would touch, and so copy, the memory shared with the server, for seconds.
    atexit._run_exitfuncs()
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(int(code or 0))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        serve(listener)
