"""Checks before a run: it can read its sources, and its results will not lie among the photographs."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.common.errors import UserError
from pipelines.engines.identity import is_local
from pipelines.engines.workspace import Workspace
from pipelines.parameters import keys_naming


def refuse_absent(images: str, labels: str) -> None:
    """Raises `UserError` unless the photographs are a folder and any labels a file; addresses are not read."""
    for source in filter(is_local, (images, labels)):
        if not Path(source).exists():
            raise UserError(f"there is no {source}: name a folder of photographs and, if there is one, a CSV of labels")
    if is_local(images) and not Path(images).is_dir():
        raise UserError(f"--images {images} is a file: name the folder that holds the photographs")
    if is_local(labels) and Path(labels).is_dir():
        raise UserError(f"--labels {labels} is a folder: name the CSV file of labels")


def refuse_absent_settings(settings: Mapping[str, Any], given: Mapping[str, Any], root: Path) -> None:
    """Raises `UserError` if a setting names a local file or folder, relative to `root`, that does not exist.

    given: the settings from the user; the others are the profile's. `refuse_absent` checks photographs and labels.
    """
    for key, value in settings.items():
        if key not in keys_naming("place") or key.startswith("ingest."):
            continue
        for source in filter(is_local, value.values() if isinstance(value, dict) else [value]):
            path = (root.resolve() / source).resolve()  # the root may not exist yet
            if not path.exists():
                fix = "correct the path" if key in given else "the profile expects it: make it, or name another"
                raise UserError(f"--set {key}: there is no {os.path.relpath(path)}: {fix}")


def refuse_odd_names(*named: object) -> None:
    """Raises `UserError` if a path has bytes that are not UTF-8: params.yaml and DVC could not name it."""
    for text in map(str, (Path().resolve(), *named)):
        try:
            text.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(text).decode("utf-8", "backslashreplace")
            raise UserError(f"the name {shown} is not UTF-8, which a run's files must be: rename it first") from None


def refuse_mixed(images: str, workspace: Workspace) -> None:
    """Raises `UserError` if results would be below the folder of photographs, and so be photographs in the next run.

    images: relative to the workspace.
    """
    root, here = workspace.root.resolve(), Path().resolve()
    folder = (root / images).resolve()
    if not is_local(images):
        return
    if here.is_relative_to(folder):
        home, name = os.path.relpath(folder.parent), shlex.quote(folder.name)
        raise UserError(
            "this folder belongs to the photographs, and the results of a run, which are kept where it is started, "
            f"would be taken for photographs: start it elsewhere, such as `cd {shlex.quote(home)}` and --images {name}"
        )
    if root.is_relative_to(folder):
        raise UserError(
            f"{workspace.root} lies in the folder of photographs, {os.path.relpath(folder)}, and its results would be "
            "taken for photographs: name a folder elsewhere with --workspace"
        )
