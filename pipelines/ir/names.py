"""Kubernetes names and enumerations: labels, environment, secrets, tolerations, affinity, pull policy.

The platform's protobuf message has plain strings for all of these, so the API server refuses the pod only after the run
has started.
Syntax: https://kubernetes.io/docs/concepts/overview/working-with-objects/names and .../labels.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.ir.document import Document, Fault
from pipelines.ir.resources import is_placeholder

OBJECT = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_KEY = re.compile(
    r"((?=[^/]{1,253}/)[a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?(?=.{1,63}$)[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?"
)
LABEL_VALUE = re.compile(r"(?=.{0,63}$)([A-Za-z0-9]([-\w.]*[A-Za-z0-9])?)?", re.ASCII)
ENVIRONMENT = re.compile(r"[A-Za-z_]\w*", re.ASCII)
SECRET_KEY = re.compile(r"[-\w.]+", re.ASCII)
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
TOLERATION_OPERATORS = ("Exists", "Equal")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
AFFINITY_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def faults(document: Document) -> list[Fault]:
    """Wrong names and words in the settings of every executor."""
    all_faults = [*_environments(document)]
    for place, config in document.platforms():
        messages = [*_labels(config), *_references(config), *_tolerations(config), *_affinity(config)]
        if config.image_pull_policy:
            messages += _one_of("image pull policy", config.image_pull_policy, PULL_POLICIES)
        all_faults += [Fault(place, message) for message in messages]
    return all_faults


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> list[str]:
    return [] if value in allowed else [f"{what} {value!r} is unknown: use {', '.join(allowed[:-1])} or {allowed[-1]}"]


def _labels(config: Any) -> Iterator[str]:
    metadata = [config.pod_metadata, *(volume.metadata for volume in config.generic_ephemeral_volume)]
    for labels in (config.node_selector.labels, *(each.labels for each in metadata)):
        yield from _keys("label", labels)
        for key, value in sorted(labels.items()):
            if not LABEL_VALUE.fullmatch(value):
                yield f"label {key} has the value {value!r}: use at most 63 letters, digits, '-', '_' and '.'"
    for each in metadata:
        yield from _keys("annotation", each.annotations)


def _keys(what: str, entries: Mapping[str, str]) -> Iterator[str]:
    for key in sorted(entries):
        if not LABEL_KEY.fullmatch(key):
            yield f"{what} {key!r} is not a Kubernetes key: write it as name or domain/name, without spaces"


def _references(config: Any) -> Iterator[str]:
    """Secrets and config maps: their name, and which key becomes which variable."""
    kinds = {
        "secret": [*config.secret_as_env, *config.secret_as_volume, *config.image_pull_secret],
        "config_map": [*config.config_map_as_env, *config.config_map_as_volume],
    }
    for kind, references in kinds.items():
        for each in references:
            name = _name(each, kind)
            if name is not None and not OBJECT.fullmatch(name):
                yield f"{kind.replace('_', ' ')} name {name!r} is invalid: use lower-case letters, digits, '-' and '.'"
    for kind, references in (("secret", config.secret_as_env), ("config_map", config.config_map_as_env)):
        for each in references:
            keys = [getattr(pair, f"{kind}_key") for pair in each.key_to_env]
            if not keys or not all(SECRET_KEY.fullmatch(key) for key in keys):
                what = f"{kind.replace('_', ' ')} {_name(each, kind) or 'named at run time'}"
                yield f"takes no key, or one without a valid name, from {what}: name each key and its variable"


def _name(reference: Any, kind: str) -> str | None:
    """The name of a secret or config map; None if a run parameter sets it."""
    parameter = getattr(reference, f"{kind}_name_parameter")
    if parameter.WhichOneof("kind") in (None, "runtime_value"):
        return parameter.runtime_value.constant.string_value or getattr(reference, f"{kind}_name")
    return None


def _tolerations(config: Any) -> Iterator[str]:
    for each in config.tolerations:
        if each.HasField("toleration_json"):
            continue  # the pod's schema checks these
        yield from _one_of("toleration operator", each.operator or "Equal", TOLERATION_OPERATORS)
        yield from _one_of("toleration effect", each.effect, EFFECTS) if each.effect else ()
        if each.operator == "Exists" and each.value:
            yield f"toleration of {each.key!r} has a value with Exists: remove the value, or use Equal"
        if not each.key and each.operator != "Exists":
            yield "toleration without a key tolerates nothing: name the taint's key, or use Exists"


def _affinity(config: Any) -> Iterator[str]:
    for each in config.node_affinity:
        for expression in [*each.match_expressions, *each.match_fields]:
            yield from _one_of("node affinity operator", expression.operator, AFFINITY_OPERATORS)
            if bool(expression.values) == (expression.operator in ("Exists", "DoesNotExist")):
                yield f"node affinity on {expression.key} with {expression.operator}: In, NotIn, Gt, Lt take values"
        if each.HasField("weight") and not 1 <= each.weight <= 100:
            yield f"node affinity has weight {each.weight}: use 1 to 100"


def _environments(document: Document) -> Iterator[Fault]:
    """Variables have valid names, and each is set from one source."""
    for label, executor in sorted(document.deployment.executors.items()):
        config = document.kubernetes.get(label)
        names = [each.name for each in executor.container.env] + (variables(config) if config else [])
        for name, count in sorted(Counter(names).items()):
            if not ENVIRONMENT.fullmatch(name) and not is_placeholder(name):
                message = f"environment variable {name!r} is not a name: use letters, digits and '_', no digit first"
                yield Fault(document.place(label), message)
            if count > 1:
                yield Fault(document.place(label), f"sets the variable {name} {count} times: keep one source of it")


def variables(config: Any) -> list[str]:
    """The environment variables that platform settings add to a container."""
    pairs = [pair for each in [*config.secret_as_env, *config.config_map_as_env] for pair in each.key_to_env]
    return [pair.env_var for pair in pairs] + [each.name for each in config.field_path_as_env]
