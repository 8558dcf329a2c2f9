"""What the API server requires of a template at upload (kubeflow/pipelines, `backend/src/apiserver/template`)."""

import re

from pipelines.ir.document import Document, Fault

SCHEMA = "2.1.0"
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def faults(document: Document) -> list[Fault]:
    """Wrong schema version, name or root."""
    problems = []
    spec = document.spec
    if spec.schema_version != SCHEMA:
        problems.append(Fault("schemaVersion", f"{spec.schema_version!r} is refused at upload: it must be {SCHEMA}"))
    if not NAME.fullmatch(spec.pipeline_info.name):
        problems.append(
            Fault("pipelineInfo.name", f"{spec.pipeline_info.name!r}: use lower-case letters, digits, '-' and '.'")
        )
    if not spec.root.dag.tasks:
        problems.append(Fault("root", "has no tasks: compile a pipeline that has at least one"))
    return problems
