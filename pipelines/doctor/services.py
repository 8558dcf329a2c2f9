"""What a run may talk to: Docker, the model hub, MLflow, DVC, git."""

import shutil
from contextlib import closing
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from components.common.errors import UserError, in_one_line, without_user
from pipelines.doctor.finding import Finding, setting

SECONDS = 3


def docker_engine() -> Finding:
    """Whether an engine answers, for `--engine docker`."""
    import docker

    try:
        with closing(docker.from_env(timeout=SECONDS)) as client:
            version = client.version()["Version"]
    except (docker.errors.DockerException, OSError, ValueError):
        where = f" at {without_user(setting('DOCKER_HOST'))}" if setting("DOCKER_HOST") else ""
        return Finding(
            "Docker",
            "absent",
            f"no engine answers{where}; only --engine docker needs one",
            "start one (`infra/local/engine.sh` does so without a registry) and set DOCKER_HOST",
        )
    return Finding("Docker", "ok", f"an engine answers, version {version}")


def hub() -> Finding:
    """Whether models can be fetched. The address comes from HF_ENDPOINT."""
    from huggingface_hub import constants

    if setting("HF_HUB_OFFLINE").upper() in constants.ENV_VARS_TRUE_VALUES:
        says = "HF_HUB_OFFLINE is set: models come from the cache only; the sandbox needs none"
        return Finding("model hub", "limits you", says, "unset HF_HUB_OFFLINE")
    address = setting("HF_ENDPOINT") or constants._HF_DEFAULT_ENDPOINT  # its own value is read only once, on import
    answers: SimpleQueue[str] = SimpleQueue()
    Thread(target=lambda: answers.put(_problem(address)), daemon=True).start()  # a name server may be slow
    try:
        problem = answers.get(timeout=SECONDS + 0.5)
    except Empty:
        problem = f"no answer within {SECONDS} s"
    if not problem:
        return Finding("model hub", "ok", f"{_shown(address)} answers")
    return Finding(
        "model hub",
        "absent",
        f"{_shown(address)} cannot be reached ({problem}); the sandbox does not need it",
        "check HF_ENDPOINT and the network, or name models as folders",
    )


def _problem(address: str) -> str:
    """Why a hub does not answer; empty if it does, with whatever status."""
    try:
        with urlopen(Request(_shown(address), method="HEAD"), timeout=SECONDS):
            return ""
    except HTTPError as error:
        return f"status {error.code}" if error.code >= 500 else ""
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return getattr(reason, "strerror", None) or in_one_line(reason)


def _shown(address: str) -> str:
    """An address without any credentials in it."""
    return urlsplit(without_user(address))._replace(query="", fragment="").geturl()


def model_lock() -> Finding:
    """The file that pins hub models, in this folder."""
    from pipelines.models.lock import FILE, read_lock

    if FILE.is_file():
        try:
            read_lock()
        except UserError as error:
            return Finding("models.lock", "limits you", str(error), "objectmate models lock")
        return Finding("models.lock", "ok", "hub models are locked here")
    says = "no hub model is locked in this folder; only profiles with hub models need that"
    return Finding("models.lock", "absent", says, "objectmate models lock")


def records() -> list[Finding]:
    """Where MLflow and DVC store what runs produce here, and whether git can name the code's commit."""
    return [_mlflow(), _dvc(), _git()]


def _mlflow() -> Finding:
    if run := setting("MLFLOW_RUN_ID"):
        says = f"MLFLOW_RUN_ID is set, so every run here is recorded in run {run}"
        return Finding("MLflow", "limits you", says, "unset MLFLOW_RUN_ID")
    store = setting("MLFLOW_TRACKING_URI")
    if store:
        return Finding("MLflow", "ok", f"runs are recorded at {_shown(store)}")
    state = "exists" if Path("mlflow.db").is_file() else "the first run will create"
    return Finding("MLflow", "ok", f"runs are recorded in mlflow.db, which {state}")


def _dvc() -> Finding:
    if Path(".dvc").is_dir():
        return Finding("DVC", "ok", "this folder is a DVC repository")
    if Path("dvc.yaml").is_file():
        says = "there is a dvc.yaml here, but no DVC repository"
        return Finding("DVC", "limits you", says, "dvc init (with --no-scm outside git)")
    return Finding("DVC", "ok", "no repository here; each run makes its own below runs/")


def _git() -> Finding:
    if shutil.which("git"):
        return Finding("git", "ok", "records can name the code's commit")
    return Finding("git", "absent", "records cannot name the code's commit", "install git")
