"""Renders the Kubernetes overlays and says what is wrong with them, without a cluster.

Built-in kinds are checked by kubernetes-validate's strict schemas, custom ones by `schemas/KIND.json`; a kind that
neither knows is a fault. The rules on pods, images, secrets and rights are those that `infra/README.md` promises.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).parents[2] / "infra"
SCHEMAS = Path(__file__).parent / "schemas"
RELEASES = ("1.33", "1.36")  # oldest and newest Kubernetes that Kubeflow Pipelines 2.17 supports
SECRETS = {"postgres": {"POSTGRES_PASSWORD"}, "objectstore": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}}
CONFIDENTIAL = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|CREDENTIAL", re.IGNORECASE)

Document = dict[str, Any]


def render(folder: Path) -> list[Document]:
    """The documents of a kustomization, as `kubectl apply -k` would send them. Raises `ValueError` if it fails."""
    result = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    if result.returncode:
        raise ValueError(result.stderr)
    return list(yaml.safe_load_all(result.stdout))


def remote_resources(folder: Path) -> list[str]:
    """Resources that a kustomization, or one that it builds on, takes from anywhere but this repository."""
    content = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    entries = [folder / name for key in ("resources", "components", "crds") for name in content.get(key, ())]
    below = [fault for path in entries if path.is_dir() for fault in remote_resources(path)]
    return [f"{path.relative_to(folder)} is not in the repository" for path in entries if not path.exists()] + below


def faults(documents: list[Document], digests: bool) -> list[str]:
    """What is wrong, a sentence each. digests: whether every image has to be named by its digest."""
    found = [f"{name(doc)}: {fault}" for doc in documents for fault in _document_faults(doc, digests)]
    return found + list(_dangling(documents)) + list(_open_network(documents))


def name(document: Document) -> str:
    """KIND/NAME, as kubectl writes it."""
    return f"{document['kind']}/{document['metadata']['name']}"


def _document_faults(document: Document, digests: bool) -> Iterator[str]:
    yield from _schema_faults(json.dumps(document))
    yield from _right_faults(document)
    if document["kind"] == "Secret":
        yield "a secret's value does not belong here"
    for pod in pods(document):
        yield from _pod_faults(pod)
        for container in containers(pod):
            yield from _container_faults(container, digests, document["kind"] in ("Deployment", "StatefulSet"))


@cache
def _schema_faults(text: str) -> tuple[str, ...]:
    """A document's, given as JSON: reading a release's definitions takes far longer than a check against them."""
    document = json.loads(text)
    schema = SCHEMAS / f"{document['kind'].lower()}.json"
    if not schema.exists():
        return tuple(fault for release in RELEASES for fault in _built_in_faults(document, release))
    errors = list(jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).iter_errors(document))
    embedded = [] if errors else _embedded_jobs(document)
    below = [fault for job in embedded for fault in _schema_faults(json.dumps(job))]
    return (*(f"{error.json_path} {error.message}" for error in errors), *below)


def _built_in_faults(document: Document, release: str) -> Iterator[str]:
    try:
        kubernetes_validate.validate(document, release, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{error.json_path} {error.message} (Kubernetes {release})"
    except kubernetes_validate.SchemaNotFoundError:
        yield f"unknown kind {document['apiVersion']} {document['kind']} (Kubernetes {release})"


def _embedded_jobs(document: Document) -> list[Document]:
    """The jobs that a training runtime is made of, as documents of their own."""
    if document["kind"] != "ClusterTrainingRuntime":
        return []
    templates = [job["template"] for job in document["spec"]["template"]["spec"]["replicatedJobs"]]
    return [{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "node"}} | t for t in templates]


def pods(value: Any) -> Iterator[Document]:
    """Every pod's specification in a document, however deep."""
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for inner in value.values():
            yield from pods(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pods(inner)


def containers(pod: Document) -> list[Document]:
    """A pod's containers, the initial ones included."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def _pod_faults(pod: Document) -> Iterator[str]:
    context = pod.get("securityContext", {})
    if not context.get("runAsNonRoot") or not context.get("runAsUser"):
        yield "may run as root: set runAsNonRoot and runAsUser"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "is given a token of the API server"
    if pod.get("hostNetwork") or pod.get("hostPID") or any("hostPath" in volume for volume in pod.get("volumes", ())):
        yield "reaches into its host"


def _container_faults(container: Document, digests: bool, serves: bool) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("runAsUser") == 0 or context.get("runAsNonRoot") is False:
        yield "runs as root"
    hardened = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    yield from (f"securityContext.{key} is not {value}" for key, value in hardened.items() if context.get(key) != value)
    for bound in ("requests", "limits"):
        if not {"cpu", "memory"} <= set(container.get("resources", {}).get(bound, {})):
            yield f"has no {bound} of cpu and memory"
    if serves and not {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container):
        yield "lacks a probe"
    if not re.search(r"@sha256:[0-9a-f]{64}$" if digests else r":(?!latest$)[^:/]+$", container["image"]):
        yield f"image {container['image']} has no {'digest' if digests else 'tag'}"
    for variable in container.get("env", ()):
        if CONFIDENTIAL.search(variable["name"]) and "value" in variable:
            yield f"{variable['name']} is a secret in plain text"
    if re.search(r"://[^/\s:@]+:[^/\s@]+@", json.dumps(container)):
        yield "an address holds a password"


def _right_faults(document: Document) -> Iterator[str]:
    for rule in document.get("rules") or ():
        if any("*" in rule.get(key, ()) for key in ("apiGroups", "resources", "verbs")):
            yield "a rule grants everything"
        if "secrets" in rule["resources"] and not rule.get("resourceNames"):
            yield "a rule reads every secret"


def _dangling(documents: list[Document]) -> Iterator[str]:
    """References to what is neither made here nor a secret that the README asks for."""
    made = {(doc["kind"], doc["metadata"]["name"]) for doc in documents}
    for kind, target in (pair for doc in documents for pod in pods(doc) for pair in _references(pod)):
        if (kind, target) not in made:
            yield f"{kind} {target} is used and not made"
    for secret, key in (pair for doc in documents for pod in pods(doc) for pair in _secret_keys(pod)):
        if key not in SECRETS.get(secret, ()):
            yield f"secret {secret} has no key {key} that the README names"


def _references(pod: Document) -> Iterator[tuple[str, str]]:
    yield "ServiceAccount", pod.get("serviceAccountName", "default")
    for source in (source for container in containers(pod) for source in container.get("envFrom", ())):
        if "configMapRef" in source:
            yield "ConfigMap", source["configMapRef"]["name"]
    for volume in pod.get("volumes", ()):
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]


def _secret_keys(pod: Document) -> Iterator[tuple[str, str]]:
    for container in containers(pod):
        for source in container.get("envFrom", ()):
            if "secretRef" in source:
                secret = source["secretRef"]["name"]
                yield from ((secret, key) for key in SECRETS.get(secret, {"(any)"}))
        for variable in container.get("env", ()):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield reference["name"], reference["key"]


def _open_network(documents: list[Document]) -> Iterator[str]:
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    if not any(doc["kind"] == "NetworkPolicy" and doc["spec"] == closed for doc in documents):
        yield "no network policy denies by default"
