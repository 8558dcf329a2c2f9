"""Where photographs come from: one small interface over local folders and `s3://` addresses.

An address is a local path, `s3://bucket/prefix`, or `sandbox:NAME`, a part of the rendered world in the package. What
concerns a single key is raised as `OSError` (the caller may go on without it); what concerns the whole store, such as
a wrong credential, is a `UserError`, and a `StageFailed` where only time can mend it, such as throttling that outlasts
all retries.
"""

import os
import posixpath
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

from components.common.data.digests import digest_file
from components.common.data.files import inside
from components.common.data.sandbox import is_packaged, resolve
from components.common.errors import UserError

S3 = "s3://"


class Entry(NamedTuple):
    """A stored file. key: its path below the store's root, with forward slashes. size: bytes.

    version: changes with the content, where the store says so for free (the ETag of S3); otherwise empty.
    """

    key: str
    size: int
    version: str = ""


class Store(ABC):
    """Files below a root, named by keys."""

    @abstractmethod
    def entries(self, prefix: str = "") -> list[Entry]:
        """All files below the folder `prefix`, sorted by key."""

    @abstractmethod
    def read(self, key: str, start: int | None = None, length: int | None = None) -> bytes:
        """The file's bytes, or `length` bytes from `start` (fewer at its end).

        Raises `FileNotFoundError`, `PermissionError` or another `OSError` about this key, `UserError` or `StageFailed`
        about the store.
        """

    @abstractmethod
    def version(self, entry: Entry) -> str:
        """What changes when the file's content does. Raises `OSError` if it cannot be read."""

    def list(self, prefix: str = "") -> list[str]:
        """The keys of all files below the folder `prefix`, sorted."""
        return [entry.key for entry in self.entries(prefix)]


class LocalStore(Store):
    """Files below a local folder."""

    def __init__(self, root: Path | str):
        self.root = Path(root)

    def entries(self, prefix: str = "") -> "list[Entry]":
        folder = inside(self.root, prefix) if prefix else self.root
        if folder.is_file():
            raise UserError(f"{folder} is a file: name the folder that holds the files")
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}: correct the path, or put the files there")
        found = [Path(where, name) for where, _, names in os.walk(folder, onerror=_refuse) for name in names]
        return sorted(Entry(path.relative_to(self.root).as_posix(), _size(path)) for path in found)

    def read(self, key: str, start: int | None = None, length: int | None = None) -> bytes:
        path = inside(self.root, key)
        if path.exists() and not path.is_file():
            raise OSError(f"{key} is not a regular file")  # opening a pipe would wait for ever
        with path.open("rb") as file:
            file.seek(start or 0)
            return file.read(-1 if length is None else length)

    def version(self, entry: Entry) -> str:
        path = inside(self.root, entry.key)
        if not path.is_file():
            raise OSError(f"{entry.key} is not a regular file")
        return digest_file(path)


def open_store(address: str) -> Store:
    """The store behind an address. Raises `UserError` if the address makes no sense; a local folder is not touched."""
    if address.startswith(S3):
        from components.common.data.s3 import S3Store  # boto3 takes a second to import

        return S3Store(address)
    if "://" in address:
        raise UserError(f"{address} is neither a folder nor an s3:// address")
    return LocalStore(resolve(address) if is_packaged(address) else address)


def read_address(address: str) -> bytes:
    """The bytes of one file, wherever it is. Raises `UserError` if it cannot be read."""
    try:
        if not address.startswith(S3):
            return resolve(address).read_bytes()
        folder, _, name = address.rpartition("/")
        return open_store(folder).read(name)
    except OSError as error:
        raise UserError(f"{address} cannot be read ({error.strerror or error}): correct the path") from None


def match_names(names: list[str], keys: list[str]) -> dict[str, str]:
    """Which key each name of a label or annotation file means.

    Such files name photographs relative to a folder that need not be the root of `keys`. Tried are the names as they
    are, without the folders that all names share, and below the folders that all keys share; the way that finds most
    is taken for all. Names that are not found are left out.
    """
    known, above, below = set(keys), _shared_folder(names), _shared_folder(keys)
    ways = (
        {name: name for name in names},
        {name: name.removeprefix(above) for name in names},
        {name: below + name for name in names},
    )
    found = [{name: key for name, key in way.items() if key in known} for way in ways]
    return max(found, key=len)


def _shared_folder(paths: list[str]) -> str:
    """The folders that begin every path, ending in a slash; empty if there are none."""
    try:
        shared = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    except ValueError:  # none at all, or absolute and relative ones
        return ""
    return shared and shared.rstrip("/") + "/"


def _size(path: Path) -> int:
    """Bytes; 0 for what cannot be looked at (a broken link), which reading then reports."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename} cannot be listed ({error.strerror}): give this user the right to read it")
