"""Resources, retries and time limits: the numbers that Kubernetes parses only when the pod is made."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pipelines.ir.document import Document, Fault

CPU = re.compile(r"(\d+(?:\.\d+)?)(m?)")
MEMORY = re.compile(r"(\d+(?:\.\d+)?)([kMGTPE]?|[KMGTPE]i)")
SCALE = {"": Decimal(1), "m": Decimal("0.001")} | {
    f"{prefix}{suffix}": Decimal(base) ** power
    for suffix, base in (("", 1000), ("i", 1024))
    for power, prefix in enumerate("KMGTPE", 1)
}
SCALE["k"] = SCALE.pop("K")  # the one decimal prefix that Kubernetes writes in lower case
ACCELERATOR = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?")


def amount(text: str, unit: re.Pattern[str] = MEMORY) -> Decimal | None:
    """A Kubernetes quantity (`1500m` cores, `2Gi` bytes) as a number; None if it is not one, or is zero."""
    match = unit.fullmatch(text)
    return (Decimal(match[1]) * SCALE[match[2]] or None) if match else None


def is_placeholder(text: str) -> bool:
    """Whether a value is known only at run time."""
    return "{{" in text


def quantities(document: Document) -> Iterator[Fault]:
    """CPU, memory and accelerators parse, and no request is above its limit."""
    for place, container in document.containers():
        resources = container.resources
        for name, unit, example in (("cpu", CPU, "500m or 2"), ("memory", MEMORY, "512Mi or 4Gi")):
            request, limit = (getattr(resources, f"resource_{name}_{end}") for end in ("request", "limit"))
            yield from _pair(place, name, request, limit, unit, example)
        if resources.HasField("accelerator"):
            yield from _accelerator(place, resources.accelerator)


def _pair(place: str, name: str, request: str, limit: str, unit: re.Pattern[str], example: str) -> Iterator[Fault]:
    known = {end: text for end, text in (("request", request), ("limit", limit)) if text and not is_placeholder(text)}
    values = {end: amount(text, unit) for end, text in known.items()}
    for end, value in values.items():
        if value is None:
            yield Fault(place, f"{name} {end} {known[end]!r} is not a quantity: write {example}")
    low, high = values.get("request"), values.get("limit")
    if low and high and low > high:
        yield Fault(place, f"{name} request {request} is above its limit {limit}: lower the request")


def _accelerator(place: str, accelerator: Any) -> Iterator[Fault]:
    # A file compiled by an older SDK has the older fields of the same message (type, count).
    kind = accelerator.resource_type or accelerator.type
    count = accelerator.resource_count or str(accelerator.count)
    if not kind:
        yield Fault(place, "has an accelerator limit without a type: add .set_accelerator_type('nvidia.com/gpu')")
    elif not is_placeholder(kind) and not ACCELERATOR.fullmatch(kind):
        yield Fault(place, f"accelerator type {kind!r} is not a resource name: write it as nvidia.com/gpu")
    if not is_placeholder(count) and not (count.isdigit() and int(count)):
        yield Fault(place, f"accelerator limit {count!r} is not a count: use .set_accelerator_limit(1) or more")


def retries(document: Document) -> Iterator[Fault]:
    """Retry counts, waits and the parallelism of loops are not negative."""
    for task in document.tasks():
        policy = task.spec.retry_policy
        if policy.max_retry_count < 0:
            yield Fault(task.place, f"retries {policy.max_retry_count} times: use .set_retry(0) or more")
        if policy.backoff_factor < 0 or min(policy.backoff_duration.seconds, policy.backoff_max_duration.seconds) < 0:
            yield Fault(task.place, "waits a negative time between retries: use a backoff of 0s or more")
        if task.spec.iterator_policy.parallelism_limit < 0:
            yield Fault(task.place, "has a negative parallelism: use 0 (no limit) or more")


def timeouts(document: Document) -> Iterator[Fault]:
    """A time limit that was written is above zero; the driver ignores any other."""
    for label, config in sorted(document.written.items()):
        seconds = config.get("activeDeadlineSeconds")
        if seconds is not None and int(seconds) <= 0:
            place = document.place(label)
            yield Fault(
                place, f"a timeout of {seconds} s is not a limit: use kubernetes.set_timeout with seconds above 0"
            )
