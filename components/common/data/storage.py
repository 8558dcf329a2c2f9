"""Where photographs come from: one small interface over local folders and `s3://` addresses.

An address is a local path, `s3://bucket/prefix`, or `sandbox:NAME`, part of the rendered world in the package. An error
about a single key is an `OSError` (the caller may continue without it). An error about the whole store, such as a wrong
credential, is a `UserError`, or a `StageFailed` where only waiting can help, such as throttling that outlasts all
retries.
"""

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from components.common.data.digests import digest_file
from components.common.data.files import inside
from components.common.data.sandbox import is_packaged, resolve
from components.common.errors import UserError
from components.common.stage.progress import track

S3 = "s3://"


class Entry(NamedTuple):
    """A stored file. key: its path below the store's root, with forward slashes. size: bytes.

    version: changes with the content, where the store reports it for free (S3's ETag); otherwise empty.
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
        below = f"{folder.relative_to(self.root).as_posix()}/" if prefix else ""
        return sorted(track(_entries(folder, below), "files found"))

    def read(self, key: str, start: int | None = None, length: int | None = None) -> bytes:
        path = inside(self.root, key)
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "not a regular file", key)  # opening a pipe would wait forever
        with path.open("rb") as file:
            file.seek(start or 0)
            return file.read(-1 if length is None else length)

    def version(self, entry: Entry) -> str:
        path = inside(self.root, entry.key)
        if not path.is_file():
            raise OSError(errno.EINVAL, "not a regular file", entry.key)
        return digest_file(path)


def open_store(address: str) -> Store:
    """The store behind an address. Raises `UserError` for an invalid address; a local folder is not accessed yet."""
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


def _entries(folder: Path, prefix: str) -> Iterator[Entry]:
    """All files below a folder, their keys beginning with `prefix`. A link to a folder is followed unless that folder
    is read under another path. Real folders go before links, so that loops end and no file comes twice."""
    folders, seen = [(prefix, str(folder))], set()
    links: list[tuple[str, str]] = []
    while folders:
        before, where = folders.pop()
        if (identity := _identity(where)) not in seen:
            seen.add(identity)
            for child in _listed(where):
                if not _is_folder(child):
                    yield Entry(before + child.name, _size(child))
                else:
                    (links if child.is_symlink() else folders).append((f"{before}{child.name}/", child.path))
        if not folders and links:
            links.sort(reverse=True)
            folders.append(links.pop())


def _listed(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as children:
            return list(children)
    except OSError as error:
        raise UserError(f"{folder} cannot be listed ({error.strerror}): give this user the right to read it") from None


def _identity(folder: str) -> tuple[int, int]:
    state = Path(folder).stat()
    return state.st_dev, state.st_ino


def _is_folder(child: "os.DirEntry[str]") -> bool:
    try:
        return child.is_dir()
    except OSError:  # a link that leads to itself, for example; reading reports it
        return False


def _size(child: "os.DirEntry[str]") -> int:
    """Bytes; 0 if the size cannot be read (a broken link), which reading then reports."""
    try:
        return child.stat().st_size
    except OSError:
        return 0
