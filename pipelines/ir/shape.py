"""The protobuf shape: one pipeline spec, at most one platform document, and no field or type that the API lacks.

The SDK reads the deployment and the platform settings as free-form structs, so a typo in them goes unseen; here each is
parsed as the message that the driver will parse it as (kubeflow/pipelines, `backend/src/v2/driver`).
"""

import re
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineDeploymentConfig, PipelineSpec, PlatformSpec

from pipelines.ir.document import Fault, settings


def faults(documents: list[Any]) -> list[Fault]:
    """What keeps the documents of one file from being read as a pipeline."""
    if not all(isinstance(each, dict) for each in documents):
        return [Fault("file", "is not a compiled pipeline: write one with `objectmate compile`")]
    platforms = [each for each in documents if "platforms" in each]
    specs = [each for each in documents if "platforms" not in each]
    if len(specs) != 1 or len(platforms) > 1:
        holds = f"{len(specs)} pipeline specs and {len(platforms)} platform documents"
        return [Fault("file", f"holds {holds}: keep one spec and at most one platform document")]
    return _pipeline(specs[0]) + [fault for platform in platforms for fault in _platform(platform)]


def _pipeline(document: dict[str, Any]) -> list[Fault]:
    spec = PipelineSpec()
    if parse_faults := _parsed(document, spec, "pipeline"):
        return parse_faults
    return _parsed(json_format.MessageToDict(spec.deployment_spec), PipelineDeploymentConfig(), "deploymentSpec")


def _platform(document: dict[str, Any]) -> list[Fault]:
    spec = PlatformSpec()
    if parse_faults := _parsed(document, spec, "platform document"):
        return parse_faults
    if others := sorted(set(spec.platforms) - {"kubernetes"}):
        return [Fault("platform document", f"is for {others[0]}, which Kubeflow does not run on: keep kubernetes only")]
    parse_faults = []
    for label, each in settings(spec).items():
        parse_faults += _parsed(each, KubernetesExecutorConfig(), f"platform document, executor {label}")
    return parse_faults


def _parsed(value: Any, into: Message, place: str) -> list[Fault]:
    try:
        json_format.ParseDict(value, into)
    except json_format.ParseError as error:
        return [Fault(place, _reason(str(error)))]
    return []


def _reason(error: str) -> str:
    """Protobuf's message without the chain of parents before it; the path within stays."""
    words = re.sub(r"Failed to parse \w+ field: ", "", " ".join(error.split())).rstrip(".")
    return f"{words}: correct the field, or compile the pipeline again"
