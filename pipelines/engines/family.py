"""Every process that a run starts ends with it, however the run itself ends.

Children inherit an environment variable that names the run. A reaper in its own session waits on a pipe that
the kernel closes when the run's process is gone, even after SIGKILL. It then ends every process that still has the
name, including those behind a shell and those that have lost their parent.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

RUN = "OBJECTMATE_RUN"
GRACE_SECONDS = 5.0
"""How long processes have to end after SIGTERM, before they get SIGKILL."""
LOOK_SECONDS = 0.05


@contextmanager
def ends_together(run: str = "", *facts: str) -> Iterator[None]:
    """Ends every process started in this block when the block, or this process, ends.

    run: a unique name. facts: further arguments of `reaper`. Inside another run's process this does nothing, since
    that run's reaper takes care of it.
    """
    if os.environ.get(RUN):
        yield
        return
    run = run or uuid4().hex
    command = [sys.executable, "-P", "-m", "pipelines.engines.reaper", run, *facts]
    reaper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert reaper.stdin is not None
    os.register_at_fork(after_in_child=reaper.stdin.close)  # a forked child would hold the pipe open
    os.environ[RUN] = run
    try:
        yield
    finally:
        del os.environ[RUN]
        reaper.stdin.close()
        reaper.wait()


def end_run(run: str, engine: str) -> list[int]:
    """Ends the containers and processes of a run; returns the ids of processes that are still alive."""
    if engine == "docker":
        from pipelines.engines.docker import remove_containers

        remove_containers(run)
    return _end_processes(run)


def _end_processes(run: str) -> list[int]:
    """Ends the processes of a run, with SIGKILL if SIGTERM does not; returns the ids of those still alive."""
    signalled: set[int] = set()
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE_SECONDS
        while (alive := processes_of(run)) and time.monotonic() < deadline:
            for process in alive:
                if number == signal.SIGKILL or process.pid not in signalled:
                    _send(process, number)
            signalled |= {process.pid for process in alive}
            time.sleep(LOOK_SECONDS)
    return [process.pid for process in processes_of(run)]


def processes_of(run: str) -> list[Any]:
    """The live processes (`psutil.Process`) that carry a run's name; its main process does not."""
    import psutil

    return [process for process in psutil.process_iter() if _name(process) == run]


def _name(process: Any) -> str:
    import psutil

    try:
        return str(process.environ().get(RUN, ""))
    except (psutil.Error, OSError):  # another user's, or gone
        return ""


def _send(process: Any, number: signal.Signals) -> None:
    import psutil

    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
