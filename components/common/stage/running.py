"""The one way a stage runs, whichever door it came through: the CLI, DVC, a KFP component or Python."""

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

from components.common.errors import GateStop
from components.common.stage.params import StageParams, validate
from components.common.stage.report import Report


def execute(
    run: str,
    params: StageParams | Mapping[str, Any],
    inputs: Mapping[str, Path],
    outputs: Mapping[str, Path],
    report: Path,
    params_class: str = "",
    name: str = "",
) -> Report:
    """Runs a stage and stores its report and a `run.json` (when, where, how long, which commit) in the folder `report`.

    run: dotted path of the stage's function, such as `components.mining.stage:run`.
    params_class: dotted path of its parameters, needed where `params` is a plain mapping.
    inputs, outputs: role -> dataset folder. name: what the run is called in errors and records.
    Raises `GateStop` after everything is stored if the stage says that the pipeline must stop.
    """
    start, begun = datetime.now(UTC), time.monotonic()
    if not isinstance(params, StageParams):
        params = validate(_load(params_class), dict(params), f"params.yaml: {name}")
    result: Report = _load(run)(dict(inputs), dict(outputs), params)
    if report.exists():
        shutil.rmtree(report)
    result.save(report)
    record = {
        "stage": name,
        "started_at": start.isoformat(),
        "seconds": round(time.monotonic() - begun, 3),
        "host": platform.node(),
        "user": _user(),
        "commit": commit(),
        "outputs": {role: str(folder) for role, folder in outputs.items()},
    }
    (report / "run.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if result.stop:
        raise GateStop(result.stop)
    return result


def commit(checkout: Path = Path(__file__).parent) -> str:
    """The code's git commit, with `-dirty` when the work tree differs from it; empty if nothing says.

    `dvc.lock` does not count: a run writes it, so every run but its first stage would look dirty.
    An image has no checkout: there OBJECTMATE_COMMIT says what it was built from.
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
    """The user's name, or the number of one that has none, as containers of some clusters do."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _load(path: str) -> Any:
    module, name = path.split(":")
    return getattr(importlib.import_module(module), name)
