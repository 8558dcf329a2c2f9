"""`models.lock`: the commit of each hub model that parameters name, its licence, and the hash of each of its files."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from components.common.data.files import write_atomically
from components.common.errors import UserError, in_one_line
from components.common.vision.models import COMMIT, hub_id

FILE = Path("models.lock")
HEAD = """\
# The hub models that parameters name, each with the commit that runs load and the sha256 of every file. Written by
# `objectmate models lock` and `objectmate models upgrade`: commit it.
"""
PICKLED = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack", ".h5", ".py"})
"""Suffixes of files that are never fetched: they run code when they are loaded, or are another framework's."""


def _stays_inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or path.suffix in PICKLED or path.as_posix() != name:
        raise ValueError(f"the file name {name!r} is not one that a lock may hold")
    return name


FileName = Annotated[str, AfterValidator(_stays_inside)]
"""A path inside a model's repository, never that of a pickle or of code."""


class LockedFile(BaseModel):
    """size: bytes. sha256: 64 hex digits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class LockedModel(BaseModel):
    """One model.

    bases: the models it was made from, according to its card. used_by: profile -> parameters that name it. left_out:
    parts of a pipeline that nothing loads, because another model replaces them. files: path in the repository -> file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    commit: str = Field(pattern=COMMIT.pattern)
    licence: str
    bases: list[str] = []
    used_by: dict[str, list[str]] = {}
    left_out: list[str] = []
    files: dict[FileName, LockedFile] = Field(min_length=1)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())


class Lock(BaseModel):
    """What `models.lock` holds.

    allowed_licences: those that the user has allowed beyond `licences.ALLOWED`. models: reference, as parameters name
    it -> model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    allowed_licences: list[str] = []
    models: dict[str, LockedModel] = {}

    def find(self, reference: str) -> LockedModel | None:
        """The model of a reference: locked under that name, or the same id locked at the commit that it names."""
        if reference in self.models:
            return self.models[reference]
        return next((model for name, model in self.models.items() if _pinned(name, model) == reference), None)

    def snapshots(self) -> dict[tuple[str, str], LockedModel]:
        """(id, commit) -> model; two references to one commit are one model with the files of both."""
        models: dict[tuple[str, str], LockedModel] = {}
        for reference, model in sorted(self.models.items()):
            key = (hub_id(reference), model.commit)
            known = models.get(key)
            models[key] = model.model_copy(update={"files": known.files | model.files}) if known else model
        return models


def _pinned(reference: str, model: LockedModel) -> str:
    return f"{hub_id(reference)}@{model.commit}"


def read_lock(path: Path = FILE) -> Lock:
    """The lock, empty if there is no file. Raises `UserError` if it is damaged."""
    if not path.exists():
        return Lock()
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return Lock.model_validate(values)
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} is damaged ({_first_fault(error)}): restore it from git, or delete it and run `objectmate models "
            "lock`"
        ) from None


def _first_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem: Mapping[str, Any] = error.errors()[0]
        return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
    return in_one_line(error)


def write_lock(lock: Lock, path: Path = FILE) -> None:
    """Writes the lock, sorted and atomically."""
    values = lock.model_dump(exclude_defaults=True)
    values["models"] = {
        name: model | {"files": dict(sorted(model["files"].items()))}
        for name, model in sorted(values.get("models", {}).items())
    }
    # Only the innermost collections are on one line, so that a changed file is a changed line.
    text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=10_000, allow_unicode=True)
    write_atomically(path, (HEAD + text).encode())
