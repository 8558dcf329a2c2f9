"""Training on several nodes: the step's pod starts a TrainJob, follows it, and fetches its model.

The step and the nodes share a volume that all of them mount in the same place (OBJECTMATE_SHARED). There, a folder
with the job's name holds the latents, the model with its checkpoints, and the report. The name is derived from what
decides the model's bytes and from the image, so a step that is retried finds its job, or the finished model.
"""

import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.common.data.digests import content_key
from components.common.data.reading import is_complete
from components.common.data.verification import refuse_damage
from components.common.data.writing import Writer, clear
from components.common.errors import StageFailed, UserError
from components.common.stage.kubeflow import image
from components.common.stage.report import Report
from components.training import trainer_api
from components.training.launch import NODE, Handover
from components.training.params import Params
from components.training.trainer_api import Job, TrainJobs

SHARED = "OBJECTMATE_SHARED"
RUNTIME, QUEUE = "objectmate-nodes", "objectmate"
"""The ClusterTrainingRuntime and Kueue's queue in infra/kustomize."""
PER_PROCESS = {
    "cpu": {"cpu": 4, "memory": 8},
    "cuda": {"cpu": 8, "memory": 32, "nvidia.com/gpu": 1},
}
"""What one training process gets; memory in GiB."""
LOOKS = 12
"""How many times a finished model is looked for: a network file system may show it a minute late."""


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, models: Mapping[str, str]) -> Report:
    """Trains on `params.nodes` nodes and leaves the model in `outputs`.

    The job is deleted once its model is here, and stays if it failed; the model stays on the volume. Raises `UserError`
    if the user has to change something first, `StageFailed` with the job's message if it failed.
    """
    jobs = trainer_api.connect()
    fingerprint = Writer(outputs["model"], "model", "training", inputs, params, models).fingerprint
    name = f"train-{params.task}-{content_key(fingerprint, image('training'))[:12]}"
    handover = Handover(_shared(params) / name)
    model, latents = handover.folder / "model", handover.folder / "latents"
    if not handover.finished(model):
        if not _is_running(jobs, name):
            _share(inputs["latents"], latents)
            handover.ask(params, latents, model)
            jobs.create(manifest(name, jobs.namespace, handover.folder, params))
        _follow(jobs, name, handover, model)
    _fetch(model, outputs["model"])
    jobs.delete(name)
    shutil.rmtree(latents, ignore_errors=True)
    return handover.report()


def manifest(name: str, namespace: str, folder: Path, params: Params) -> Job:
    """The TrainJob: this step's image on every node, with `params.processes` processes per node that see `folder`."""
    each = {key: value * params.processes for key, value in PER_PROCESS[params.device.partition(":")[0]].items()}
    resources: dict[str, Any] = each | {"memory": f"{each['memory']}Gi"}
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kueue.x-k8s.io/queue-name": QUEUE}},
        "spec": {
            "runtimeRef": {"name": RUNTIME},
            "trainer": {
                "image": image("training"),
                "command": ["torchrun", "--module", NODE, str(folder)],
                "numNodes": params.nodes,
                "numProcPerNode": params.processes,
                # Both: given limits alone, some releases of Trainer assume one process.
                "resourcesPerNode": {"requests": resources, "limits": resources},
            },
        },
    }


def _shared(params: Params) -> Path:
    folder = Path(os.environ.get(SHARED, ""))
    if SHARED not in os.environ or not folder.is_dir():
        raise UserError(
            f"training on {params.nodes} nodes needs a volume that they share with this pod: set "
            "OBJECTMATE_SHARED_CLAIM to its claim when compiling the pipeline (infra/README.md), or set nodes to 1"
        )
    return folder


def _is_running(jobs: TrainJobs, name: str) -> bool:
    """Whether an earlier try left a job that has not ended; one that has ended is deleted."""
    job = jobs.get(name)
    if job and not _end(job):
        return True
    if job:
        jobs.delete(name)
    return False


def _share(source: Path, target: Path) -> None:
    if is_complete(target):
        return
    half = target.with_name("latents.half")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(source, half)
    half.rename(target)


def _follow(jobs: TrainJobs, name: str, handover: Handover, model: Path) -> None:
    """Waits for the job's end and its model. Raises `UserError` or `StageFailed` if there is none."""
    job = _wait(jobs, name)
    if sentence := handover.refusal():
        raise UserError(sentence)
    for _ in range(LOOKS if _end(job)["type"] == "Complete" else 0):
        if handover.finished(model):
            return
        time.sleep(trainer_api.POLL)
    raise StageFailed(
        f"training: TrainJob {jobs.namespace}/{name} ended without a model ({_state(job)}): see the logs of its pods, "
        "then run again to continue from the last checkpoint"
    )


def _wait(jobs: TrainJobs, name: str) -> Job:
    """Waits for the job to end and returns it; prints each change until then."""
    printed = ""
    while job := jobs.get(name):
        if (state := _state(job)) != printed:
            print(f"training: TrainJob {jobs.namespace}/{name}: {state}", file=sys.stderr, flush=True)
            printed = state
        if _end(job):
            return job
        time.sleep(trainer_api.POLL)
    raise StageFailed(
        f"training: TrainJob {jobs.namespace}/{name} was deleted while it ran: run again, its checkpoints are there"
    )


def _end(job: Job) -> dict[str, str]:
    """The condition that marks the job's end; empty until then."""
    conditions = job.get("status", {}).get("conditions", [])
    over = [each for each in conditions if each["type"] in ("Complete", "Failed") and each["status"] == "True"]
    return over[0] if over else {}


def _state(job: Job) -> str:
    """A job's state in a few words, for people."""
    status = job.get("status", {})
    if end := _end(job):
        return f"{end['type']} ({end.get('reason', '')}: {end.get('message', '')})"
    for condition in status.get("conditions", []):
        if condition["type"] == "Suspended" and condition["status"] == "True":
            return f"suspended, in its queue or preempted ({condition.get('message', '')})"
    children = status.get("jobsStatus", [])
    if any(child.get("ready") for child in children):
        return "running"
    return "starting" if any(child.get("active") for child in children) else "created"


def _fetch(model: Path, target: Path) -> None:
    """Copies the model. Raises `StageFailed` if it came from the shared volume damaged."""
    target.mkdir(parents=True, exist_ok=True)
    clear(target)
    shutil.copytree(model, target, dirs_exist_ok=True)
    refuse_damage(target)
