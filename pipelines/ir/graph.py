"""The graph: everything a task names exists, what it reads it also waits for, and nothing waits for itself."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from kfp.pipeline_spec.pipeline_spec_pb2 import ComponentSpec

from pipelines.ir.document import Document, Fault, Task


def faults(document: Document) -> list[Fault]:
    """Broken references, missing inputs and cycles, in the pipeline and in every group of it."""
    all_faults = [fault for task in document.tasks() for fault in _task(document, task)]
    for group, dag in document.graphs.items():
        place = f"group {group}" if group else "root"
        all_faults += _cycle(place, {name: list(task.dependent_tasks) for name, task in dag.dag.tasks.items()})
        all_faults += _outputs(document, place, dag)
    nested = {
        name: [task.component_ref.name for task in dag.dag.tasks.values()] for name, dag in document.graphs.items()
    }
    return all_faults + _cycle("components", nested) + _platform(document)


def _task(document: Document, task: Task) -> Iterator[Fault]:
    if task.component is None:
        yield Fault(task.place, f"runs component {task.spec.component_ref.name!r}, which is not in the file: add it")
        return
    runs = task.component.executor_label
    if task.component.WhichOneof("implementation") != "dag" and runs not in document.deployment.executors:
        yield Fault(task.place, f"runs executor {runs!r}, which is not in deploymentSpec.executors: add it")
    elif runs and document.deployment.executors[runs].WhichOneof("spec") is None:
        yield Fault(task.place, f"runs executor {runs!r}, which is empty: give it a container or an importer")
    for other in task.spec.dependent_tasks:
        if other not in task.dag.dag.tasks:
            yield Fault(task.place, f"waits for {other!r}, which is not a task in its group: correct dependentTasks")
    yield from _inputs(task, task.component)
    for read in _reads(task):
        yield from _read(document, task, read)


def _inputs(task: Task, component: ComponentSpec) -> Iterator[Fault]:
    """Inputs that the component does not have, or needs and does not get."""
    definitions = component.input_definitions
    given = {*task.spec.inputs.parameters, *task.spec.inputs.artifacts}
    for name in sorted(given - {*definitions.parameters, *definitions.artifacts}):
        yield Fault(task.place, f"gets {name!r}, which {task.spec.component_ref.name} does not take: remove it")
    given |= {task.spec.parameter_iterator.item_input, task.spec.artifact_iterator.item_input}
    needed = [name for name, each in definitions.artifacts.items() if not each.is_optional]
    needed += [
        name
        for name, each in definitions.parameters.items()
        if not each.is_optional and not each.HasField("default_value")
    ]
    for name in sorted(set(needed) - given):
        yield Fault(task.place, f"does not get {name!r}, which {task.spec.component_ref.name} needs: pass it")


class _Read(NamedTuple):
    """An input from elsewhere: output `key` of the task `producer`, or an input `key` of the group ("")."""

    input: str
    kind: str
    producer: str
    key: str


def _reads(task: Task) -> Iterator[_Read]:
    for name, each in task.spec.inputs.parameters.items():
        source = each.WhichOneof("kind")
        if source == "task_output_parameter":
            output = each.task_output_parameter
            yield _Read(name, "parameters", output.producer_task, output.output_parameter_key)
        elif source == "component_input_parameter":
            yield _Read(name, "parameters", "", each.component_input_parameter)
    for name, each in task.spec.inputs.artifacts.items():
        if each.WhichOneof("kind") == "task_output_artifact":
            output = each.task_output_artifact
            yield _Read(name, "artifacts", output.producer_task, output.output_artifact_key)
        else:
            yield _Read(name, "artifacts", "", each.component_input_artifact)


def _read(document: Document, task: Task, read: _Read) -> Iterator[Fault]:
    if not read.producer:
        # Inside a loop, the loop's own item counts among the group's inputs.
        if read.key not in getattr(task.dag.input_definitions, read.kind):
            yield Fault(
                task.place, f"takes {read.input!r} from the input {read.key!r}, which does not exist: declare it"
            )
        return
    if fault := _missing_output(document, task.dag, read.producer, read.kind, read.key):
        yield Fault(task.place, f"reads {read.input!r} from {fault}")
    elif read.producer not in task.spec.dependent_tasks:
        yield Fault(task.place, f"reads {read.input!r} of {read.producer!r} without waiting for it: add dependentTasks")


def _missing_output(document: Document, dag: ComponentSpec, producer: str, kind: str, key: str) -> str:
    """Why a task's output cannot be read; "" if it can (or if the task itself is already known to be wrong)."""
    if producer not in dag.dag.tasks:
        return f"{producer!r}, which is not a task in its group: correct the producer"
    component = document.components.get(dag.dag.tasks[producer].component_ref.name)
    if component is not None and key not in getattr(component.output_definitions, kind):
        return f"output {key!r} of {producer!r}, which has none of that name: correct the key"
    return ""


def _outputs(document: Document, place: str, dag: ComponentSpec) -> Iterator[Fault]:
    """Outputs of a group that no task in it makes."""
    selected = [
        (name, selector.producer_subtask, "artifacts", selector.output_artifact_key)
        for name, each in dag.dag.outputs.artifacts.items()
        for selector in each.artifact_selectors
    ]
    selected += [
        (name, selector.producer_subtask, "parameters", selector.output_parameter_key)
        for name, each in dag.dag.outputs.parameters.items()
        for selector in [each.value_from_parameter, *each.value_from_oneof.parameter_selectors]
        if selector.producer_subtask
    ]
    for name, producer, kind, key in selected:
        if fault := _missing_output(document, dag, producer, kind, key):
            yield Fault(place, f"returns {name!r} from {fault}")


def _cycle(place: str, waits: Mapping[str, Any]) -> list[Fault]:
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        return [Fault(place, f"has a cycle, {' -> '.join(error.args[1])}: remove one of these dependencies")]
    return []


def _platform(document: Document) -> list[Fault]:
    """Kubernetes settings of executors that do not exist, which the driver would never read."""
    unknown = sorted(set(document.kubernetes) - set(document.deployment.executors))
    return [
        Fault(f"platform document, executor {label}", "is not in the pipeline: compile both again") for label in unknown
    ]
