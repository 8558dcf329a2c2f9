"""What a task gets on a cluster: retries, resources, credentials, and the volume of models.

The names are those of infra/kustomize/base.
"""

import os

from kfp import kubernetes
from kfp.dsl import PipelineTask

from components import training
from components.common.stage.contract import Size
from components.common.stage.kubeflow import image, variable
from pipelines.steps import Step

GPUS = "OBJECTMATE_GPUS"
"""When compiling for a cluster: the number of GPUs of each task that uses them."""
RETRIES = 2
SHARED_CLAIM = "OBJECTMATE_SHARED_CLAIM"
"""When compiling for a cluster: the claim of the volume that the nodes of a training share."""
SHARED = "/shared"


def settle(task: PipelineTask, step: Step, gathers: bool = False) -> PipelineTask:
    """Gives a task of a step its settings; returns it. gathers: the work is done in other tasks, so it needs no GPU.

    A task that fails is retried twice: Kubeflow cannot tell a wrong parameter from bad luck. It starts over, except for
    finished shares and what a training on several nodes left on its volume. A gate's verdict is final.
    """
    stage, size = step.stage, step.stage.size
    _sized(task, size)
    if not stage.gate:
        _retried(task)
    _on_the_store(task)
    kubernetes.mount_pvc(task, "models", "/models")
    task.set_env_variable("HF_HOME", "/models")
    if size.gpu and not gathers and (gpus := int(os.environ.get(GPUS, 0))):
        _on_gpus(task, gpus)
    if stage.room == training.__name__ and (claim := os.environ.get(SHARED_CLAIM)):
        _on_nodes(task, claim)
    return task


def settle_outside(task: PipelineTask) -> PipelineTask:
    """Gives its settings to a task that belongs to no step and only works on the store; returns it."""
    _sized(task, Size())
    _retried(task)
    _on_the_store(task)
    return task


def _sized(task: PipelineTask, size: Size) -> None:
    task.set_cpu_request(size.request).set_cpu_limit(size.limit)
    task.set_memory_request(size.memory).set_memory_limit(size.memory)


def _retried(task: PipelineTask) -> None:
    # The maximum covers all tries together, and a training may take days.
    task.set_retry(RETRIES, backoff_duration="30s", backoff_factor=2, backoff_max_duration="720h")


def _on_the_store(task: PipelineTask) -> None:
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    places = ("AWS_ENDPOINT_URL", "AWS_REGION")
    kubernetes.use_secret_as_env(task, "objectstore", {key: key for key in keys}, optional=True)
    kubernetes.use_config_map_as_env(task, "settings", {place: place for place in places}, optional=True)


def _on_gpus(task: PipelineTask, gpus: int) -> None:
    task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(gpus)
    kubernetes.add_toleration(task, key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")
    kubernetes.add_node_selector(task, "nvidia.com/gpu.present", "true")


def _on_nodes(task: PipelineTask, claim: str) -> None:
    """What a training on several nodes needs: the volume that its nodes share, and the image that they run."""
    kubernetes.mount_pvc(task, claim, SHARED)
    task.set_env_variable("OBJECTMATE_SHARED", SHARED)
    task.set_env_variable("HF_HOME", f"{SHARED}/models")
    task.set_env_variable(variable("training"), image("training"))
