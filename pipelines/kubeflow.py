"""The Kubeflow pipelines: dataset, training, evaluation and full, built from the same table as dvc.yaml.

A pipeline has one parameter a stage (its section of params.yaml, as JSON), and one address for each dataset that it
does not make itself. Gates stop a pipeline by failing their task: what depends on a gate comes after it.
"""

import inspect
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kfp import compiler, dsl, kubernetes
from kfp.dsl import PipelineTask

from components.assembly.component import assembly
from components.captioning.component import captioning
from components.common.containers import image, variable
from components.common.params import section
from components.detection.component import detection
from components.embedding.component import embedding
from components.encoding.component import encoding
from components.evaluation.component import evaluation
from components.gates.component import gate_intake, gate_model, gate_recurrence, gate_tuples, gate_vectors
from components.ingest.component import ingest
from components.mining.component import calibration, mining
from components.removal.component import removal
from components.training.component import train_generation, train_insertion
from pipelines.steps import PIPELINES, STEPS, Step

SHARED_CLAIM = "OBJECTMATE_SHARED_CLAIM"
"""Names, when compiling for a cluster, the claim of the volume that trainings on several nodes share."""
SHARED = "/shared"
"""Where that volume is mounted, in infra/kustomize too."""

COMPONENTS: dict[str, Callable[..., PipelineTask]] = {
    "ingest": ingest,
    "gate_intake": gate_intake,
    "detection": detection,
    "embedding": embedding,
    "gate_vectors": gate_vectors,
    "calibration": calibration,
    "mining": mining,
    "gate_recurrence": gate_recurrence,
    "removal": removal,
    "captioning": captioning,
    "assembly": assembly,
    "gate_tuples": gate_tuples,
    "encoding": encoding,
    "train_insertion": train_insertion,
    "train_generation": train_generation,
    "evaluation": evaluation,
    "gate_model": gate_model,
}


def build(name: str) -> Any:
    """A pipeline as KFP sees it: call it to run it locally, or hand it to the compiler."""
    steps = PIPELINES[name]
    given = given_datasets(steps)

    def body(*values: Any) -> None:
        arguments = dict(zip(body.__signature__.parameters, values, strict=True))  # type: ignore[attr-defined]
        made = {dataset: _imported(dataset, arguments[f"{dataset}_uri"]) for dataset in given}
        tasks: dict[str, PipelineTask] = {}
        for step in steps:
            tasks[step.name] = _add(step, arguments[step.name], made, tasks)

    names = [step.name for step in steps] + [f"{dataset}_uri" for dataset in given]
    parameters = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str) for n in names]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return dsl.pipeline(name=f"objectmate-{name}", description=f"ObjectMate: the {name} pipeline")(body)


def given_datasets(steps: tuple[Step, ...]) -> list[str]:
    """The datasets that a pipeline reads but does not make."""
    made = {dataset for step in steps for dataset in step.outputs.values()}
    return sorted({dataset for step in steps for dataset in step.inputs.values()} - made)


def _imported(dataset: str, uri: Any) -> Any:
    # KFP would take an earlier import of the same address for the same data, and its cache with it.
    return dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset, reimport=True).set_display_name(dataset).output


def _add(step: Step, params: Any, made: dict[str, Any], tasks: dict[str, PipelineTask]) -> PipelineTask:
    task = COMPONENTS[step.name](params=params, **{role: made[name] for role, name in step.inputs.items()})
    if not step.inputs:
        task.set_caching_options(False)  # it reads addresses, and the cache's key has only their text
    if step.section.startswith("training.") and (claim := os.environ.get(SHARED_CLAIM)):
        _share(task, claim)
    task.after(*(tasks[gate] for gate in step.after if gate in tasks))
    made |= {name: task.outputs[role] for role, name in step.outputs.items()}
    return task


def _share(task: PipelineTask, claim: str) -> None:
    """What a training on several nodes needs: the volume that its nodes see too, and the image that they run."""
    kubernetes.mount_pvc(task, pvc_name=claim, mount_path=SHARED)
    task.set_env_variable("OBJECTMATE_SHARED", SHARED)
    task.set_env_variable("HF_HOME", f"{SHARED}/models")
    task.set_env_variable(variable("training"), image("training"))


def arguments(name: str, values: dict[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """A pipeline's arguments from a params.yaml's values, and from the address of each dataset it does not make."""
    chosen = {step.name: json.dumps(section(values, step.section, "params.yaml")) for step in PIPELINES[name]}
    return chosen | {f"{dataset}_uri": given[dataset] for dataset in given_datasets(PIPELINES[name])}


def images(name: str) -> list[str]:
    """The container images of a pipeline's components."""
    specs = [COMPONENTS[step.name].component_spec for step in PIPELINES[name]]  # type: ignore[attr-defined]
    return sorted({spec.implementation.container.image for spec in specs})


def compile_all(folder: Path) -> list[Path]:
    """Writes the intermediate representation of every pipeline to `folder`/NAME.yaml; the same bytes each time."""
    return [compile_pipeline(name, folder) for name in PIPELINES]


def compile_pipeline(name: str, folder: Path) -> Path:
    """Writes one pipeline's intermediate representation to `folder`/`name`.yaml and returns that path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    compiler.Compiler().compile(build(name), str(path))
    return path


assert list(COMPONENTS) == list(STEPS), "every step has its component, in order"
