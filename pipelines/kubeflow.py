"""The Kubeflow pipelines: dataset, training, evaluation and full, built from the same table as dvc.yaml, and takedown,
which makes the dataset again and then deletes what earlier runs made from photographs on the deny list.

A pipeline has one parameter per stage (its section of params.yaml, as JSON), one address for each dataset that it does
not make and, if several workers can share some of its stages, `shares`: a loop makes each share in its own pod, and the
stage gathers them. A gate stops a pipeline by failing its task: what depends on the gate comes after it. `ending`
always runs last.
"""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kfp import compiler, dsl
from kfp.dsl import PipelineTask

from components.common.stage.kubeflow import component
from pipelines.cluster.ending_component import ending
from pipelines.cluster.settings import settle, settle_outside
from pipelines.cluster.takedown_components import purge_outputs, write_receipt
from pipelines.parameters import step_params
from pipelines.steps import PIPELINES, Step

TAKEDOWN = "takedown"
COMPILED = PIPELINES | {TAKEDOWN: PIPELINES["dataset"]}
"""The steps of each pipeline that is compiled."""
PARALLEL = 16
"""How many pods of a loop run at once, however many shares there are."""


def build(name: str, cluster: bool = False, shares: bool = True) -> Any:
    """A KFP pipeline: call it to run it locally, or pass it to the compiler.

    cluster: with the settings of `settle`, most of which a local runner ignores.
    shares: with a loop over the workers that share a stage; otherwise one worker makes each stage.
    """
    steps = COMPILED[name]
    given = given_datasets(steps)
    shared = shares and any(step.stage.shared for step in steps)

    def body(*values: Any) -> None:
        arguments = dict(zip(body.__signature__.parameters, values, strict=True))  # type: ignore[attr-defined]
        with dsl.ExitHandler(ending(pipeline=name).set_caching_options(False), name="run"):
            made = {dataset: _imported(dataset, arguments[f"{dataset}_uri"]) for dataset in given}
            tasks: dict[str, PipelineTask] = {}
            for step in steps:
                tasks[step.name] = _add(step, arguments, made, tasks, cluster)
            if name == TAKEDOWN:
                _take_down(arguments, made, cluster)

    names = [step.name for step in steps] + [f"{dataset}_uri" for dataset in given]
    lists = ["shares"] * shared + ["outputs"] * (name == TAKEDOWN)
    parameters = [_parameter(each, str) for each in names] + [_parameter(each, list) for each in lists]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return dsl.pipeline(name=f"objectmate-{name}", description=f"ObjectMate: the {name} pipeline")(body)


def _parameter(name: str, kind: type) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)


def given_datasets(steps: tuple[Step, ...]) -> list[str]:
    """The datasets that a pipeline reads but does not make."""
    made = {dataset for step in steps for dataset in step.outputs.values()}
    return sorted({dataset for step in steps for dataset in step.inputs.values()} - made)


def _imported(dataset: str, uri: Any) -> Any:
    # Otherwise KFP reuses an earlier import of the same address, and its cached results with it.
    return dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset, reimport=True).set_display_name(dataset).output


def _add(
    step: Step, arguments: Mapping[str, Any], made: dict[str, Any], tasks: Mapping[str, PipelineTask], cluster: bool
) -> PipelineTask:
    given = {"params": arguments[step.name]} | {role: made[dataset] for role, dataset in step.inputs.items()}
    gathers = step.stage.shared and "shares" in arguments
    gates = [tasks[gate] for gate in step.after if gate in tasks]
    if gathers:
        with dsl.ParallelFor(arguments["shares"], name=f"{step.name}-shares", parallelism=PARALLEL) as share:
            part = component(step.stage, part=True)(share=share, **given).after(*gates)
            if cluster:
                settle(part, step)
        given["shares"] = dsl.Collected(part.outputs["part"])
    task = component(step.stage, gathers=gathers)(**given)
    if cluster:
        settle(task, step, gathers=gathers)
    if set(step.stage.params.naming("place")) - {"benchmark"}:
        task.set_caching_options(False)  # it reads addresses, and the cache key holds only their text
    task.after(*gates)
    made |= {dataset: task.outputs[role] for role, dataset in step.outputs.items()}
    return task


def _take_down(arguments: Mapping[str, Any], made: Mapping[str, Any], cluster: bool) -> None:
    """The tasks of a takedown. Earlier outputs are deleted once ingest has refused, whatever the gates then decide."""
    outputs = arguments["outputs"]
    purging = purge_outputs(ingest=arguments["ingest"], outputs=outputs, quarantine=made["quarantine"])
    verdicts = {step.name: made[step.outputs["verdicts"]] for step in COMPILED[TAKEDOWN] if step.stage.gate}
    writing = write_receipt(outputs=outputs, purged=purging.outputs["purged"], **verdicts)
    for task in (purging, writing):
        task.set_caching_options(False)  # what is at an address may have changed
        if cluster:
            settle_outside(task)


def arguments(
    name: str, values: dict[str, Any], given: Mapping[str, str], shares: int = 1, outputs: Sequence[str] = ()
) -> dict[str, Any]:
    """A pipeline's arguments, from the values of a params.yaml and the address of each dataset it does not make.

    shares: how many workers share each stage that allows it; with 1, the pipeline is built without shares.
    outputs: addresses that a takedown purges.
    """
    steps = COMPILED[name]
    chosen: dict[str, Any] = {step.name: step_params(values, step).model_dump_json() for step in steps}
    if shares > 1 and any(step.stage.shared for step in steps):
        chosen["shares"] = [f"{number}/{shares}" for number in range(1, shares + 1)]
    chosen |= {"outputs": list(outputs)} if name == TAKEDOWN else {}
    return chosen | {f"{dataset}_uri": given[dataset] for dataset in given_datasets(steps)}


def images(name: str) -> list[str]:
    """The container images of a pipeline's components."""
    return sorted({each.component_spec.implementation.container.image for each in components(name)})


def components(name: str) -> list[Any]:
    """The components of a pipeline."""
    stages = [step.stage for step in COMPILED[name]]
    parts = [component(stage, part=True) for stage in stages if stage.shared]
    ours = [purge_outputs, write_receipt] if name == TAKEDOWN else []
    return [ending, *ours, *(component(stage, gathers=stage.shared) for stage in stages), *parts]


def compile_all(folder: Path) -> list[Path]:
    """Writes the intermediate representation of every pipeline to `folder`/NAME.yaml; the same bytes each time."""
    return [compile_pipeline(name, folder) for name in COMPILED]


def compile_pipeline(name: str, folder: Path, shares: bool = True) -> Path:
    """Writes one pipeline's intermediate representation to `folder`/`name`.yaml and returns that path; see `build`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    compiler.Compiler().compile(build(name, cluster=True, shares=shares), str(path))
    return path
