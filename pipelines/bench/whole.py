"""A run against the sum of its stages' own work, and a second run that has nothing to do."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.common.data.files import read_json
from components.common.errors import StageFailed
from pipelines.engines.workspace import Workspace
from pipelines.steps import STEPS

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Row:
    """One pipeline. wall, again: seconds of the command from start to end, the first time and the second.

    stages: stage -> seconds of its own work, as its run.json says. ratio: `wall` / their sum.
    """

    pipeline: str
    settings: list[str]
    cores: int
    wall: float
    stages: dict[str, float]
    ratio: float
    again: float


def bench(pipeline: str, overrides: Sequence[str]) -> Row:
    """Runs a pipeline on the embedded photographs twice, in a temporary folder that has nothing cached.

    Raises `StageFailed` if a run fails, or if the second one repeats a stage.
    """
    settings = [word for each in overrides for word in ("--set", each)]
    words = [sys.executable, "-m", "pipelines.cli.start", "run", pipeline, "--workspace", "measured", *settings]
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "measured")
        wall = _seconds(words, folder)
        first = _stamps(workspace)
        again = _seconds(words, folder)
        if repeated := [name for name, stamp in _stamps(workspace).items() if stamp != first.get(name)]:
            raise StageFailed(f"the second run repeated {', '.join(repeated)}, though nothing had changed")
        stages = {name: float(read_json(workspace.record(STEPS[name]))["seconds"]) for name in first}
    return Row(pipeline, list(overrides), os.cpu_count() or 1, wall, stages, wall / sum(stages.values()), again)


def _seconds(words: Sequence[str], folder: str) -> float:
    start = time.perf_counter()
    process = subprocess.run(words, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=sys.stderr)
    if process.returncode:
        raise StageFailed(f"the measured run ended with exit code {process.returncode}: see above")
    return time.perf_counter() - start


def _stamps(workspace: Workspace) -> dict[str, int]:
    """Step -> when its record was written, for the steps that have run, in pipeline order."""
    paths = {name: workspace.record(step) for name, step in STEPS.items()}
    return {name: path.stat().st_mtime_ns for name, path in paths.items() if path.exists()}
