"""What a task gets on a cluster: tries, resources, credentials and the volume of models. Local runners pass it over.

The names are those of infra/kustomize/base.
"""

import os

from kfp import kubernetes
from kfp.dsl import PipelineTask

from components.common.containers import image, variable
from pipelines.steps import Step

SIZES = {
    "ingest": ("1", "2", "4Gi"),
    "gates": ("1", "2", "4Gi"),
    "mining": ("4", "16", "16Gi"),
    "training": ("4", "8", "24Gi"),
}
"""Room -> cores asked for, cores at most, memory."""
USUAL = ("2", "4", "8Gi")
ON_GPU = {"detection", "embedding", "mining", "removal", "captioning", "encoding", "training", "evaluation"}
GPUS = "OBJECTMATE_GPUS"
SHARED_CLAIM = "OBJECTMATE_SHARED_CLAIM"
"""Names, when compiling for a cluster, the claim of the volume that trainings on several nodes share."""
SHARED = "/shared"
STORE = {name: name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


def settle(task: PipelineTask, step: Step, tries: int) -> PipelineTask:
    """Gives a task of a step its settings; returns it.

    A pod that was lost is tried again and goes on with what the stage had stored; a gate's verdict is final. With
    OBJECTMATE_GPUS set when compiling (to 1), rooms that compute on a GPU ask for one, and bear the taint of its nodes.
    """
    room = step.room.removeprefix("components/")
    request, limit, memory = SIZES.get(room, USUAL)
    task.set_cpu_request(request).set_cpu_limit(limit).set_memory_request(memory).set_memory_limit(memory)
    if tries > 1 and room != "gates":
        task.set_retry(tries - 1, backoff_duration="30s", backoff_factor=2, backoff_max_duration="10m")
    kubernetes.use_secret_as_env(task, "objectstore", STORE, optional=True)
    kubernetes.mount_pvc(task, "models", "/models")
    task.set_env_variable("HF_HOME", "/models")
    if os.environ.get(GPUS) and room in ON_GPU:
        _on_gpu(task)
    if room == "training" and (claim := os.environ.get(SHARED_CLAIM)):
        _on_nodes(task, claim)
    return task


def _on_gpu(task: PipelineTask) -> None:
    task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(os.environ[GPUS])
    kubernetes.add_toleration(task, key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")
    kubernetes.add_node_selector(task, "nvidia.com/gpu.present", "true")


def _on_nodes(task: PipelineTask, claim: str) -> None:
    """What a training on several nodes needs: the volume that its nodes see too, and the image that they run."""
    kubernetes.mount_pvc(task, claim, SHARED)
    task.set_env_variable("OBJECTMATE_SHARED", SHARED)
    task.set_env_variable("HF_HOME", f"{SHARED}/models")
    task.set_env_variable(variable("training"), image("training"))
