"""Progress of a run: which of its stages a process works on, and how long the rest took last time.

A run tells the processes of its stages through the environment, since DVC starts each of them from a shell.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from components.common.data.files import read_json
from pipelines.engines.workspace import Workspace
from pipelines.steps import Step

PLAN = "OBJECTMATE_PLAN"
"""Environment variable: the stages of the run in order, each with the seconds of its last run, or null."""


@contextmanager
def planned(workspace: Workspace, steps: Sequence[Step]) -> Iterator[None]:
    """In the block, the processes of the run's stages know its progress. steps: those that it may run, in order."""
    os.environ[PLAN] = json.dumps({step.name: _seconds(workspace, step) for step in steps})
    try:
        yield
    finally:
        del os.environ[PLAN]


def how_far(name: str) -> str:
    """`stage 3 of 17`, and the most time from its start to the end of the run, if all the rest has run here before.

    Empty if the stage is not part of a run. What has not changed is skipped, so the time is an upper limit.
    """
    plan: dict[str, float | None] = json.loads(os.environ.get(PLAN, "{}"))
    if name not in plan:
        return ""
    names = list(plan)
    index = names.index(name)
    remaining = [plan[later] for later in names[index:]]
    known = [seconds for seconds in remaining if seconds is not None]
    time = f", at most about {duration(sum(known))} left" if len(known) == len(remaining) else ""
    return f"stage {index + 1} of {len(names)}{time}"


def duration(seconds: float) -> str:
    """A readable duration: `40 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _seconds(workspace: Workspace, step: Step) -> float | None:
    try:
        return float(read_json(workspace.record(step))["seconds"])
    except (OSError, ValueError, KeyError):
        return None
