"""What MLflow keeps of runs that used a photograph: their pictures and pages go, their numbers stay, with a tag."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from components.common.stage import tracking
from pipelines.takedown.versions import KEPT

PICTURES = ("figures", "report")
"""Folders of artifacts that can show photographs."""
MADE_FROM_THEM = "made from photographs that were taken down since"


def withdraw(datasets: Iterable[str], takedown: str) -> tuple[int, list[str]]:
    """Deletes the pictures of every run that read or made one of these datasets, and tags the run.

    datasets: sha256 of each. Returns the number of runs, and the names of those that trained a model on one.
    """
    tracking.configure(Path())
    import mlflow

    client, known = mlflow.MlflowClient(), set(datasets)
    runs = [run for run in _runs(client) if known & _datasets(run)]
    parents = {parent for run in runs if (parent := run.data.tags.get("mlflow.parentRunId"))}
    for run_id in sorted({run.info.run_id for run in runs} | parents):
        for folder in PICTURES:
            _delete(client, run_id, folder)
        client.set_tag(run_id, f"takedown.{takedown}", "pictures withdrawn")
    trained = [run for run in runs if run.data.tags.get("stage") in KEPT]
    for run in trained:
        client.set_tag(run.info.run_id, f"takedown.{takedown}", MADE_FROM_THEM)
    _tag_versions(client, {run.data.tags.get("mlflow.parentRunId") for run in trained}, takedown)
    return len(runs), sorted({f"{run.data.tags['stage']} {run.info.run_id}" for run in trained})


def _tag_versions(client: Any, runs: set[str | None], takedown: str) -> None:
    """Tags the registered models that these runs trained: see `objectmate promote`."""
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


def _delete(client: Any, run_id: str, folder: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if client.list_artifacts(run_id, folder):
        get_artifact_repository(client.get_run(run_id).info.artifact_uri).delete_artifacts(folder)
