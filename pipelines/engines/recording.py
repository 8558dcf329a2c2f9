"""MLflow's record of a run: one run for the whole, with the page, and one nested for each stage."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from components.common.data.files import write_atomically
from components.common.stage import tracking
from components.common.stage.logged import sealed
from components.common.stage.running import commit
from pipelines.engines.local import lock_entries, logged_by_dvc
from pipelines.engines.naming import parent_params, run_name
from pipelines.engines.request import Request
from pipelines.engines.state import current_steps, stops
from pipelines.engines.told import Told
from pipelines.engines.workspace import Workspace
from pipelines.steps import STEPS

RECORDED = "run"
"""The folder of artifacts with the run's params.yaml and dvc.lock, from which DVC's cache can restore its data."""


def record_run(
    workspace: Workspace, request: Request, ran: Sequence[str], stopped: bool, write_page: Callable[[Workspace], Path]
) -> None:
    """Records the current run. ran: the steps that ran and were not restored. stopped: by a gate, so it has failed.

    The page is written when the run has its id, which is then in `workspace.tracked`.
    """
    tracking.configure(Path())
    import mlflow

    told, name, params = Told(workspace), run_name(workspace, request), parent_params(workspace, request)
    tags = told.tags(request.pipeline, commit())
    reports = [workspace.report(STEPS[each]) for each in ran]
    entries = lock_entries(workspace) if request.engine == "dvc" else {}
    with tracking.parent_run(name, reports, stopped) as run:
        workspace.tracked.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(workspace.tracked, run.info.run_id.encode())
        mlflow.log_params(params)
        mlflow.set_tags(sealed(tags, run.data.params | params))  # a run that Kubeflow opened may already have some
        mlflow.log_metrics(told.metrics())
        mlflow.set_tag("mlflow.note.content", told.note(name, run.info.run_id))
        tracking.record_datasets(run.info.run_id, told.datasets(logged_by_dvc(entries)))
        for step in current_steps(workspace):
            folders = workspace.inputs(step), workspace.outputs(step)
            reused, failed = step.name not in ran, stops(workspace, step.name)
            dvc = logged_by_dvc(entries, step)
            tracking.record_stage(step.name, workspace.report(step), *folders, dvc, reused, failed)
        for path in (workspace.params, *([workspace.dvc_lock] if entries else [])):
            mlflow.log_artifact(str(path), RECORDED)
        with TemporaryDirectory() as folder:
            for figure in told.draw(Path(folder)):
                mlflow.log_artifact(str(figure), "figures")
        mlflow.log_artifact(str(write_page(workspace)), "report")
