"""`objectmate run` and `objectmate stage`: check the parameters, let an engine run the steps, show the result."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from components.common.data.reading import Dataset
from components.common.errors import GateStop, StageFailed, UserError
from components.common.stage.running import commit, execute
from pipelines.engines.prepare import prepare
from pipelines.engines.state import current_steps, stops, verdicts
from pipelines.engines.workspace import Workspace
from pipelines.parameters import FILE, check, read_step
from pipelines.steps import PIPELINES, STEPS, Step, reached_steps

console = Console()

OTHER_PHOTOGRAPHS = {"detection.source": "whole", "ingest.licence": "", "ingest.collection": "photographs"}
"""The tiny detector knows rendered rooms only: other photographs are taken to show one product each."""


@dataclass(frozen=True)
class Request:
    """What a person asked for on the command line."""

    pipeline: str
    images: str = ""
    labels: str = ""
    profile: str = "sandbox"
    engine: str = "dvc"
    workspace: Path | None = None
    continue_past_gates: bool = False
    overrides: list[str] | tuple[str, ...] = ()
    shares: int = 1

    @property
    def sources(self) -> tuple[str, str]:
        """The photographs and their labels, the embedded ones where no others are named."""
        labels = self.labels or ("" if self.images else "sandbox:corpus/labels.csv")
        return self.images or "sandbox:corpus", labels

    def settings(self) -> dict[str, Any]:
        """`section.key -> value` of --set, --continue-past-gates and of what other photographs need."""
        pairs = [item.partition("=") for item in self.overrides]
        if wrong := [key for key, equals, _ in pairs if not equals]:
            raise UserError(f"--set {wrong[0]}: write section.key=value, such as --set mining.min_views=3")
        gates = [step.stage.params.section for step in STEPS.values() if step.stage.gate]
        opened = {f"{gate}.blocking": False for gate in gates} if self.continue_past_gates else {}
        other = OTHER_PHOTOGRAPHS if self.images and self.profile == "sandbox" else {}
        try:
            return other | opened | {key: yaml.safe_load(value) for key, _, value in pairs}
        except yaml.YAMLError as error:
            raise UserError(f"--set: a value is not valid YAML: {' '.join(str(error).split())}") from None

    @property
    def folder(self) -> Path:
        """runs/PHOTOGRAPHS-PROFILE-ENGINE, where no other is named: without the photographs or profile of the default.

        Runs that differ only in their labels or settings share it, so that what these do not change is kept.
        """
        photographs = Path(self.images).absolute().name if self.images else ""
        profile = "" if self.profile == "sandbox" else self.profile
        return Path("runs") / "-".join(part for part in (photographs, profile, self.engine) if part)

    @property
    def plain(self) -> bool:
        """Whether this is the default run: the current folder's own params.yaml, unchanged."""
        return (
            not (self.images or self.labels or self.overrides or self.continue_past_gates) and self.profile == "sandbox"
        )


def run_pipeline(request: Request) -> None:
    """Runs a pipeline, then writes the MLflow record, the report page and a summary, also when a gate stopped it."""
    engine = _engine(request.engine)
    if request.shares > 1 and request.engine == "dvc":
        raise UserError("DVC runs each stage as one: leave out --shares, or add --engine kfp")
    workspace = _workspace(request)
    before, start = _records(workspace), time.monotonic()
    stop: GateStop | StageFailed | None = None
    try:
        engine(workspace, request)
    except GateStop as error:
        stop = error
    ran = [name for name, stamp in _records(workspace).items() if before.get(name) != stamp]
    if ran or not (workspace.page.exists() and workspace.recorded.exists()):
        try:
            _publish(workspace, request, ran, stopped=stop is not None)
        except StageFailed as error:
            stop = GateStop(f"{stop}; {error}") if stop else error
    _summary(workspace, request.pipeline, ran, time.monotonic() - start)
    if stop:
        raise stop


def _workspace(request: Request) -> Workspace:
    steps = reached_steps(request.pipeline, request.engine)
    if request.plain and request.engine == "dvc" and request.workspace in (None, Path()):
        check(Path(FILE), steps)
        return Workspace(Path())
    root = request.workspace or request.folder
    return prepare(root, request.profile, *request.sources, request.settings(), steps)


def _engine(name: str) -> Callable[[Workspace, Request], None]:
    from pipelines.engines import local as engines

    known: dict[str, Callable[[Workspace, Request], None]] = {
        "dvc": lambda workspace, request: engines.run_dvc(workspace, request.pipeline),
        "kfp": lambda workspace, request: engines.run_kfp(workspace, request.pipeline, request.shares),
        "docker": lambda workspace, request: engines.run_docker(workspace, request.pipeline, request.shares),
    }
    if name not in known:
        raise UserError(f"there is no engine '{name}': choose one of {', '.join(known)}")
    return known[name]


