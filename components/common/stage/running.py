"""The one way to run a stage, whether from the CLI, DVC, a KFP component or Python."""

import getpass
import importlib
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.common.computing import pinned_threads
from components.common.data.files import write_atomically
from components.common.data.reading import Dataset
from components.common.errors import GateStop, UserError
from components.common.stage import machine
from components.common.stage.contract import Stage
from components.common.stage.params import StageParams, validate
from components.common.stage.report import RECORD, Report


def execute(
    stage: Stage,
    params: StageParams | Mapping[str, Any],
    inputs: Mapping[str, Path],
    outputs: Mapping[str, Path],
    report: Path,
) -> Report:
    """Runs a stage; stores its report and a `run.json` (when, how long, on what, which commit) in the folder `report`.

    inputs, outputs: role -> dataset folder. Raises `UserError` if an input is not of the kind that the stage reads, and
    `GateStop`, after everything is stored, if the stage says that the pipeline must stop.
    """
    start, begun = datetime.now(UTC), time.monotonic()
    if not isinstance(params, StageParams):
        params = validate(stage.params, dict(params), stage.name)
    _refuse_other_kinds(stage, inputs)
    run = importlib.import_module(f"{stage.room}.stage").run
    with pinned_threads(params):
        finished: Report = run(dict(inputs), dict(outputs), params)
        ran_on = machine.describe()
    if report.exists():
        shutil.rmtree(report)
    finished.save(report)
    record = {
        "stage": stage.name,
        "started_at": start.isoformat(),
        "seconds": round(time.monotonic() - begun, 3),
        "host": platform.node(),
        "user": _user(),
        "commit": commit(),
        "machine": ran_on,
        "outputs": {role: str(folder) for role, folder in outputs.items()},
    }
    write_atomically(report / RECORD, (json.dumps(record, indent=1) + "\n").encode())
    if finished.stop:
        raise GateStop(finished.stop)
    return finished


def _refuse_other_kinds(stage: Stage, inputs: Mapping[str, Path]) -> None:
    for role, kind in stage.inputs.items():
        dataset = Dataset(inputs[role])
        if dataset.manifest.kind != kind:
            raise UserError(
                f"{stage.name} reads a dataset of kind {kind} as {role}, but {dataset.folder} is of kind "
                f"{dataset.manifest.kind}"
            )


def commit(checkout: Path = Path(__file__).parent) -> str:
    """The code's git commit, with `-dirty` if the work tree differs from it; empty if unknown.

    `dvc.lock` does not count: a run writes it, so every stage after the first would look dirty.
    An image has no checkout: there, OBJECTMATE_COMMIT says what it was built from.
    """
    if built_from := os.environ.get("OBJECTMATE_COMMIT"):
        return built_from
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
        difference = ["git", "diff", "--quiet", "HEAD", "--", ":/", ":(top,exclude)dvc.lock"]
        dirty = subprocess.run(difference, cwd=checkout, capture_output=True).returncode
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + ("-dirty" if dirty else "")


def _user() -> str:
    """The user's name, or the number if there is no name, as in some clusters' containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
