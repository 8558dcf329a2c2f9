"""A compiled pipeline as its protobuf messages, its tasks, and how a fault in it is named."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec.pipeline_spec_pb2 import (
    ComponentSpec,
    ParameterType,
    PipelineDeploymentConfig,
    PipelineSpec,
    PipelineTaskSpec,
    PlatformSpec,
    SinglePlatformSpec,
)

TEXTS = {ParameterType.STRING, ParameterType.STRUCT, ParameterType.LIST}
"""Types of parameters that can hold an address or a secret; `max_tokens` is a number."""


@dataclass(frozen=True)
class Fault:
    """place: the task (or field) that is wrong. message: what is wrong there, and the fix."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True)
class Task:
    """One task of a pipeline or of a group in it (a loop, a condition, an inner pipeline).

    place: how a fault names it. dag: the component whose graph holds it. component: what it runs, if that exists.
    """

    place: str
    name: str
    spec: PipelineTaskSpec
    dag: ComponentSpec
    component: ComponentSpec | None


@dataclass(frozen=True)
class Document:
    """A compiled pipeline whose shape is right.

    kubernetes: executor -> its platform settings. written: the same as in the file, where an explicit zero differs from
    an absent field.
    """

    spec: PipelineSpec
    deployment: PipelineDeploymentConfig
    kubernetes: Mapping[str, KubernetesExecutorConfig]
    written: Mapping[str, Mapping[str, Any]]

    @property
    def components(self) -> dict[str, ComponentSpec]:
        """Name -> component; a protobuf map would invent those it does not have."""
        return dict(self.spec.components)

    @property
    def graphs(self) -> dict[str, ComponentSpec]:
        """Name -> component that consists of tasks; "" is the pipeline itself."""
        groups = {name: each for name, each in self.components.items() if each.WhichOneof("implementation") == "dag"}
        return {"": self.spec.root, **groups}

    def tasks(self) -> Iterator[Task]:
        """Every task, the pipeline's own first."""
        components = self.components
        for group, dag in self.graphs.items():
            for name, task in sorted(dag.dag.tasks.items()):
                place = f"task {group}/{name}" if group else f"task {name}"
                yield Task(place, name, task, dag, components.get(task.component_ref.name))

    def containers(self) -> Iterator[tuple[str, Any]]:
        """Place and container spec of every executor that is a container."""
        for label, executor in sorted(self.deployment.executors.items()):
            if executor.WhichOneof("spec") == "container":
                yield self.place(label), executor.container

    def platforms(self) -> Iterator[tuple[str, KubernetesExecutorConfig]]:
        """Place and Kubernetes settings of every executor that has some."""
        for label, config in sorted(self.kubernetes.items()):
            yield self.place(label), config

    def place(self, label: str) -> str:
        """How a fault names an executor: by the tasks that run it, or by its label where none does."""
        tasks = [task.place for task in self.tasks() if task.component and task.component.executor_label == label]
        return ", ".join(tasks) or f"executor {label}"


def read(documents: list[dict[str, Any]]) -> Document:
    """Parses the documents of one file, in which `shape.faults` finds nothing wrong."""
    spec = json_format.ParseDict(next(each for each in documents if "platforms" not in each), PipelineSpec())
    platforms = [json_format.ParseDict(each, PlatformSpec()) for each in documents if "platforms" in each]
    written = {label: config for platform in platforms for label, config in settings(platform).items()}
    return Document(
        spec=spec,
        deployment=json_format.ParseDict(json_format.MessageToDict(spec.deployment_spec), PipelineDeploymentConfig()),
        kubernetes={label: json_format.ParseDict(each, KubernetesExecutorConfig()) for label, each in written.items()},
        written=written,
    )


def settings(platform: PlatformSpec) -> dict[str, dict[str, Any]]:
    """Executor -> its Kubernetes settings as written in a platform document."""
    kubernetes = dict(platform.platforms).get("kubernetes", SinglePlatformSpec())
    return {label: json_format.MessageToDict(each) for label, each in kubernetes.deployment_spec.executors.items()}
