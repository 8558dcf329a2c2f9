"""All checks of a compiled pipeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from components.common.errors import UserError, in_one_line
from pipelines.ir import containers, graph, mounts, names, pods, resources, secrets, shape, template, types
from pipelines.ir.document import Fault, read


def check(documents: list[Any], cluster: bool = False) -> list[Fault]:
    """The faults of one compiled file, given its YAML documents; none if it may be submitted.

    cluster: also refuse images that only this machine has. If the shape is wrong, only that is reported.
    """
    if wrong := shape.faults(documents):
        return wrong
    document = read(documents)
    return [
        *template.faults(document),
        *graph.faults(document),
        *types.faults(document),
        *containers.images(document, cluster),
        *containers.commands(document),
        *containers.caching(document),
        *secrets.faults(document),
        *resources.quantities(document),
        *resources.retries(document),
        *resources.timeouts(document),
        *names.faults(document),
        *mounts.faults(document),
        *pods.faults(document),
    ]


def check_files(paths: Sequence[Path], cluster: bool = False) -> list[str]:
    """One line per fault, `FILE: PLACE: MESSAGE`, over several files. Raises `UserError` if a file cannot be read."""
    return [f"{path}: {fault}" for path in paths for fault in _check_file(path, cluster)]


def _check_file(path: Path, cluster: bool) -> list[Fault]:
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"), yaml.CSafeLoader))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read ({error.__class__.__name__}): name a file that compile wrote"
        ) from error
    except yaml.YAMLError as error:
        return [Fault("file", f"is not YAML ({in_one_line(error)}): compile the pipeline again")]
    return check([each for each in documents if each is not None], cluster)
