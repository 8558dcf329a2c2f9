"""Volumes: absolute and distinct mount paths, distinct volume names, and sizes that parse.

The driver parses sizes with a call that panics (`resource.MustParse`), so a wrong one ends the driver, not the task.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from pipelines.ir.document import Document, Fault
from pipelines.ir.names import OBJECT
from pipelines.ir.resources import amount, is_placeholder

ACCESS_MODES = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"}


class Mount(NamedTuple):
    """A volume in a container. volume: its name in the pod, "" if a run parameter sets it."""

    volume: str
    path: str


def mounts(config: Any) -> list[Mount]:
    """All volumes that an executor's settings mount, named as the driver names them: by secret, config map or claim."""
    named = [(each.secret_name, each.secret_name_parameter, each.mount_path) for each in config.secret_as_volume] + [
        (each.config_map_name, each.config_map_name_parameter, each.mount_path) for each in config.config_map_as_volume
    ]
    named += [(each.constant, each.pvc_name_parameter, each.mount_path) for each in config.pvc_mount]
    workspace_mounts = [
        Mount(parameter.runtime_value.constant.string_value or name, path) for name, parameter, path in named
    ]
    own = [*config.generic_ephemeral_volume, *config.empty_dir_mounts]
    return workspace_mounts + [Mount(each.volume_name, each.mount_path) for each in own]


def faults(document: Document) -> list[Fault]:
    """Wrong mounts, names and sizes of every executor."""
    return [
        Fault(place, message)
        for place, config in document.platforms()
        for message in (*_paths(config), *_volumes(config), *_sizes(config))
    ]


def _paths(config: Any) -> Iterator[str]:
    paths = [mount.path for mount in mounts(config)]
    for path in paths:
        if not path.startswith("/") or ":" in path or ".." in PurePosixPath(path).parts:
            yield f"mounts a volume on {path!r}: use an absolute path without '..' or ':'"
    for path, count in sorted(Counter(str(PurePosixPath(path)) for path in paths).items()):
        if count > 1:
            yield f"mounts {count} volumes on {path}: give each its own path"
    for claim in config.pvc_mount:
        if claim.sub_path.startswith("/") or ".." in PurePosixPath(claim.sub_path).parts:
            yield f"mounts the sub-path {claim.sub_path!r}: use a path below the volume's root"


def _volumes(config: Any) -> Iterator[str]:
    """A claim may be mounted in two places; other volumes of one name make two entries, which a pod must not have."""
    if any(not each.volume_name for each in [*config.generic_ephemeral_volume, *config.empty_dir_mounts]):
        yield "has a volume without a name: give it one"
    names = [mount.volume for mount in mounts(config) if mount.volume]
    for name in sorted(set(names)):
        if not OBJECT.fullmatch(name) or "." in name or len(name) > 63:
            yield f"has a volume named {name!r}: use at most 63 lower-case letters, digits and '-'"
    claims = {claim.constant for claim in config.pvc_mount}
    for name, count in sorted(Counter(name for name in names if name not in claims).items()):
        if count > 1:
            yield f"has {count} volumes named {name}: give each its own name"


def _sizes(config: Any) -> Iterator[str]:
    for each in config.empty_dir_mounts:
        if each.size_limit and not is_placeholder(each.size_limit) and not amount(each.size_limit):
            yield f"emptyDir {each.volume_name} has the size {each.size_limit!r}: write 512Mi or 4Gi"
        if each.medium not in ("", "Memory") and not each.medium.startswith("HugePages"):
            yield f"emptyDir {each.volume_name} has the medium {each.medium!r}: use Memory, or none for the disk"
    for each in config.generic_ephemeral_volume:
        if not amount(each.size):
            yield f"ephemeral volume {each.volume_name} has the size {each.size!r}: write 512Mi or 4Gi"
        if not each.access_modes or not set(each.access_modes) <= ACCESS_MODES:
            yield f"ephemeral volume {each.volume_name} has unknown access modes: use {', '.join(sorted(ACCESS_MODES))}"