def _records(workspace: Workspace) -> dict[str, int]:
    """Step -> when its record was written, for the steps that have run."""
    paths = {step.name: workspace.report(step) / "run.json" for step in STEPS.values()}
    return {name: path.stat().st_mtime_ns for name, path in paths.items() if path.exists()}


def _publish(workspace: Workspace, request: Request, ran: list[str], stopped: bool) -> None:
    """The report page, and one MLflow run with a nested run a stage; stopped: by a gate, so that both runs failed."""
    from components.common.stage import tracking
    from pipelines.report.page import write_page

    workspace.recorded.unlink(missing_ok=True)
    page = write_page(workspace)
    with tracking.refusals():
        _record(workspace, request, ran, stopped, page)
    workspace.recorded.touch()


def _record(workspace: Workspace, request: Request, ran: list[str], stopped: bool, page: Path) -> None:
    from components.common.stage import tracking
    from pipelines.engines.local import dvc_digests
    from pipelines.report.page import headline

    tracking.configure(Path())
    import mlflow

    tags = {"pipeline": request.pipeline, "commit": commit()}
    tags |= {f"gate.{row['gate']}": row["verdict"] for row in verdicts(workspace)}
    reports = [workspace.report(STEPS[name]) for name in ran]
    with tracking.parent_run(f"{request.pipeline} {workspace.root.resolve().name}", tags, reports, stopped):
        mlflow.log_params({"profile": request.profile, "engine": request.engine})
        mlflow.log_metrics({metric: value for _, metric, value in headline(workspace)})
        digests = dvc_digests(workspace) if request.engine == "dvc" else {}
        for step in current_steps(workspace):
            folders = workspace.inputs(step), workspace.outputs(step)
            reused, failed = step.name not in ran, stops(workspace, step.name)
            tracking.record_stage(step.name, workspace.report(step), *folders, digests, reused, failed)
        mlflow.log_artifact(str(page), "report")


def run_stage(name: str) -> None:
    """Runs one step in the current folder. Raises `UserError` or, if it is a blocking gate that fails, `GateStop`."""
    if name not in STEPS:
        raise UserError(f"there is no stage '{name}': choose one of {', '.join(STEPS)}")
    step, workspace, start = STEPS[name], Workspace(Path()), time.monotonic()
    params = read_step(Path(FILE), step)
    console.print(f"[bold]{name}[/bold]", "...")
    execute(step.stage, params, workspace.inputs(step), workspace.outputs(step), workspace.report(step))
    console.print(f"[bold]{name}[/bold]", _rows(workspace, step), f"[dim]{time.monotonic() - start:.1f} s[/dim]")


def export_benchmark(folder: Path) -> None:
    """Writes the benchmark's inputs as the current folder's params.yaml has them, for systems from outside."""
    from components.evaluation.export import export
    from components.evaluation.params import Params

    params = read_step(Path(FILE), STEPS["evaluation"])
    assert isinstance(params, Params)
    console.print(f"{len(export(params, folder))} samples below {folder}")


def _rows(workspace: Workspace, step: Step) -> str:
    made = [Dataset(folder) for folder in workspace.outputs(step).values()]
    if step.stage.gate:
        return ", ".join(f"{row['gate']} {row['verdict']}" for dataset in made for row in dataset.rows())
    return ", ".join(f"{len(dataset):,} {dataset.folder.name}" for dataset in made)


def _summary(workspace: Workspace, pipeline: str, ran: list[str], seconds: float) -> None:
    if not ran:
        console.print(f"Nothing has changed: everything is up to date ({seconds:.1f} s).")
    else:
        _stage_table(workspace, pipeline, ran)
        console.print(f"{len(ran)} stages ran in {seconds:.0f} s.")
    for row in verdicts(workspace):
        if row["verdict"] != "pass":
            console.print(f"Gate {row['gate']}: {row['verdict']}. {row['reason']}. Next: {row['next_step']}.")
    console.print(f"Report: {workspace.page}   Runs: mlflow ui --backend-store-uri sqlite:///mlflow.db")


def _stage_table(workspace: Workspace, pipeline: str, ran: list[str]) -> None:
    table = Table("stage", "made", "digest", "")
    current = current_steps(workspace)
    for step in PIPELINES[pipeline]:
        if step not in current:
            table.add_row(step.name, "", "", "not reached")
            continue
        digests = " ".join(Dataset(folder).digest[:10] for folder in workspace.outputs(step).values())
        table.add_row(step.name, _rows(workspace, step), digests, "ran" if step.name in ran else "reused")
    console.print(table)
