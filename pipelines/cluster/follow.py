"""`objectmate status`: a cluster's run, step by step, until it ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.live import Live
from rich.table import Table

from components.common.errors import GateStop
from components.common.harmless import say
from components.common.terminal import Terminal
from pipelines.cluster.api import Cluster
from pipelines.steps import STEPS

ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
POLL_SECONDS = 5.0
COLOURS = {"SUCCEEDED": "green", "RUNNING": "cyan", "FAILED": "red", "CANCELED": "red"}
DRIVER = "-driver"
"""Kubeflow also lists each task's driver, which resolves inputs and looks for a cached result."""

SHARE = "-share"  # suffix of a loop's tasks, each a worker's share of a step


@dataclass(frozen=True)
class Task:
    """A step in a run. state: one of the API's runtime states. seconds: since it started, until now or its end."""

    step: str
    state: str
    seconds: float


def status(cluster: Cluster, run_id: str, follow: bool, poll: float = POLL_SECONDS) -> int:
    """Shows a run, until it ends or once; returns the exit code: 0, or 1 if it failed.

    poll: seconds between two requests. Raises `GateStop` if a gate failed, `UserError` if the cluster does not answer.
    """
    run = _watch(cluster, run_id, follow, poll)
    if run.state not in ENDED:
        say(f"Run {run_id} is {run.state or 'PENDING'}: objectmate status {run_id} follows it")
        return 0
    say(f"Run {run_id}: {run.state}. Next: objectmate sync ROOT/PIPELINE/{run_id}, where the cluster put its artifacts")
    if run.state == "SUCCEEDED":
        return 0
    step, reason = _failure(run)
    if step in STEPS and STEPS[step].stage.gate:
        raise GateStop(f"the run stopped at {step}: its verdict is in the task's report, {cluster.run_url(run_id)}")
    say(f"objectmate: the run {run.state.lower()}{f' at {step}' if step else ''}{reason}", err=True)
    return 1


def tasks(run: Any, now: datetime) -> list[Task]:
    """The run's tasks that are our steps, in the order in which they started.

    run: a `V2beta1Run`. Its other tasks (drivers, executors, importers) are internal to Kubeflow.
    """
    ours = [(_step(detail.display_name or ""), detail) for detail in _details(run) if detail.start_time]
    return [Task(step, detail.state or "PENDING", _seconds(detail, now)) for step, detail in ours if step]


def _step(name: str) -> str:
    """The step whose task (or whose loop of shares) has this name; "" if it is not ours."""
    known = {step.replace("_", "-"): step for step in STEPS}
    loops = {f"{task}-shares": f"{step}, shares" for task, step in known.items()}
    return (known | loops).get(name, "")


def _details(run: Any) -> list[Any]:
    details = (run.run_details.task_details if run.run_details else None) or []
    return sorted(details, key=lambda detail: detail.start_time or datetime.max.replace(tzinfo=UTC))


def _seconds(detail: Any, now: datetime) -> float:
    """How long a task has run, s. The API may give 1970 as the end of one that has not ended."""
    end = detail.end_time if detail.state in ENDED and detail.end_time else now
    return max(0.0, (end - detail.start_time).total_seconds())


def _failure(run: Any) -> tuple[str, str]:
    """The step that failed first, and the cluster's message. If a gate's driver failed, the gate judged nothing."""
    for detail in _details(run):
        name = (detail.display_name or "").removesuffix(DRIVER).removesuffix(SHARE).replace("-", "_")
        if detail.state == "FAILED" and name in STEPS:
            driver = (detail.display_name or "").endswith(DRIVER)
            message = detail.error.message if detail.error else ""
            return f"the driver of {name}" if driver else name, f": {message}" if message else ""
    return "", f": {run.error.message}" if run.error else ""


def _watch(cluster: Cluster, run_id: str, follow: bool, poll: float) -> Any:
    with _view() as show:
        while True:
            run = cluster.run(run_id)
            show(tasks(run, datetime.now(UTC)))
            if not follow or run.state in ENDED:
                return run
            time.sleep(poll)


@contextmanager
def _view() -> Iterator[Callable[[list[Task]], None]]:
    """A table that is redrawn on a terminal; one line per change in a log."""
    console = Terminal()
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda shown: live.update(_table(shown), refresh=True)
    else:
        seen: set[tuple[str, str]] = set()
        yield lambda shown: _print_changes(shown, seen)


def _table(shown: list[Task]) -> Table:
    table = Table("step", "state", "seconds")
    for task in shown:
        colour = COLOURS.get(task.state, "white")
        table.add_row(task.step, f"[{colour}]{task.state}[/{colour}]", f"{task.seconds:,.0f}")
    return table


def _print_changes(shown: list[Task], seen: set[tuple[str, str]]) -> None:
    for task in shown:
        if (task.step, task.state) not in seen:
            say(f"{task.step} {task.state} {task.seconds:.0f} s")
            seen.add((task.step, task.state))
