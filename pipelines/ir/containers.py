"""Containers: which image runs, what its command does, and whether KFP's cache may be used instead."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pipelines.ir.document import TEXTS, Document, Fault

DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
LOCAL = "localhost/"
STUB = "argostub/"
"""Prefix of names that the driver handles itself (to make and delete volumes); no such image is ever pulled."""
INSTALL = re.compile(r"\b(?:pip3?|uv|conda|mamba|apt|apt-get|apk|npm)(?: pip)? (?:install|add)\b")
EXPANDED = re.compile(r"\$\{?\w*(?:SECRET|TOKEN|PASSWORD|PASSWD|ACCESS_KEY|API_KEY|CREDENTIAL)\w*")
INPUT = re.compile(r"\{\{\$\.inputs\.")


def images(document: Document, cluster: bool) -> Iterator[Fault]:
    """An image is pinned by digest, since KFP's cache keys on its name alone (kubeflow/pipelines#13862).

    One built on this machine (`localhost/...`) may have a tag, but not for a cluster, which could not pull it.
    """
    for place, container in document.containers():
        image = container.image
        if not image:
            yield Fault(place, "has no image: give its component a base_image")
        elif image.startswith(LOCAL):
            if cluster:
                yield Fault(
                    place, f"image {image} exists only on this machine: set OBJECTMATE_IMAGE_<FAMILY> and compile again"
                )
        elif not image.startswith(STUB) and not DIGEST.fullmatch(image):
            yield Fault(place, f"image {image} can change under its name: pin it as NAME@sha256:DIGEST")


def commands(document: Document) -> Iterator[Fault]:
    """Commands install nothing, expand no secret, and let no parameter write shell text."""
    for place, container in document.containers():
        words = [*container.command, *container.args]
        for word in words:
            if installs := INSTALL.search(word):
                yield Fault(place, f"runs `{installs[0]}` at run time: put the package into the image")
            if expanded := EXPANDED.search(word):
                yield Fault(
                    place, f"expands {expanded[0]} in its command, where process lists show it: read it in Python"
                )
        if any(INPUT.search(script) for script in _scripts(words)):
            yield Fault(place, 'puts a parameter into a shell script: pass it as an argument and use "$1"')


def _scripts(words: list[str]) -> list[str]:
    """The texts that a shell will read: what follows `-c`, however it is spelt (`-ec`, `-exc`)."""
    return [text for flag, text in pairwise(words) if re.fullmatch(r"-[a-z]*c", flag)]


def caching(document: Document) -> Iterator[Fault]:
    """A cached result is stale if its key does not show that the data behind a name has changed.

    KFP's key consists of image, command, parameters and the ids of input artifacts. So an import by address has to make
    a new artifact each time, and the key of a task without artifacts does not cover the data that its parameters name.
    """
    for task in document.tasks():
        executor = _executor(document, task.component)
        kind = executor.WhichOneof("spec") if executor else None
        if kind == "importer" and not executor.importer.reimport:
            yield Fault(task.place, "reuses an earlier import, whose data may have changed: set reimport=True")
        if kind == "container" and task.spec.caching_options.enable_cache and _is_blind(task.component):
            yield Fault(task.place, "is cached by its parameters' text alone: use .set_caching_options(False)")


def _is_blind(component: Any) -> bool:
    """Whether a component takes no artifact, but a parameter that can name data (a number cannot)."""
    definitions = component.input_definitions
    return not definitions.artifacts and any(each.parameter_type in TEXTS for each in definitions.parameters.values())


def _executor(document: Document, component: Any) -> Any:
    executors = document.deployment.executors
    return executors[component.executor_label] if component and component.executor_label in executors else None
