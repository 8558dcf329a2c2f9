"""The `objectmate` command as a user starts it, and settings that make a full run short."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHORT = {
    "train_insertion.images": 32,
    "train_generation.images": 32,
    "training.batch": 8,
    "evaluation.limit": 4,
    "evaluation.steps": 2,
    "gates.model.blocking": "false",
}
SETTINGS = [word for key, value in SHORT.items() for word in ("--set", f"{key}={value}")]


def objectmate(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a folder; settings: environment variables."""
    return subprocess.run(command(*words), cwd=cwd, capture_output=True, text=True, env=environment() | settings)


def command(*words: str) -> list[str]:
    """The command line that starts `objectmate` with `words`."""
    return [sys.executable, "-m", "pipelines.cli.app", *words]


def environment() -> dict[str, str]:
    """The variables of this process, with which the command and its stages are found."""
    own = {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return {name: value for name, value in (os.environ | own).items() if name != "MLFLOW_RUN_ID"}
