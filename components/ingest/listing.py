"""Which files a collection holds, in which order, and how they are divided into parts."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.common.data.digests import digest_value
from components.common.data.sandbox import is_packaged
from components.common.data.storage import Entry, Store, open_store
from components.common.errors import UserError

_DOCUMENTS = (
    ".json",
    ".jsonl",
    ".csv",
    ".tsv",
    ".txt",
    ".md",
    ".xml",
    ".yaml",
    ".yml",
    ".toml",
    ".html",
    ".ini",
    ".log",
)
_DATA = (".parquet", ".db", ".npy", ".npz", ".safetensors", ".tar", ".xmp", ".aae", ".caption")
SIDECARS = frozenset(_DOCUMENTS + _DATA)
"""Files of these kinds are often next to photographs and are skipped; every other file counts as a photograph."""

SIDECAR_NAMES = frozenset(("LICENSE", "LICENCE", "README", "NOTICE", "COPYING"))
SYSTEM_FOLDERS = frozenset(("@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information"))
"""What network drives, macOS and Windows keep next to photographs: thumbnails, resource forks, deleted files."""

PART_BYTES = 256 << 20
"""A part is held in memory, so it has at most this many bytes of photographs; a larger photograph has its own part."""


@dataclass(frozen=True)
class Listing:
    """The photographs of a collection, sorted by key, and how many files were skipped."""

    store: Store
    entries: list[Entry]
    sidecars: int

    def uris(self) -> list[str]:
        """The photographs' names, in order."""
        return [uri(entry) for entry in self.entries]

    def digest(self, pool: Executor) -> str:
        """Changes when a photograph is added, removed, renamed or altered."""
        versions = pool.map(self._version, self.entries)
        return digest_value([[uri(e), e.size, version] for e, version in zip(self.entries, versions, strict=True)])

    def _version(self, entry: Entry) -> str:
        try:
            return self.store.version(entry)
        except OSError:
            return "unreadable"

    def parts(self, rows: int, max_bytes: int) -> Iterator[list[Entry]]:
        """The entries in runs of at most `rows` files and `PART_BYTES`; files over `max_bytes` are not read."""
        part: list[Entry] = []
        size = 0
        for entry in self.entries:
            weight = entry.size if entry.size <= max_bytes else 0
            if part and (len(part) == rows or size + weight > PART_BYTES):
                yield part
                part, size = [], 0
            part.append(entry)
            size += weight
        if part:
            yield part


def find(address: str) -> Listing:
    """The photographs at an address; `sandbox:NAME` means the photographs of that split of the rendered world.

    Raises `UserError` if there is no such place, or no photograph in it.
    """
    split = is_packaged(address) and "/" not in address
    store = open_store(address)
    everything = store.entries("images" if split else "")
    photographs = [entry for entry in everything if not is_sidecar(entry.key)]
    if not photographs:
        raise UserError(f"{address} holds no photographs: put JPEG, PNG or WebP files there or name another folder")
    return Listing(store, photographs, len(everything) - len(photographs))


def is_sidecar(key: str) -> bool:
    """Whether a file is skipped: a document or a table, or one that is hidden or belongs to a system or program."""
    path = PurePosixPath(key)
    hidden = any(part.startswith(".") or part.lower() in SYSTEM_FOLDERS for part in path.parts)
    return hidden or path.suffix.lower() in SIDECARS or path.stem.upper() in SIDECAR_NAMES


def uri(entry: Entry) -> str:
    """The photograph's name in all tables; bytes of a file name that are not UTF-8 are escaped."""
    return os.fsencode(entry.key).decode("utf-8", "backslashreplace")
