"""Moves the registry's alias to a run's model, and gives the version its card, its scores and its origin.

A version holds a copy of the model, not a reference to the workspace: a registry is read on other machines, and its
champion must outlive the folder in which it was trained. The copy is the whole dataset `model_TASK`, so a program that
loads it can check every file against the manifest and name the latents that it was trained on.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.common.data.reading import Dataset
from components.common.data.verification import refuse_damage
from components.common.errors import GateStop, UserError
from components.common.stage.tracking import be_quiet, refusals
from components.inference.registry import DIGEST
from pipelines.compare.named import Named, Names
from pipelines.compare.scores import Score, Scored
from pipelines.lineage.check.in_mlflow import store_of
from pipelines.lineage.exports.history import read_history
from pipelines.promotion.card import model_card
from pipelines.promotion.rule import in_words, model_gate, refuse_if_withdrawn, refuse_if_worse, refuse_unless_passed

ALIAS = "champion"
MODEL, SCORES, CARD = DIGEST, "scores", "README.md"
"""What a version holds: two datasets, and the card."""
NOT_PROMOTED = "not promoted, since MLflow refused a request"
PROMOTED = "promoted"
"""The folder of artifacts of the MLflow run that holds its registered models."""


@dataclass(frozen=True)
class Promoted:
    """A version of a registered model that now has the alias. standing: its comparison with the previous one, in words.

    moved: whether the alias moved.
    """

    name: str
    version: str
    alias: str
    standing: str
    moved: bool


def promote(run: str, name: str = "", alias: str = ALIAS) -> Promoted:
    """Registers the model that a run's model gate judged, and moves the alias to it.

    run: a workspace's folder, an MLflow run's id or a commit. name: of the registered model, objectmate-TASK if empty.
    Raises `GateStop` if the rule of `pipelines.promotion.rule` forbids it or another run became the champion meanwhile,
    and `UserError` if a name is not allowed, or the run or its record in MLflow is not found.
    """
    _check_names(name, alias)
    with Names() as known:
        named = known.find(run)
        gate = refuse_unless_passed(named.workspace)
        task = model_gate(named.workspace).task
        client, run_id = _record(named)
        refuse_if_withdrawn(client.get_run(run_id).data.tags)
        name = name or f"objectmate-{task}"
        with refusals(NOT_PROMOTED):
            champion = _champion(client, name, alias)
            if champion is not None and champion.run_id == run_id:
                return Promoted(name, str(champion.version), alias, "it was the champion already", False)
            score = refuse_if_worse(named.workspace, _scores_of(champion)) if champion is not None else None
            version = _register(client, named, task, name, {"gate.model": gate}, score)
            _refuse_if_overtaken(champion, _champion(client, name, alias), f"{name} version {version}")
            client.set_registered_model_alias(name, alias, version)
    return Promoted(name, version, alias, in_words(score), True)


def _check_names(name: str, alias: str) -> None:
    """Refuses what MLflow would refuse too late, after registering a version, or take for something else."""
    if re.search("[/:@]", name):
        raise UserError(f"{name} cannot be a model's name: give --name without / : and @")
    if not re.fullmatch("[A-Za-z0-9_-]+", alias) or re.fullmatch(r"latest|v\d+", alias, re.IGNORECASE):
        raise UserError(
            f"'{alias}' cannot be an alias: give --alias letters, digits, _ and -, and neither latest nor v1"
        )


def _record(named: Named) -> tuple[Any, str]:
    """MLflow's client, and the id of the run's record."""
    store = store_of(named.workspace)
    if not store or not named.mlflow_run:
        raise UserError(
            f"MLflow has no record of the run {named.name} that can be found here: go where it was started, or set "
            "MLFLOW_TRACKING_URI"
        )
    be_quiet()
    import mlflow

    mlflow.set_tracking_uri(store)
    client = mlflow.MlflowClient(store)
    with refusals(NOT_PROMOTED):
        return client, client.get_run(named.mlflow_run).info.run_id


def _champion(client: Any, name: str, alias: str) -> Any:
    """The version that has the alias; None if there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None


def _refuse_if_overtaken(before: Any, now: Any, version: str) -> None:
    """Raises `GateStop` if the alias has moved since `before`: the model was not compared with the current champion."""
    if now is not None and (before is None or now.version != before.version):
        raise GateStop(
            f"not promoted: version {now.version} became the champion in the meantime: promote again ({version} stays "
            "registered, without the alias)"
        )


def _scores_of(champion: Any) -> Scored:
    """The scores that are stored with a version. Raises `StageFailed` if they were damaged."""
    import mlflow

    name = f"{champion.name} version {champion.version}"
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"{champion.source}/{SCORES}"))
    refuse_damage(folder)
    return Scored(name, Dataset(folder))


def _register(client: Any, named: Named, task: str, name: str, gates: dict[str, str], score: Score | None) -> str:
    """Copies the model into the run's artifacts and registers it there; returns the version."""
    from mlflow.exceptions import MlflowException

    workspace, run_id = named.workspace, named.mlflow_run
    model, history = Dataset(workspace.dataset(f"model_{task}")), read_history(workspace)
    refuse_damage(model.folder)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copytree(model.folder, folder / MODEL)
        shutil.copytree(workspace.dataset(SCORES), folder / SCORES)
        (folder / CARD).write_text(model_card(history, task, name, in_words(score)), encoding="utf-8")
        client.log_artifacts(run_id, str(folder), f"{PROMOTED}/{task}")
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"{client.get_run(run_id).info.artifact_uri}/{PROMOTED}/{task}"
    tags = {
        DIGEST: model.digest,
        "dataset.tuples": history.datasets["tuples"].digest,
        "dataset.latents": model.manifest.inputs["latents"],
        "workspace": str(named.home.resolve()),
        "run": run_id,
        "standing": in_words(score),
        **gates,
    }
    registered = client.create_model_version(name, source, run_id, tags=tags, description=in_words(score))
    return str(registered.version)
