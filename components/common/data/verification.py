"""Checks that the bytes on disk are those that the manifests name."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from components.common.data.digests import digest_file, short
from components.common.data.files import inside
from components.common.data.reading import FINISHED, MANIFEST, Dataset, content_digest
from components.common.errors import StageFailed, UserError

READABLE, ABSENT, UNREADABLE, UNNAMED = "readable", "missing", "unreadable", "not in the manifest"


class Check(NamedTuple):
    """A file of a dataset: the sha256 (hex) that it should have, and the one that it has.

    For a file that is missing, unreadable or not named by the dataset, a word replaces the digest.
    """

    folder: Path
    file: str
    expected: str
    actual: str

    @property
    def passed(self) -> bool:
        return self.expected == self.actual

    def __str__(self) -> str:
        return f"{self.folder.name}/{self.file}: expected {_shown(self.expected)}, found {_shown(self.actual)}"


def count_files(folder: Path) -> int:
    """The number of files to check in a dataset's folder."""
    return sum(path.is_file() and path.name != FINISHED for path in folder.rglob("*"))


def check_files(folder: Path) -> Iterator[Check]:
    """Checks a finished dataset: the manifest's own digest, the files it names, and those that a model's rows name.

    Files that a damaged manifest or table names are not checked. Raises `UserError` if a name leads out of the folder.
    """
    try:
        manifest = Dataset(folder).manifest
    except UserError:
        yield Check(folder, MANIFEST, READABLE, UNREADABLE)
        return
    content = content_digest(manifest.kind, manifest.schema, manifest.parts, manifest.facts)
    yield (check := Check(folder, MANIFEST, manifest.digest, content))
    if not check.passed:
        return
    digests = {entry["name"]: entry["sha256"] for part in manifest.parts for entry in part["files"]}
    parts = [check_file(folder, name, digest) for name, digest in digests.items()]
    yield from parts
    if not all(check.passed for check in parts):
        return
    model = Dataset(folder).rows(["path", "sha256"]) if manifest.kind == "model" else []
    for row in model:
        yield check_file(folder, row["path"], row["sha256"])
    yield from _unnamed(folder, {MANIFEST, FINISHED, *digests, *(row["path"] for row in model)})


def check_file(folder: Path, name: str, expected: str) -> Check:
    """Hashes one file. Raises `UserError` if the name leads out of the folder."""
    path = inside(folder, name)
    try:
        return Check(folder, name, expected, digest_file(path) if path.is_file() else ABSENT)
    except OSError:
        return Check(folder, name, expected, UNREADABLE)


def refuse_damage(folder: Path) -> None:
    """Hashes a dataset that came from elsewhere. Raises `StageFailed` for the first file that differs."""
    Dataset(folder)  # says so if there is none
    for check in check_files(folder):
        if not check.passed:
            raise StageFailed(f"{check}: the dataset was damaged on its way here, fetch it again or make it again")


def _unnamed(folder: Path, named: set[str]) -> Iterator[Check]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in names:
        if name not in named:
            yield Check(folder, name, UNNAMED, check_file(folder, name, "").actual)


def _shown(digest: str) -> str:
    return digest if digest in (READABLE, ABSENT, UNREADABLE, UNNAMED) else short(digest)
