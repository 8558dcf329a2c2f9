"""Types: what is passed matches what is expected. Otherwise only the driver finds out, one task at a time."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from kfp.pipeline_spec.pipeline_spec_pb2 import ParameterType

from pipelines.ir.document import Document, Fault, Task

NUMBER = "a number"
HELD = {
    ParameterType.STRING: "a text",
    ParameterType.NUMBER_INTEGER: NUMBER,
    ParameterType.NUMBER_DOUBLE: NUMBER,
    ParameterType.BOOLEAN: "true or false",
    ParameterType.LIST: "a list",
    ParameterType.STRUCT: "a mapping",
}
"""Parameter type -> what it holds; the types that KFP fills itself are left out."""
KNOWN = set(ParameterType.ParameterTypeEnum.values()) - {ParameterType.PARAMETER_TYPE_ENUM_UNSPECIFIED}
GIVEN = {
    "string_value": "a text",
    "number_value": NUMBER,
    "bool_value": "true or false",
    "list_value": "a list",
    "struct_value": "a mapping",
    "null_value": "null",
}
GENERIC = "system.Artifact"


def faults(document: Document) -> Iterator[Fault]:
    """Constants, defaults and outputs that do not match the type of their input, and inputs without a source."""
    for name, component in {"": document.spec.root, **document.components}.items():
        for key, definition in sorted(component.input_definitions.parameters.items()):
            if definition.parameter_type not in KNOWN:
                yield Fault(f"component {name}" if name else f"parameter {key}", f"{key!r} has no known type: name it")
            default = definition.default_value if definition.HasField("default_value") else None
            if default is not None and (reason := _misfit(default, definition.parameter_type)):
                yield Fault(f"component {name}" if name else f"parameter {key}", f"default of {key!r} {reason}")
    for task in document.tasks():
        if task.component is not None:
            yield from _parameters(document, task, task.component.input_definitions.parameters)
            yield from _artifacts(document, task, task.component.input_definitions.artifacts)


def _misfit(value: Any, kind: int) -> str:
    given = GIVEN[value.WhichOneof("kind") or "null_value"]
    if kind == ParameterType.NUMBER_INTEGER and given == NUMBER and not value.number_value.is_integer():
        return f"is {value.number_value}, but has to be a whole number"
    return "" if given == HELD.get(kind, given) else f"is {given}, but has to be {HELD[kind]}: pass that"


def _parameters(document: Document, task: Task, definitions: Mapping[str, Any]) -> Iterator[Fault]:
    for name, passed in sorted(task.spec.inputs.parameters.items()):
        source = passed.WhichOneof("kind")
        if source is None:
            yield Fault(task.place, f"gets {name!r} from nowhere: pass a value")
        elif name in definitions and source == "runtime_value":
            if reason := _misfit(passed.runtime_value.constant, definitions[name].parameter_type):
                yield Fault(task.place, f"input {name!r} {reason}")
        elif name in definitions:
            declared = _declared(document, task, passed, "parameter")
            needs, comes = HELD.get(definitions[name].parameter_type), declared and HELD.get(declared.parameter_type)
            if needs and comes and needs != comes and not passed.parameter_expression_selector:
                yield Fault(task.place, f"input {name!r} has to be {needs}, but comes as {comes}: convert it")


def _declared(document: Document, task: Task, source: Any, kind: Literal["parameter", "artifact"]) -> Any:
    """How a parameter's or an artifact's source is declared; None where it is not, which `graph` reports."""
    if source.WhichOneof("kind") == f"component_input_{kind}":
        definitions, key = task.dag.input_definitions, getattr(source, f"component_input_{kind}")
    else:
        output = getattr(source, f"task_output_{kind}")
        definitions, key = _outputs(document, task, output.producer_task), getattr(output, f"output_{kind}_key")
    declared = getattr(definitions, f"{kind}s") if definitions else {}
    return declared.get(key)


def _outputs(document: Document, task: Task, producer: str) -> Any:
    if producer not in task.dag.dag.tasks:
        return None
    component = document.components.get(task.dag.dag.tasks[producer].component_ref.name)
    return component.output_definitions if component else None


def _artifacts(document: Document, task: Task, definitions: Mapping[str, Any]) -> Iterator[Fault]:
    for name, passed in sorted(task.spec.inputs.artifacts.items()):
        if passed.WhichOneof("kind") is None:
            yield Fault(task.place, f"gets {name!r} from nowhere: pass an artifact")
            continue
        declared = _declared(document, task, passed, "artifact")
        if declared is None or name not in definitions:
            continue
        titles = {declared.artifact_type.schema_title, definitions[name].artifact_type.schema_title}
        if len(titles - {GENERIC}) > 1:
            needs, comes = definitions[name].artifact_type.schema_title, declared.artifact_type.schema_title
            yield Fault(task.place, f"input {name!r} has to be {needs}, but comes as {comes}: pass the right output")
        if declared.is_artifact_list != definitions[name].is_artifact_list:
            yield Fault(task.place, f"input {name!r} mixes one artifact with a list of them: add or drop dsl.Collected")
