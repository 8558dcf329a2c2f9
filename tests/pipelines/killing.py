"""Runs that are stopped in a step, and the processes that they leave."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
from short_run import command, environment

PATIENCE_SECONDS = 300


def living(folder: Path) -> list[psutil.Process]:
    """The processes that work in a folder or below it."""
    inside = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                inside.append(process)
    return inside


def wait_for(condition: Callable[[], object]) -> None:
    """Returns once the condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.05)


def stop_in(home: Path, step: str, word: signal.Signals, *words: str) -> tuple[int, str]:
    """Starts `objectmate` with these words, suspends it in a step, and sends it a signal.

    Returns its exit code and what it wrote to stderr. Ctrl-C goes to every process, as a terminal sends it.
    """
    with (home / "errors.txt").open("w") as errors:  # not a pipe, which a leftover process would keep open
        run = subprocess.Popen(command(*words), cwd=home, env=environment(), stderr=errors, start_new_session=True)
    wait_for(lambda: workers(home, run, step))
    for process in workers(home, run, step):
        process.suspend()
    os.killpg(run.pid, word) if word == signal.SIGINT else run.send_signal(word)
    wait_for(lambda: run.poll() is not None)
    return run.returncode, (home / "errors.txt").read_text()


def workers(home: Path, run: subprocess.Popen, step: str) -> list[psutil.Process]:
    """The processes that do a step of a run, without its shells; empty before it has begun."""
    doing = []
    for process in living(home):
        with suppress(psutil.Error):
            words = process.cmdline() or [""]  # one that is just ending has none
            shell = Path(words[0]).name in ("sh", "bash", "dash")
            if process.pid != run.pid and not shell and any(step in word for word in words):
                doing.append(process)
    return doing
