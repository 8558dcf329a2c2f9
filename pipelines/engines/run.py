"""`objectmate run` and `objectmate stage`: check the parameters, let an engine run the steps, show the result."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from components.common.data.files import read_json, write_atomically
from components.common.errors import GateStop, StageFailed, UserError
from components.common.stage.params import StageParams
from components.common.stage.running import execute
from components.common.terminal import shown
from components.lineage.indexes import keep_indexes
from pipelines.engines.ahead import how_far, planned
from pipelines.engines.lifecycle import run_engine, settle_killed_runs
from pipelines.engines.lock import occupied
from pipelines.engines.prepare import check_run
from pipelines.engines.request import ENGINES, Request
from pipelines.engines.results import result
from pipelines.engines.summary import Outcome, announce, console, summarise
from pipelines.engines.workspace import RESTORED, Workspace
from pipelines.parameters import FILE, read_step
from pipelines.steps import STEPS, Step, reached_steps

Engine = Callable[[Workspace, Request], None]


def run_pipeline(request: Request) -> None:
    """Runs a pipeline, then writes the MLflow record, the report page and a summary, even if a gate stopped it.

    Raises `UserError` before anything is touched if something is wrong, or another run is working in the workspace.
    """
    settle_killed_runs()
    engine = _engine(request.engine)
    if request.shares > 1 and request.engine == "dvc":
        raise UserError("DVC runs each stage as a whole: leave out --shares, or add --engine kfp")
    prepared = check_run(request)
    with occupied(prepared.workspace):
        prepared.write()
        announce(request)
        _run(engine, prepared.workspace, request)


def _run(engine: Engine, workspace: Workspace, request: Request) -> None:
    from pipelines.engines.local import forget_kubeflow
    from pipelines.engines.naming import run_name

    before, start = _stamps(workspace), time.monotonic()
    stop: GateStop | StageFailed | None = None
    try:
        with planned(workspace, reached_steps(request.pipeline, request.engine)):
            name, facts = run_name(workspace, request), _facts(request)
            run_engine(lambda: engine(workspace, request), name, request.engine, facts)
    except GateStop as error:
        stop = error
    changed = [name for name, stamp in _stamps(workspace).items() if before.get(name) != stamp]
    if request.engine == "dvc":
        forget_kubeflow(workspace, changed)
    ran = [name for name in changed if not _restored(workspace, name)]
    if changed or not (workspace.page.exists() and workspace.recorded.exists()):
        try:
            _publish(workspace, request, ran, stopped=stop is not None)
        except StageFailed as error:
            stop = GateStop(f"{stop}; {error}") if stop else error
    summarise(workspace, request, Outcome(changed, ran, time.monotonic() - start))
    if changed:
        _keep_indexes(workspace)
    if stop:
        raise stop


def _keep_indexes(workspace: Workspace) -> None:
    """Builds the lineage indexes. The run is complete without them, so a full disk only costs time later."""
    try:
        keep_indexes(workspace.root / "data")
    except (OSError, MemoryError) as error:
        console.print(f"No indexes for lineage were made ({error}): lineage answers will take longer.", markup=False)


def _engine(name: str) -> Engine:
    from pipelines.engines import local as engines

    known: dict[str, Engine] = {
        "dvc": lambda workspace, request: engines.run_dvc(workspace, request.pipeline),
        "kfp": lambda workspace, request: engines.run_kfp(workspace, request.pipeline, request.shares),
        "docker": lambda workspace, request: engines.run_docker(workspace, request.pipeline, request.shares),
    }
    if name not in ENGINES:
        raise UserError(f"there is no engine '{name}': choose one of {', '.join(ENGINES)}")
    return known[name]


def _facts(request: Request) -> dict[str, Any]:
    """What MLflow records of a run that is killed before it has results."""
    images, labels = request.sources
    facts = {"pipeline": request.pipeline, "profile": request.profile, "images": images, "labels": labels}
    return facts | request.settings()


def _stamps(workspace: Workspace) -> dict[str, int]:
    """Step -> when its record was written, for the steps that have results."""
    paths = {step.name: workspace.record(step) for step in STEPS.values()}
    return {name: path.stat().st_mtime_ns for name, path in paths.items() if path.exists()}


def _restored(workspace: Workspace, name: str) -> bool:
    """Whether a step's results came from the cache."""
    return RESTORED in read_json(workspace.record(STEPS[name]))


def _publish(workspace: Workspace, request: Request, ran: list[str], stopped: bool) -> None:
    """Writes the report page, and an MLflow run with one nested per stage. stopped: by a gate, so both runs failed."""
    from components.common.stage import tracking
    from pipelines.engines.recording import record_run
    from pipelines.report.page import write_page

    workspace.recorded.unlink(missing_ok=True)
    workspace.tracked.unlink(missing_ok=True)  # names an earlier run
    try:
        with tracking.refusals():
            record_run(workspace, request, ran, stopped, write_page)
    except StageFailed:
        write_page(workspace)
        raise
    write_atomically(workspace.recorded, request.pipeline.encode())


def run_stage(name: str, of_a_run: bool) -> None:
    """Runs one step in the current folder. Raises `UserError` or, if it is a blocking gate that fails, `GateStop`.

    of_a_run: whether a run started it; that run then holds the workspace.
    """
    if name not in STEPS:
        raise UserError(f"there is no stage '{name}': choose one of {', '.join(STEPS)}")
    step, workspace = STEPS[name], Workspace(Path())
    params = read_step(Path(FILE), step)
    with nullcontext() if of_a_run else occupied(workspace):
        _execute(step, workspace, params)


def _execute(step: Step, workspace: Workspace, params: StageParams) -> None:
    name, start = step.name, time.monotonic()
    console.print(f"[bold]{name}[/bold] ...", f"[dim]{how_far(name)}[/dim]", soft_wrap=True)
    execute(step.stage, params, workspace.inputs(step), workspace.outputs(step), workspace.report(step))
    summary = f"{shown(result(workspace, step))} [dim]{time.monotonic() - start:.1f} s[/dim]"
    console.print(f"[bold]{name}[/bold]", summary, soft_wrap=True)


def export_benchmark(folder: Path) -> None:
    """Writes the inputs of the benchmark that the current folder's params.yaml names, for outside systems."""
    from components.evaluation.export import export
    from components.evaluation.params import Params

    params = read_step(Path(FILE), STEPS["evaluation"])
    assert isinstance(params, Params)
    console.print(f"{len(export(params, folder))} samples below {folder}", markup=False, soft_wrap=True)
