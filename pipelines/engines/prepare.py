"""Preparing the workspace of a run: its parameters, its pipeline for DVC, and DVC itself."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.common.errors import UserError
from pipelines.engines.dvc_file import render_dvc
from pipelines.engines.workspace import Workspace
from pipelines.parameters import FILE, refuse_unpinned, render, resolve
from pipelines.steps import Step

DVCIGNORE = """\
# Times and hosts differ between runs that made the same data; they are kept beside a dataset, not inside its identity.
run.json
# The marker and the part records of a dataset in the making, and which code made it.
_unfinished.json
_finished.json
*.part.json
__pycache__/
*.pyc
# The page of `dvc plots show`.
/dvc_plots/
# The compiled kernel: another build of it gives the same pairs.
*.so
"""
"""What of a workspace is no part of any dataset's identity; the project's own .dvcignore is the same."""


def prepare(
    root: Path, profile: str, images: str, labels: str, overrides: dict[str, Any], steps: Sequence[Step]
) -> Workspace:
    """Makes (or brings up to date) the workspace of a run on other photographs than the default ones.

    steps: those that are to be run. Raises `UserError`, before anything is made, if the photographs or labels are not
    there, a parameter is wrong, or a hub model of the steps has no pinned revision.
    """
    _refuse_absent(images, labels)
    chosen = {"ingest.images": _as_seen_from(root, images), "ingest.labels": _as_seen_from(root, labels)}
    values = resolve(profile, chosen | overrides)
    refuse_unpinned(values, steps, root)
    root.mkdir(parents=True, exist_ok=True)
    _write_if_changed(root / FILE, render(values))
    _write_if_changed(root / "dvc.yaml", render_dvc(root))
    _write_if_changed(root / ".dvcignore", DVCIGNORE)
    if not (root / ".dvc").is_dir():
        from dvc.repo import Repo

        Repo.init(str(root), no_scm=True).close()
    return Workspace(root)


def _is_local(source: str) -> bool:
    return bool(source) and ":" not in source


def _refuse_absent(images: str, labels: str) -> None:
    """Checks local paths, which the stages would name as they are seen from the workspace."""
    for source in filter(_is_local, (images, labels)):
        if not Path(source).exists():
            raise UserError(f"there is no {source}: name a folder of photographs and, if there is one, a CSV of labels")
    if _is_local(images) and not Path(images).is_dir():
        raise UserError(f"--images {images} is a file: name the folder that holds the photographs")
    if _is_local(labels) and Path(labels).is_dir():
        raise UserError(f"--labels {labels} is a folder: name the CSV file of labels")


def _as_seen_from(root: Path, source: str) -> str:
    """A local path as a run inside `root` names it; addresses such as s3:// and sandbox: stay as they are."""
    return os.path.relpath(Path(source).resolve(), root.resolve()) if _is_local(source) else source


def _write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
