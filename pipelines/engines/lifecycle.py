"""The life of a run: its processes end with it, and the next start notices one that was killed.

A run keeps a marker locked in `.objectmate/runs` of the current folder, next to MLflow's store, and removes it when it
ends by itself. A marker without a lock belongs to a run that was killed, by a signal, Ctrl-C or a crash.
"""

import fcntl
import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

from components.common.errors import StageFailed, UserError
from components.common.harmless import say
from pipelines.engines.family import LOOK_SECONDS, end_run, ends_together

MARKERS = Path(".objectmate/runs")
PATIENCE_SECONDS = 10.0
"""How long a stopped run waits for its engine to notice that its processes are gone."""


def run_engine(work: Callable[[], None], name: str, engine: str, facts: Mapping[str, Any]) -> None:
    """Runs `work`, an engine with a pipeline, so that a killed run leaves no process and is noticed.

    name: of the run in MLflow. facts: values that MLflow records if it is killed.
    """
    run = uuid4().hex
    content = {"name": name, "engine": engine, "facts": dict(facts)}
    with _marked(run, content) as marker, ends_together(run, engine, str(marker)):
        _in_thread(work, run, engine)


def settle_killed_runs() -> None:
    """Ends what killed runs have left in the current folder, and records each in MLflow with the status KILLED.

    Raises `UserError` if a process of one cannot be ended.
    """
    for marker, run in _killed_runs():
        if alive := end_run(marker.stem, run["engine"]):
            pids = " ".join(map(str, alive))
            raise UserError(f"processes of a killed run do not end: wait, or end them (kill -9 {pids}), then run again")
        started = datetime.fromisoformat(run["started_at"])
        say(f"The run {run['name']}, started {started:%Y-%m-%d %H:%M} UTC, was killed. {_record(marker, run)}")


@contextmanager
def _marked(run: str, content: Mapping[str, Any]) -> Iterator[Path]:
    """Holds the marker of a run, and removes it unless a signal interrupts the block."""
    MARKERS.mkdir(parents=True, exist_ok=True)
    path = (MARKERS / f"{run}.json").resolve()
    with path.with_suffix(".new").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"started_at": datetime.now(UTC).isoformat()} | dict(content), file)
        file.flush()
        Path(file.name).rename(path)
        try:
            yield path
        except Exception:
            path.unlink()
            raise
        path.unlink()


def _killed_runs() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Marker and content of each killed run; another start at the same time skips these."""
    for path in sorted(MARKERS.glob("*.json")):
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if path.exists():
                yield path, json.load(file)


def _record(marker: Path, run: Mapping[str, Any]) -> str:
    """Records a killed run in MLflow and removes its marker; returns what became of it."""
    from components.common.stage import tracking

    start = datetime.fromisoformat(run["started_at"]).timestamp()
    try:
        with tracking.refusals():
            tracking.configure(Path())
            tracking.record_killed(run["name"], start, marker.stat().st_mtime, run["facts"] | {"engine": run["engine"]})
    except StageFailed as refusal:
        return f"The next start tries again to record it: {refusal}."
    marker.unlink()
    return "MLflow has it as KILLED."


def _in_thread(work: Callable[[], None], run: str, engine: str) -> None:
    """Runs `work` in a thread, so that a signal reaches the calling thread at once, and not DVC or Kubeflow.

    Neither Ctrl-C nor an error leaves a process of `work`: all are ended before the exception is raised again.
    """
    ended: Future[None] = Future()
    Thread(target=_shielded, args=(work, ended), daemon=True).start()
    try:
        ended.result()
    except BaseException:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not ended.done() and time.monotonic() < deadline:
            end_run(run, engine)  # more than once: between two stages there is nothing to end
            time.sleep(LOOK_SECONDS)
        raise


def _shielded(work: Callable[[], None], ended: Future[None]) -> None:
    """Ctrl-C goes to every process of a terminal; those that `work` starts leave it to the main process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        work()
    except BaseException as error:
        ended.set_exception(error)
    else:
        ended.set_result(None)
