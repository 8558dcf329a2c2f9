"""The Kubernetes manifests: every rendered document is valid and keeps the rules, and each kind of fault is found."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate: pip install -e '.[dev]'")
if shutil.which("kubectl") is None:
    pytest.skip("needs kubectl 1.27 or later for `kubectl kustomize`: see infra/README.md", allow_module_level=True)

import manifests

OVERLAYS = ("local", "production")
KUSTOMIZE = manifests.ROOT / "kustomize"


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[dict[str, Any]]]:
    return {overlay: manifests.render(KUSTOMIZE / "overlays" / overlay) for overlay in OVERLAYS}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_are_valid_and_keep_the_rules(overlay: str, rendered: dict[str, list[dict[str, Any]]]) -> None:
    assert manifests.remote_resources(KUSTOMIZE / "overlays" / overlay) == []
    assert manifests.faults(rendered[overlay], digests=overlay == "production") == []


def test_a_training_names_the_runtime_and_queue_that_are_there(rendered: dict[str, list[dict[str, Any]]]) -> None:
    job = yaml.safe_load((KUSTOMIZE / "trainjob.yaml").read_text(encoding="utf-8"))
    names = {manifests.name(document) for document in rendered["production"]}
    assert manifests.faults([*rendered["production"], job], digests=True) == []
    assert f"ClusterTrainingRuntime/{job['spec']['runtimeRef']['name']}" in names
    assert f"LocalQueue/{job['metadata']['labels']['kueue.x-k8s.io/queue-name']}" in names


def test_readme_names_every_secret_and_its_keys() -> None:
    readme = (manifests.ROOT / "README.md").read_text(encoding="utf-8")
    for secret, keys in manifests.SECRETS.items():
        assert f"`{secret}`" in readme
        assert all(f"`{key}`" in readme for key in keys)


def _container(documents: dict[str, Any]) -> Any:
    return next(manifests.pods(documents["Deployment/mlflow"]))["containers"][0]


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "unknown field": (lambda d: d["Deployment/mlflow"]["spec"].update(replica=2), "replica"),
    "unknown field of a custom kind": (lambda d: d["ClusterQueue/objectmate"]["spec"].update(cohort="all"), "cohort"),
    "unknown field within a runtime": (
        lambda d: next(manifests.pods(d["ClusterTrainingRuntime/objectmate-torch"])).update(restart="Never"),
        "restart",
    ),
    "wrong type": (lambda d: d["Deployment/mlflow"]["spec"].update(replicas="two"), "is not of type"),
    "wrong type in a custom kind": (
        lambda d: d["LocalQueue/objectmate"]["spec"].update(clusterQueue=["objectmate"]),
        "is not of type 'string'",
    ),
    "unknown kind": (lambda d: d["Service/mlflow"].update(kind="Servce"), "unknown kind"),
    "unknown version of a custom kind": (
        lambda d: d["LocalQueue/objectmate"].update(apiVersion="kueue.x-k8s.io/v1alpha1"),
        "was expected",
    ),
    "secret value": (
        lambda d: _container(d)["env"].append({"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2"}),
        "is a secret in plain text",
    ),
    "password in an address": (
        lambda d: _container(d)["args"].append("--backend-store-uri=postgresql://mlflow:hunter2@postgres/mlflow"),
        "an address holds a password",
    ),
    "root": (lambda d: _container(d)["securityContext"].update(runAsUser=0), "runs as root"),
    "pod without a user": (
        lambda d: next(manifests.pods(d["Deployment/mlflow"]))["securityContext"].pop("runAsUser"),
        "may run as root",
    ),
    "capability": (lambda d: _container(d)["securityContext"].pop("capabilities"), "securityContext.capabilities"),
    "no limits": (lambda d: _container(d)["resources"].pop("limits"), "has no limits"),
    "no probe": (lambda d: _container(d).pop("livenessProbe"), "lacks a probe"),
    "image without digest": (lambda d: _container(d).update(image="registry.example/mlflow:3.17.2"), "has no digest"),
    "every right": (lambda d: d["Role/pipeline-runner"]["rules"][0].update(verbs=["*"]), "grants everything"),
    "every secret": (lambda d: d["Role/pipeline-runner"]["rules"][2].pop("resourceNames"), "reads every secret"),
    "missing volume": (lambda d: d.pop("PersistentVolumeClaim/models"), "models is used and not made"),
    "open network": (lambda d: d.pop("NetworkPolicy/default-deny"), "no network policy denies by default"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_seeded_fault_is_found(fault: str, rendered: dict[str, list[dict[str, Any]]]) -> None:
    documents = {manifests.name(doc): doc for doc in copy.deepcopy(rendered["production"])}
    seed, message = FAULTS[fault]
    seed(documents)
    assert any(message in found for found in manifests.faults(list(documents.values()), digests=True))


def test_a_committed_secret_is_found(rendered: dict[str, list[dict[str, Any]]]) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "postgres"}, "stringData": {"a": "b"}}
    assert "Secret/postgres: a secret's value does not belong here" in manifests.faults(
        [*rendered["production"], secret], digests=True
    )


def test_remote_resources_are_refused(tmp_path: Path) -> None:
    address = "https://example.org/kubeflow/pipelines/manifests.yaml"
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"resources": [address]}), encoding="utf-8")
    assert len(manifests.remote_resources(tmp_path)) == 1
