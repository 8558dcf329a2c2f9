"""Preparing the workspace of a run: its parameters, its pipeline for DVC, and DVC itself."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.common.data.files import write_atomically
from components.common.errors import UserError
from components.evaluation.params import NO_BENCHMARK
from components.ingest.params import DENIED
from pipelines.engines.collection import photographs
from pipelines.engines.dvc_file import PACKAGE, render_dvc
from pipelines.engines.identity import Identity, as_seen_from, refuse_foreign
from pipelines.engines.request import Request, moved
from pipelines.engines.sources import refuse_absent, refuse_absent_settings, refuse_mixed, refuse_odd_names
from pipelines.engines.workspace import RUNS, Workspace
from pipelines.models.declared import check_in_place, lock_command, pinned
from pipelines.models.verify import refuse_absent_models
from pipelines.parameters import FILE, check, profile_settings, render, resolve
from pipelines.steps import STEPS, reached_steps

PHOTOS = "photos"
"""The profile for real photographs."""
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
"""The files of a workspace that are not part of any dataset's identity; the project's own .dvcignore is the same."""


CODE = "components"
"""A workspace's link to the package's code: a shared cache needs the same paths to code and models everywhere."""


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

    Raises `UserError` if the photographs or labels are missing or would be mixed with results, a parameter is wrong, a
    hub model of the steps is not in `models.lock`, or the workspace belongs to another run.
    """
    steps = reached_steps(request.pipeline, request.engine)
    if request.in_place:
        check_in_place(check(Path(FILE)), steps)
        refuse_mixed(photographs(Path()), Workspace(Path()))
        return Prepared(Workspace(Path()))
    if request.profile == PHOTOS and not request.images:
        raise UserError("the profile photos needs photographs: name their folder with --images")
    refuse_odd_names(*request.sources, *request.overrides, request.workspace)
    refuse_absent(*request.sources)
    workspace = Workspace(request.folder)
    identity = request.identity(workspace.root)
    chosen = {"ingest.images": identity.images, "ingest.labels": identity.labels}
    chosen |= {"ingest.denied": as_seen_from(workspace.root, DENIED)}  # one deny list for all runs of a folder
    settings = moved(profile_settings(request.profile), Path(), workspace.root) | chosen | dict(identity.settings)
    values = resolve(request.profile, settings)
    if STEPS["evaluation"] in steps and not values["benchmark"]:
        raise UserError(NO_BENCHMARK)
    refuse_absent_settings(settings, identity.settings, workspace.root)
    refuse_mixed(values["ingest"]["images"], workspace)
    try:
        values = pinned(values, steps, workspace.root, lock_command(request.profile, request.overrides))
    except UserError as error:
        hint = "; the profile photos itself ends in tuples: `objectmate run dataset`"
        raise UserError(f"{error}{hint if request.profile == PHOTOS else ''}") from None
    if request.engine != "docker":  # whose containers have a file system of their own
        refuse_absent_models(values, steps, workspace.root)
    refuse_foreign(workspace, identity)
    return Prepared(workspace, identity, values)


def _write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_bytes() != text.encode():
        write_atomically(path, text.encode())


def _link_code(link: Path) -> None:
    target = os.path.relpath((PACKAGE / CODE).resolve(), link.parent.resolve())
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        raise UserError(f"{link} is in the way of the link to the package's code: name another folder with --workspace")
    link.symlink_to(target)


def _set_up_dvc(root: Path) -> None:
    """Makes a DVC repository at `root` that shares its cache with every other workspace of the current folder."""
    from dvc.repo import Repo

    with Repo.init(str(root), no_scm=True) as repo, repo.config.edit("repo") as config:
        # DVC reads the path as relative to the current folder, and stores it relative to the repository.
        config["cache"] = {"dir": os.path.relpath(shared_cache())}


def shared_cache() -> Path:
    """The current folder's own DVC cache or, if that is not a DVC repository, a cache below runs/."""
    from dvc.config import Config

    if not Path(".dvc").is_dir():
        return RUNS / ".cache"
    return Path(Config(".dvc")["cache"].get("dir") or ".dvc/cache")
