"""MLflow's records of runs that used a photograph: pictures and pages are deleted; numbers stay, with a tag."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from components.common.data.s3 import S3Store
from components.common.data.storage import S3
from components.common.stage import tracking
from pipelines.takedown.buckets import delete_folders, searched, trace_of
from pipelines.takedown.traces import Trace, Traces
from pipelines.takedown.versions import KEPT

PICTURES = ("figures", "report")
"""Folders of artifacts that can show photographs."""
BEHIND_A_SERVER = "mlflow-artifacts:"
"""Prefix of addresses of artifacts that an MLflow server fetches and deletes itself."""
MADE_FROM_THEM = "made from photographs that were taken down since"


class Withdrawn(NamedTuple):
    """runs: how many had their pictures deleted. objects: how many were deleted from buckets, over all versions.
    trained: names of the runs that trained a model on a dataset of the takedown. behind: whether a server is between us
    and its bucket."""

    runs: int
    objects: int
    trained: list[str]
    behind: bool


def withdraw(datasets: Iterable[str], takedown: str) -> Withdrawn:
    """Deletes the pictures of every run that read or made one of these datasets, and tags the run.

    datasets: sha256 of each.
    """
    with tracking.refusals("MLflow's records could not be withdrawn"):
        return _withdraw(set(datasets), takedown)


def _withdraw(known: set[str], takedown: str) -> Withdrawn:
    client = _client()
    runs = [run for run in _runs(client) if known & _datasets(run)]
    parents = {parent for run in runs if (parent := run.data.tags.get("mlflow.parentRunId"))}
    objects = 0
    for run_id in sorted({run.info.run_id for run in runs} | parents):
        objects += _delete_pictures(client, run_id)
        client.set_tag(run_id, f"takedown.{takedown}", "pictures withdrawn")
    trained = [run for run in runs if run.data.tags.get("stage") in KEPT]
    for run in trained:
        client.set_tag(run.info.run_id, f"takedown.{takedown}", MADE_FROM_THEM)
    _tag_versions(client, {run.data.tags.get("mlflow.parentRunId") for run in trained}, takedown)
    names = sorted({f"{run.data.tags['stage']} {run.info.run_id}" for run in trained})
    behind = any(run.info.artifact_uri.startswith(BEHIND_A_SERVER) for run in runs)
    return Withdrawn(len(runs), objects, names, behind)


def search_records(takedown: str, traces: Traces) -> Iterator[Trace | None]:
    """Yields each trace in any version of any artifact that MLflow has in a bucket, and None for a version without one.

    Any picture of a run whose pictures were withdrawn counts as a trace. Artifacts on disk are not searched here.
    """
    with tracking.refusals("MLflow's records could not be searched"):
        yield from _search(takedown, traces)


def _search(takedown: str, traces: Traces) -> Iterator[Trace | None]:
    here = os.environ.get("MLFLOW_TRACKING_URI") or Path(tracking.STORE).is_file()
    for run in _runs(_client()) if here else ():
        if run.info.artifact_uri.startswith(S3):
            store = _bucket(run.info.artifact_uri)
            withdrawn = f"takedown.{takedown}" in run.data.tags
            for version, what in searched(store, traces, store.versions()):
                is_picture = withdrawn and version.key.split("/")[0] in PICTURES
                what = what or ("a picture that was withdrawn" if is_picture else "")
                yield trace_of(store, version, what) if what else None


def _tag_versions(client: Any, runs: set[str | None], takedown: str) -> None:
    """Tags the versions of registered models that these runs trained: see `objectmate promote`."""
    for run in sorted(filter(None, runs)):
        for version in client.search_model_versions(f"run_id = '{run}'"):
            client.set_model_version_tag(version.name, version.version, f"takedown.{takedown}", MADE_FROM_THEM)


def _runs(client: Any) -> Iterator[Any]:
    from mlflow.entities import ViewType

    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    token = None
    while experiment:
        page = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _datasets(run: Any) -> set[str]:
    tags = [tag for used in run.inputs.dataset_inputs for tag in used.tags]
    return {tag.value for tag in tags if tag.key == "sha256"}


def _delete_pictures(client: Any, run_id: str) -> int:
    """Deletes a run's pictures; returns how many objects were deleted from a bucket, over all versions."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    address = client.get_run(run_id).info.artifact_uri
    if address.startswith(S3):
        return delete_folders(_bucket(address), PICTURES)
    for folder in PICTURES:
        if client.list_artifacts(run_id, folder):
            get_artifact_repository(address).delete_artifacts(folder)
    return 0


def _bucket(address: str) -> S3Store:
    return S3Store(address, os.environ.get("MLFLOW_S3_ENDPOINT_URL"))  # MLflow may use another S3 server


def _client() -> Any:
    tracking.configure(Path())
    import mlflow

    return mlflow.MlflowClient()
