"""MLflow: a run of a stage or pipeline as reviewers see it. Joins `MLFLOW_RUN_ID` if it is set, else opens a run.

Stages know nothing of this: what is logged is read from the manifests, reports and run records that they leave behind.
"""

import fcntl
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from components.common.data.digests import short
from components.common.data.reading import Dataset, is_complete
from components.common.errors import StageFailed
from components.common.stage.report import METRICS, RECORD

EXPERIMENT = "objectmate"
STORES = ("mlflow", "sqlalchemy", "alembic", "boto3", "botocore")
"""The packages whose errors mean that a record could not be kept."""
LOCK = Path(".objectmate/mlflow.lock")
# With the driver's name, MLflow leaves the file's folder alone; without it, MLflow makes a folder of the quoted name.
OWN_STORE = "sqlite+pysqlite:///"


def configure(store: Path) -> None:
    """Points MLflow at `MLFLOW_TRACKING_URI`, or at a sqlite file in the folder `store`.

    Artifacts of a new experiment go to `MLFLOW_DEFAULT_ARTIFACT_ROOT` if set, such as s3://bucket/mlflow; otherwise to
    where the server puts them, or to `store`/mlartifacts without a server.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    if not shutil.which("git"):
        logging.getLogger("mlflow.utils.git_utils").disabled = True  # else thirty lines about a commit that it lacks
    if os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        # Over https, boto3 puts checksums after the body, which some servers other than Amazon's refuse.
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    import mlflow

    given = os.environ.get("MLFLOW_TRACKING_URI")
    # Quoted, since a folder's name may contain characters with a meaning in an address.
    mlflow.set_tracking_uri(given or f"{OWN_STORE}{quote(str((store / 'mlflow.db').resolve()))}")
    with _one_at_a_time(store / LOCK):
        if mlflow.get_experiment_by_name(EXPERIMENT) is None:
            own = None if given else (store / "mlartifacts").resolve().as_uri()
            mlflow.create_experiment(EXPERIMENT, os.environ.get("MLFLOW_DEFAULT_ARTIFACT_ROOT") or own)
        mlflow.set_experiment(EXPERIMENT)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Waits for other processes in such a block: two that make MLflow's tables at once leave neither whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def refusals() -> Iterator[None]:
    """Turns errors of MLflow, or of its artifact store, into a `StageFailed` without any credentials in it."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in STORES:
            raise
        reason = re.sub(r"//[^/@\s]*@", "//", " ".join(str(error).split()))[:300]
        raise StageFailed(
            f"the stages are done, but MLflow could not record them ({reason}): check MLFLOW_TRACKING_URI and the "
            "store's AWS_ENDPOINT_URL and keys, then run again"
        ) from error


@contextmanager
def parent_run(name: str, tags: Mapping[str, str], reports: Sequence[Path], failed: bool = False) -> Iterator[Any]:
    """The run of a whole pipeline: the one in `MLFLOW_RUN_ID` if set (a Kubeflow run opened it), else a new one.

    reports: those of the stages that ran; a new run starts with the earliest, so its duration is the pipeline's.
    failed: the pipeline was stopped, and the run ends as FAILED.
    """
    import mlflow
    from mlflow.tracking.context.registry import resolve_tags

    start = min((_started_at(_run_record(report)) for report in reports), default=None)
    run_id = _given_run() or mlflow.MlflowClient().create_run(_experiment_id(), start, resolve_tags(), name).info.run_id
    with mlflow.start_run(run_id=run_id) as run:
        mlflow.set_tags(dict(tags))
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
    dvc_hashes: Mapping[str, str] | None = None,
    reused: bool = False,
    failed: bool = False,
) -> None:
    """Logs a stage as a nested run: parameters, metrics, figures, and datasets with their digests.

    A dataset's digest is the short one shown everywhere; its full sha256 is a tag, as is DVC's hash if there is one.

    dvc_hashes: dataset folder name -> DVC's hash (32 hex digits and `.dir`).
    reused: an earlier run made it. failed: it is a gate that stopped the pipeline, and its run ends as FAILED.
    """
    import mlflow

    record = _run_record(report)
    start = _started_at(record)
    tags = {"stage": name, "commit": record["commit"], "reused": str(reused).lower(), "host": record["host"]}
    client = mlflow.MlflowClient()
    active = mlflow.active_run()
    parent = {"mlflow.parentRunId": active.info.run_id} if active else {}
    run = client.create_run(_experiment_id(), start_time=start, run_name=name, tags=tags | parent | _verdicts(outputs))
    _log_datasets(client, run.info.run_id, inputs, outputs, dvc_hashes or {})
    _log_numbers(client, run.info.run_id, report, outputs)
    for figure in sorted((report / "figures").glob("*.png")):
        client.log_artifact(run.info.run_id, str(figure), "figures")
    end = start + int(record["seconds"] * 1000)
    client.set_terminated(run.info.run_id, "FAILED" if failed else "FINISHED", end)


def _verdicts(outputs: Mapping[str, Path]) -> dict[str, str]:
    """What a gate decided, as tags: `gate.NAME` is the verdict, `gate.NAME.reason` and `.next_step` the words."""
    made = [Dataset(folder) for folder in outputs.values() if is_complete(folder)]
    rows = [row for dataset in made if dataset.manifest.kind == "verdicts" for row in dataset.rows()]
    words = {"": "verdict", ".reason": "reason", ".next_step": "next_step"}
    return {f"gate.{row['gate']}{key}": row[column] for row in rows for key, column in words.items() if row[column]}


def _run_record(report: Path) -> dict[str, Any]:
    return json.loads((report / RECORD).read_text(encoding="utf-8"))


def _started_at(record: Mapping[str, Any]) -> int:
    """When a stage began, in MLflow's unit: milliseconds since 1970."""
    return int(datetime.fromisoformat(record["started_at"]).timestamp() * 1000)


def _experiment_id() -> str:
    import mlflow

    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None, "configure() makes it"
    return experiment.experiment_id


def _log_numbers(client: Any, run_id: str, report: Path, outputs: Mapping[str, Path]) -> None:
    from mlflow.entities import Metric, Param

    metrics = json.loads((report / METRICS).read_text(encoding="utf-8"))
    params: dict[str, Any] = {}
    for folder in outputs.values():
        params |= Dataset(folder).manifest.params if is_complete(folder) else {}
    client.log_batch(
        run_id,
        metrics=[Metric(key, float(value), 0, 0) for key, value in metrics.items()],
        params=[Param(key, str(value)) for key, value in params.items()],
    )


def _log_datasets(
    client: Any, run_id: str, inputs: Mapping[str, Path], outputs: Mapping[str, Path], dvc_hashes: Mapping[str, str]
) -> None:
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    logged = []
    for context, folders in (("input", inputs), ("output", outputs)):
        for folder in folders.values():
            if not is_complete(folder):
                continue
            dataset = Dataset(folder)
            source = json.dumps({"folder": folder.name, "sha256": dataset.digest})
            entity = Entity(
                folder.name, short(dataset.digest), "local", source, profile=json.dumps({"rows": len(dataset)})
            )
            tags = {"mlflow.data.context": context, "sha256": dataset.digest, "kind": dataset.manifest.kind}
            tags |= {"dvc": dvc_hashes[folder.name]} if folder.name in dvc_hashes else {}
            logged.append(DatasetInput(entity, [InputTag(key, value) for key, value in tags.items()]))
    client.log_inputs(run_id, logged)
