"""MLflow: a run of a stage or pipeline as reviewers see it. Joins `MLFLOW_RUN_ID` if it is set, else opens a run.

Stages know nothing of this: what is logged is read from the manifests, reports and run records that they leave behind.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from components.common.errors import StageFailed, in_one_line
from components.common.stage.logged import LoggedDataset, describe_stage, run_record, started_at

EXPERIMENT = "objectmate"
STORES = ("mlflow", "sqlalchemy", "alembic", "boto3", "botocore")
"""The packages whose errors mean that a record could not be kept."""
STORE = "mlflow.db"
LOCK = Path(".objectmate/mlflow.lock")
# With the driver's name, MLflow leaves the file's folder alone; without it, MLflow makes a folder of the quoted name.
OWN_STORE = "sqlite+pysqlite:///"


def configure(store: Path) -> None:
    """Points MLflow at `MLFLOW_TRACKING_URI`, or at a sqlite file in the folder `store`.

    Artifacts of a new experiment go to `MLFLOW_DEFAULT_ARTIFACT_ROOT` if set, such as s3://bucket/mlflow; otherwise to
    where the server puts them, or to `store`/mlartifacts without a server.
    """
    be_quiet()
    if not shutil.which("git"):
        logging.getLogger("mlflow.utils.git_utils").disabled = True  # else thirty lines about the missing commit
    if os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        # Over https, boto3 puts checksums after the body, which some servers other than Amazon's refuse.
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    import mlflow

    given = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(given or own_store(store))
    with _one_at_a_time(store / LOCK):
        if mlflow.get_experiment_by_name(EXPERIMENT) is None:
            own = None if given else (store / "mlartifacts").resolve().as_uri()
            mlflow.create_experiment(EXPERIMENT, os.environ.get("MLFLOW_DEFAULT_ARTIFACT_ROOT") or own)
        mlflow.set_experiment(EXPERIMENT)


def be_quiet() -> None:
    """Switches off MLflow's telemetry and its progress bars; call it before MLflow is imported."""
    for variable, value in (("MLFLOW_DISABLE_TELEMETRY", "true"), ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")):
        os.environ.setdefault(variable, value)


def own_store(folder: Path) -> str:
    """The address of the sqlite file in a folder."""
    # Quoted, since a folder's name may contain characters with a meaning in an address.
    return f"{OWN_STORE}{quote(str((folder / STORE).resolve()))}"


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Waits for other processes in such a block: two that create MLflow's tables at once break them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def refusals(what: str = "the stages are done, but MLflow could not record them") -> Iterator[None]:
    """Turns errors of MLflow, or of its artifact store, into a `StageFailed` without any credentials in it.

    what: how the message begins.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in STORES:
            raise
        raise StageFailed(
            f"{what} ({in_one_line(error)}): check MLFLOW_TRACKING_URI and the store's AWS_ENDPOINT_URL and keys, then "
            "run again"
        ) from error


@contextmanager
def parent_run(name: str, reports: Sequence[Path], failed: bool = False) -> Iterator[Any]:
    """The run of a whole pipeline: the one in `MLFLOW_RUN_ID` if set (a Kubeflow run opened it), else a new one.

    reports: those of the stages that ran; a new run starts with the earliest, so its duration is the pipeline's.
    failed: the pipeline was stopped, and the run ends as FAILED.
    """
    import mlflow
    from mlflow.tracking.context.registry import resolve_tags

    start = min((started_at(run_record(report)) for report in reports), default=None)
    run_id = _given_run() or mlflow.MlflowClient().create_run(_experiment_id(), start, resolve_tags(), name).info.run_id
    with mlflow.start_run(run_id=run_id) as run:
        yield run
        mlflow.end_run("FAILED" if failed else "FINISHED")


def _given_run() -> str:
    """The run that the environment names; empty if none. Raises `StageFailed` if MLflow does not know it."""
    import mlflow

    run_id = os.environ.get("MLFLOW_RUN_ID", "")
    try:
        return mlflow.get_run(run_id).info.run_id if run_id else ""
    except mlflow.exceptions.MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise StageFailed(
            f"the stages are done, but MLflow has no run {run_id}, which MLFLOW_RUN_ID names: unset MLFLOW_RUN_ID, or "
            "set MLFLOW_TRACKING_URI to the server that has the run, then run again"
        ) from None


def record_killed(name: str, start: float, end: float, params: Mapping[str, Any]) -> None:
    """Logs a run that was killed, with its parameters; start, end: seconds since 1970."""
    import mlflow
    from mlflow.tracking.context.registry import resolve_tags

    client = mlflow.MlflowClient()
    run = client.create_run(_experiment_id(), int(start * 1000), resolve_tags(), name)
    for key, value in params.items():
        client.log_param(run.info.run_id, key, value)
    client.set_terminated(run.info.run_id, "KILLED", int(end * 1000))


def record_stage(
    name: str,
    report: Path,
    inputs: Mapping[str, Path],
    outputs: Mapping[str, Path],
    dvc: Mapping[str, str] | None = None,
    reused: bool = False,
    failed: bool = False,
) -> None:
    """Logs a stage as a nested run: parameters, metrics, figures, and datasets with their digests.

    dvc: dataset folder name -> DVC's hash (32 hex digits and `.dir`), and `logged.LOCK_ENTRY` -> the digest of the
    stage's entry in dvc.lock. reused: an earlier run made it. failed: it is a gate that stopped the pipeline, and its
    run ends as FAILED.
    """
    import mlflow
    from mlflow.entities import Metric, Param

    logged = describe_stage(name, report, inputs, outputs, dvc or {}, reused, failed)
    client = mlflow.MlflowClient()
    active = mlflow.active_run()
    parent = {"mlflow.parentRunId": active.info.run_id} if active else {}
    run = client.create_run(_experiment_id(), start_time=logged.start, run_name=name, tags=logged.tags | parent)
    record_datasets(run.info.run_id, logged.datasets)
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(key, value, 0, 0) for key, value in logged.metrics.items()],
        params=[Param(key, value) for key, value in logged.params.items()],
    )
    for figure in sorted((report / "figures").glob("*.png")):
        client.log_artifact(run.info.run_id, str(figure), "figures")
    client.set_terminated(run.info.run_id, logged.status, logged.end)


def _experiment_id() -> str:
    import mlflow

    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None, "configure() makes it"
    return experiment.experiment_id


def record_datasets(run_id: str, datasets: Sequence[LoggedDataset]) -> None:
    """Logs datasets that a run read or made."""
    from mlflow import MlflowClient
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    logged = []
    for each in datasets:
        entity = Entity(each.name, each.digest, "local", each.source, profile=each.profile)
        logged.append(DatasetInput(entity, [InputTag(key, value) for key, value in each.tags.items()]))
    MlflowClient().log_inputs(run_id, logged)
