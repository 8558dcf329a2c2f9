"""Secrets and one machine's paths, which do not belong in a file that is uploaded, shown in a UI and stored."""

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format

from pipelines.ir.document import TEXTS, Document, Fault

VALUES = {
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{30,})"),
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "a Google key": re.compile(r"\bAIza[\w-]{35}\b"),
    "a Slack token": re.compile(r"\bxox[abeoprs]-[\w-]{10,}"),
    "an API key": re.compile(r"\bsk-[\w-]{20,}"),
    "a JSON web token": re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\."),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a password in an address": re.compile(r"://[^/\s:@]+:[^/\s:@{$]+@"),
    "a password": re.compile(
        r"(?i)(?:password|passwd|secret|token|api_?key|access_?key)[\"']?\s*[:=]\s*[\"'][^\"'{$\s]{6,}[\"']"
        r"|(?:password|passwd|secret|token|api[_-]?key|access[_-]?key)=[\w/+-]{8,}(?=$|[\s&;])"
    ),
}
"""Kind of secret -> what its value looks like."""
NAME = re.compile(
    r"(?i)(?:^|[_-])(?:secret|token|password|passwd|credentials?|api_?key|access_key|private_key)(?:[_-]|$)"
)
PATH = re.compile(r"(?<![\w/.:-])(?:/(?:home|root|Users|tmp|var/tmp|mnt|private)(?![\w-])|~/)|\bfile://|\b[A-Z]:\\\w")


def faults(document: Document) -> list[Fault]:
    """Secrets recognised by value or by name, and local paths, anywhere in the pipeline."""
    return [*_values(document), *_environment(document), *_parameters(document)]


def _values(document: Document) -> Iterator[Fault]:
    for path, text in _strings(json_format.MessageToDict(document.spec)):
        for what, pattern in VALUES.items():
            if pattern.search(text):
                yield Fault(_place(document, path), f"holds {what}: keep it in a Kubernetes secret, and name that here")
        if local := PATH.search(text):
            start = text[local.start() :].split()[0][:60]
            yield Fault(
                _place(document, path), f"holds the local path {start}: use an address that the cluster can read"
            )


def _environment(document: Document) -> Iterator[Fault]:
    for place, container in document.containers():
        for each in container.env:
            if NAME.search(each.name) and each.value:
                yield Fault(place, f"sets {each.name} to a value in the file: use kubernetes.use_secret_as_env")


def _parameters(document: Document) -> Iterator[Fault]:
    """A secret passed as a parameter is stored in the run's record."""
    for name, each in sorted(document.spec.root.input_definitions.parameters.items()):
        if NAME.search(name) and each.parameter_type in TEXTS:
            yield Fault(f"parameter {name}", "is a secret that every run would store: use kubernetes.use_secret_as_env")


def _strings(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text below a JSON value with the keys that lead to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _strings(each, (*path, key))
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each, path)


def _place(document: Document, path: tuple[str, ...]) -> str:
    if path[:2] == ("deploymentSpec", "executors"):
        return document.place(path[2])
    if path[:3] == ("root", "inputDefinitions", "parameters"):
        return f"parameter {path[3]}"
    if "tasks" in path[:-1]:
        return f"task {path[path.index('tasks') + 1]}"
    return ".".join(path)
