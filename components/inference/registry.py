"""Models in MLflow's registry, by version or alias, and their files on this machine."""

import atexit
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

from components.common.errors import UserError, in_one_line
from components.common.stage.tracking import STORE, own_store

REGISTRY = "models:/"
DIGEST = "model"
"""The tag of a version with the digest of its model's dataset, which is in a folder of that name."""


def registered(reference: str) -> tuple[str, Path, str]:
    """`models:/NAME/VERSION`, of a reference to it or to `models:/NAME@ALIAS`, and the folder of its files.

    Also the digest of the model's dataset, with which `objectmate promote` has tagged it; empty if it has not.
    Raises `UserError` if the registry does not have it, or cannot be asked.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if not given and not Path(STORE).is_file():
        raise UserError(
            f"{reference}: there is no {STORE} here; go to the folder of the runs, or set MLFLOW_TRACKING_URI"
        )
    import mlflow
    from mlflow.exceptions import MlflowException

    mlflow.set_tracking_uri(given or own_store(Path()))
    client = mlflow.MlflowClient()
    name, at, alias = reference.removeprefix(REGISTRY).partition("@")
    name, _, version = (name, "", "") if at else name.rpartition("/")
    try:
        version = client.get_model_version_by_alias(name, alias).version if at else version
        digest = client.get_model_version(name, version).tags.get(DIGEST, "")
        return f"{REGISTRY}{name}/{version}", _fetched(client.get_model_version_download_uri(name, version)), digest
    except (MlflowException, OSError) as error:
        raise UserError(
            f"{reference} cannot be fetched from MLflow's registry ({in_one_line(error)}): write "
            f"{REGISTRY}NAME/VERSION or {REGISTRY}NAME@ALIAS, and check MLFLOW_TRACKING_URI"
        ) from None


def _fetched(address: str) -> Path:
    """The folder at the address if it is on this machine; otherwise a copy, which is deleted when the process ends."""
    from mlflow.artifacts import download_artifacts

    if urlsplit(address).scheme in ("", "file"):
        return Path(download_artifacts(artifact_uri=address))
    folder = mkdtemp(prefix="objectmate-model-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(download_artifacts(artifact_uri=address, dst_path=folder))
