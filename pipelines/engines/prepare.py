"""Preparing the workspace of a run: its parameters, its pipeline for DVC, and DVC itself."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.common.errors import UserError
from pipelines.engines.dvc_file import PACKAGE, render_dvc
from pipelines.engines.identity import Identity, is_local, refuse_foreign
from pipelines.engines.request import RUNS, Request, moved
from pipelines.engines.workspace import Workspace
from pipelines.models.declared import check_in_place, lock_command, pinned
from pipelines.models.verify import refuse_absent
from pipelines.parameters import FILE, check, keys_naming, profile_settings, render, resolve
from pipelines.steps import reached_steps

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
"""What in a workspace is not part of any dataset's identity; the project's own .dvcignore is the same."""


CODE = "components"
"""A workspace's link to the package's code: all workspaces name code and models alike, as a shared cache needs."""


@dataclass(frozen=True)
class Prepared:
    """A run that has been checked but not started. identity, values: None where the workspace has its own parameters.

    values: all parameters, by section.
    """

    workspace: Workspace
    identity: Identity | None = None
    values: dict[str, Any] | None = None

    def write(self) -> None:
        """Makes the workspace, or brings it up to date. The caller holds its lock.

        Raises `UserError` if it belongs to another run.
        """
        if self.identity is None or self.values is None:
            return
        refuse_foreign(self.workspace, self.identity)
        self.workspace.root.mkdir(parents=True, exist_ok=True)
        self.identity.write(self.workspace)
        _write_if_changed(self.workspace.params, render(self.values))
        _link_code(self.workspace.root / CODE)
        _write_if_changed(self.workspace.root / "dvc.yaml", render_dvc(self.workspace.root))
        _write_if_changed(self.workspace.root / ".dvcignore", DVCIGNORE)
        if not (self.workspace.root / ".dvc").is_dir():
            _set_up_dvc(self.workspace.root)


def check_run(request: Request) -> Prepared:
    """Checks everything that can be checked before a run, and writes nothing.

    Raises `UserError` if the photographs or labels are missing, a parameter is wrong, a hub model of the steps is not
    in `models.lock`, or the workspace belongs to another run.
    """
    steps = reached_steps(request.pipeline, request.engine)
    if request.in_place:
        check_in_place(check(Path(FILE)), steps)
        return Prepared(Workspace(Path()))
    _refuse_absent(*request.sources)
    workspace = Workspace(request.folder)
    identity = request.identity(workspace.root)
    chosen = {"ingest.images": identity.images, "ingest.labels": identity.labels}
    settings = moved(profile_settings(request.profile), Path(), workspace.root) | chosen | dict(identity.settings)
    values = resolve(request.profile, settings)
    _refuse_absent_settings(settings, identity.settings, workspace.root)
    values = pinned(values, steps, workspace.root, lock_command(request.profile, request.overrides))
    if request.engine != "docker":  # whose containers have a file system of their own
        refuse_absent(values, steps, workspace.root)
    refuse_foreign(workspace, identity)
    return Prepared(workspace, identity, values)


def _refuse_absent(images: str, labels: str) -> None:
    for source in filter(is_local, (images, labels)):
        if not Path(source).exists():
            raise UserError(f"there is no {source}: name a folder of photographs and, if there is one, a CSV of labels")
    if is_local(images) and not Path(images).is_dir():
        raise UserError(f"--images {images} is a file: name the folder that holds the photographs")
    if is_local(labels) and Path(labels).is_dir():
        raise UserError(f"--labels {labels} is a folder: name the CSV file of labels")


def _refuse_absent_settings(settings: Mapping[str, Any], given: Mapping[str, Any], root: Path) -> None:
    """Settings that name a local file or folder must name one that is there. given: those that a person gave."""
    for key, value in settings.items():
        if key in keys_naming("place") and not key.startswith("ingest."):
            for source in filter(is_local, value.values() if isinstance(value, dict) else [value]):
                path = (root.resolve() / source).resolve()  # the root itself may not be there yet
                if not path.exists():
                    mend = "correct the path" if key in given else "the profile expects it: make it, or name another"
                    raise UserError(f"--set {key}: there is no {os.path.relpath(path)}: {mend}")


def _write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _link_code(link: Path) -> None:
    target = os.path.relpath((PACKAGE / CODE).resolve(), link.parent.resolve())
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        raise UserError(f"{link} is in the way of the link to the package's code: name another folder with --workspace")
    link.symlink_to(target)


def _set_up_dvc(root: Path) -> None:
    """A DVC repository at `root` that shares its cache with every other workspace of the current folder."""
    from dvc.repo import Repo

    with Repo.init(str(root), no_scm=True) as repo, repo.config.edit("repo") as config:
        # DVC reads the path as relative to the current folder, and stores it relative to the repository.
        config["cache"] = {"dir": os.path.relpath(_shared_cache())}


def _shared_cache() -> Path:
    """The current folder's own DVC cache or, if that is not a DVC repository, a cache below runs/."""
    from dvc.config import Config

    if not Path(".dvc").is_dir():
        return RUNS / ".cache"
    return Path(Config(".dvc")["cache"].get("dir") or ".dvc/cache")
