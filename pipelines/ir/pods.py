"""Each executor as the Kubernetes pod it becomes, validated against Kubernetes' own schema.

The pod is the user container with its platform settings, as the driver combines them
(kubeflow/pipelines, `backend/src/v2/driver/k8s.go`); what KFP adds itself (launcher, sidecars) is left out. The
schema covers the fields and types that the other modules do not check, such as tolerations given as JSON.
"""

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format

from components.common.errors import UserError
from pipelines.ir.document import Document, Fault
from pipelines.ir.mounts import mounts

KUBERNETES = "1.33"
"""The oldest version that KFP 2.17 supports; `kubernetes_validate` carries the schemas of all."""


def faults(document: Document) -> Iterator[Fault]:
    """What Kubernetes' schema says of each executor's pod; a field that it does not know is a fault too.

    Raises `UserError` where the schemas are not installed.
    """
    validator = _validator()
    for label, pod in pods(document).items():
        try:
            validator.validate(pod, KUBERNETES, strict=True)
        except validator.ValidationError as error:
            field = ".".join(map(str, error.path))
            yield Fault(
                document.place(label), f"its pod would be refused at {field}: {error.message}; correct the setting"
            )


def _validator() -> Any:
    try:
        import kubernetes_validate
    except ImportError as error:
        raise UserError("the check needs Kubernetes' schemas: pip install kubernetes-validate") from error
    return kubernetes_validate


def pods(document: Document) -> dict[str, dict[str, Any]]:
    """Executor -> its pod's manifest. What depends on a run's parameters is left out."""
    return {
        label: _pod(label, executor.container, document.kubernetes.get(label))
        for label, executor in document.deployment.executors.items()
        if executor.WhichOneof("spec") == "container"
    }


def _pod(label: str, container: Any, config: Any) -> dict[str, Any]:
    main = {"name": "main", "image": container.image, "command": [*container.command], "args": [*container.args]}
    main |= {"env": [{"name": each.name, "value": each.value} for each in container.env]}
    main |= {"resources": _resources(container.resources)}
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": label},
        "spec": {"containers": [main]},
    }
    if config is not None:
        settings = json_format.MessageToDict(config)
        main |= _container(main["env"], settings, config)
        pod["metadata"] |= settings.get("podMetadata", {})
        pod["spec"] |= _spec(settings, config)
    return pod


def _resources(resources: Any) -> dict[str, dict[str, str]]:
    requirements: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for name in ("cpu", "memory"):
        for end in ("request", "limit"):
            if value := getattr(resources, f"resource_{name}_{end}"):
                requirements[f"{end}s"][name] = value
    if kind := resources.accelerator.resource_type:
        requirements["limits"][kind] = resources.accelerator.resource_count
    return requirements


def _container(env: list[dict[str, Any]], settings: dict[str, Any], config: Any) -> dict[str, Any]:
    volume_mounts = [{"name": mount.volume, "mountPath": mount.path} for mount in mounts(config) if mount.volume]
    container: dict[str, Any] = {"env": env + _references(settings), "volumeMounts": volume_mounts}
    if policy := settings.get("imagePullPolicy"):
        container["imagePullPolicy"] = policy
    if config.HasField("security_context"):
        container["securityContext"] = {field.json_name: value for field, value in config.security_context.ListFields()}
    return container


def _references(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Environment variables from secrets, config maps and the pod's own fields."""
    variables = []
    for group, kind in (("secretAsEnv", "secret"), ("configMapAsEnv", "configMap")):
        for each in settings.get(group, ()):
            for pair in each.get("keyToEnv", ()):
                source = {"name": each.get(f"{kind}Name", ""), "key": pair.get(f"{kind}Key")}
                variables.append({"name": pair.get("envVar"), "valueFrom": {f"{kind}KeyRef": source}})
    for each in settings.get("fieldPathAsEnv", ()):
        variables.append({"name": each.get("name"), "valueFrom": {"fieldRef": {"fieldPath": each.get("fieldPath")}}})
    return variables


def _spec(settings: dict[str, Any], config: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"volumes": _volumes(settings, config), "tolerations": _tolerations(settings)}
    if labels := settings.get("nodeSelector", {}).get("labels"):
        spec["nodeSelector"] = labels
    if config.active_deadline_seconds > 0:
        spec["activeDeadlineSeconds"] = config.active_deadline_seconds
    if affinity := _affinity(settings):
        spec["affinity"] = {"nodeAffinity": affinity}
    return spec


def _volumes(settings: dict[str, Any], config: Any) -> list[dict[str, Any]]:
    """One volume per name, as the driver would create it."""
    sources: dict[str, Any] = {}
    names = [mount.volume for mount in mounts(config)]
    kinds = [{"secret": {"secretName": each.secret_name}} for each in config.secret_as_volume]
    kinds += [{"configMap": {"name": each.config_map_name}} for each in config.config_map_as_volume]
    kinds += [{"persistentVolumeClaim": {"claimName": each.constant}} for each in config.pvc_mount]
    kinds += [{"ephemeral": {"volumeClaimTemplate": _claim(each)}} for each in config.generic_ephemeral_volume]
    kinds += [
        {"emptyDir": {key: each[key] for key in ("medium", "sizeLimit") if key in each}}
        for each in settings.get("emptyDirMounts", ())
    ]
    sources |= {name: kind for name, kind in zip(names, kinds, strict=True) if name}
    return [{"name": name, **source} for name, source in sources.items()]


def _claim(volume: Any) -> dict[str, Any]:
    spec = {"accessModes": [*volume.access_modes], "resources": {"requests": {"storage": volume.size}}}
    return {"spec": spec if volume.default_storage_class else spec | {"storageClassName": volume.storage_class_name}}


def _tolerations(settings: dict[str, Any]) -> list[Any]:
    """Tolerations given field by field, or as JSON (a single one or a list)."""
    tolerations: list[Any] = []
    for each in settings.get("tolerations", ()):
        value = _json(each["tolerationJson"]) if "tolerationJson" in each else _numbers(each)
        tolerations += value if isinstance(value, list) else [value]
    return [each for each in tolerations if each is not None]


def _numbers(toleration: dict[str, Any]) -> dict[str, Any]:
    """Protobuf writes 64-bit integers as text; Kubernetes wants numbers."""
    seconds = toleration.get("tolerationSeconds")
    return toleration | ({} if seconds is None else {"tolerationSeconds": int(seconds)})


def _affinity(settings: dict[str, Any]) -> dict[str, Any]:
    """Node affinity: terms without a weight are required, others preferred."""
    required: list[Any] = []
    preferred: list[Any] = []
    for each in settings.get("nodeAffinity", ()):
        term = {key: each[key] for key in ("matchExpressions", "matchFields") if key in each}
        affinity = _json(each.get("nodeAffinityJson", {})) or {}
        required += affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
        preferred += affinity.get("preferredDuringSchedulingIgnoredDuringExecution", [])
        if term and "weight" in each:
            preferred.append({"weight": each["weight"], "preference": term})
        elif term:
            required.append(term)
    terms: dict[str, Any] = {"preferredDuringSchedulingIgnoredDuringExecution": preferred} if preferred else {}
    if required:
        terms["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": required}
    return terms


def _json(parameter: dict[str, Any]) -> Any:
    """The JSON value of a parameter that the file states; None if it comes from a run."""
    return parameter.get("runtimeValue", {}).get("constant")
