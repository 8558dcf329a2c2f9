"""Which files a collection holds, in which order, and how they are divided into parts."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from components.common.data.digests import digest_value
from components.common.data.names import some
from components.common.data.sandbox import is_packaged
from components.common.data.storage import Entry, Store, open_store
from components.common.errors import UserError
from components.common.stage.progress import track
from components.common.vision.formats import HEIF_ENDINGS
from components.ingest.rights.beside import is_about, stems

_DOCUMENTS = (
    ".json",
    ".jsonl",
    ".csv",
    ".tsv",
    ".xlsx",
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
"""Files of these kinds are often next to photographs and are passed over, unless they say something about one (see
`rights.beside`); every other file counts as a photograph."""

SIDECAR_NAMES = frozenset(("LICENSE", "LICENCE", "README", "NOTICE", "COPYING"))
_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".mpo")
PHOTOGRAPHS = _ENDINGS + HEIF_ENDINGS
"""Files with these endings are photographs, whatever they are called."""

SYSTEM_FOLDERS = frozenset(("@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information"))
"""What network drives, macOS and Windows keep next to photographs: thumbnails, resource forks, deleted files."""

RESOURCE_FORK = b"\0\5\x16\7"
"""The first bytes of a resource fork that macOS writes to other drives; its name is `._` and the photograph's."""

PART_BYTES = 256 << 20
"""A part is held in memory, so it has at most this many bytes of photographs; a larger photograph has its own part."""


DOCUMENTS, UNREADABLE = "documents and data", "unreadable"
"""Why a document is passed over; the version of a file that cannot be read."""


class PassedOver(NamedTuple):
    """A file that is not treated as a photograph. why: a phrase, the same for all files of a kind."""

    uri: str
    why: str


@dataclass(frozen=True)
class Listing:
    """The photographs of a collection, sorted by key, and the files that were passed over.

    beside: files that say something about photographs (see `rights.beside`)."""

    store: Store
    entries: list[Entry]
    passed_over: list[PassedOver]
    beside: list[Entry] = field(default_factory=list)

    @property
    def files(self) -> int:
        """How many files were found: every one of them is in `images` or in `quarantine`, or was read for rights."""
        return len(self.entries) + len(self.passed_over) + len(self.beside)

    def uris(self) -> list[str]:
        """The photographs' names, in order."""
        return [uri(entry) for entry in self.entries]

    def versions(self, pool: Executor) -> dict[str, str]:
        """uri -> version, which changes with the content, of photographs and of files beside them."""
        files = [*self.entries, *self.beside]
        versions = track(pool.map(self._version, files), "files hashed", len(files))
        return {uri(entry): version for entry, version in zip(files, versions, strict=True)}

    def digests(self, versions: Mapping[str, str]) -> dict[str, str]:
        """Digests that change when a photograph, or a file beside one, is added, removed, renamed or altered."""
        kinds = {"photographs": self.entries} | ({"beside": self.beside} if self.beside else {})
        return {
            kind: digest_value([[uri(entry), entry.size, versions[uri(entry)]] for entry in entries])
            for kind, entries in kinds.items()
        }

    def _version(self, entry: Entry) -> str:
        try:
            return self.store.version(entry)
        except OSError:
            return UNREADABLE

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
    listing = Listing(store, [], [])
    others: list[tuple[Entry, str]] = []
    for entry in store.entries("images" if split else ""):
        if why := why_passed_over(entry.key) or _resource_fork(store, entry):
            others.append((entry, why))
        else:
            listing.entries.append(entry)
    named = stems(entry.key for entry in listing.entries)
    for entry, why in others:
        if why == DOCUMENTS and is_about(entry.key, named):
            listing.beside.append(entry)
        else:
            listing.passed_over.append(PassedOver(uri(entry), why))
    if not listing.entries:
        names = [other.uri for other in listing.passed_over]
        instead = f", only other files ({some(names)})" if names else ""
        raise UserError(
            f"{address} holds no photographs{instead}: put JPEG, PNG or WebP files there or name another folder"
        )
    return listing


def why_passed_over(key: str) -> str:
    """Why a file is not a photograph of the collection, by its folder and name; empty if it may be one."""
    path = PurePosixPath(key)
    for folder in path.parts[:-1]:
        if folder.lower() in SYSTEM_FOLDERS:
            return f"in {folder}, which a system keeps for itself"
        if folder.startswith("."):
            return f"in the hidden folder {folder}"
    if path.name.lower().endswith(PHOTOGRAPHS):
        return ""
    if path.name.startswith("."):
        return "hidden files"
    return DOCUMENTS if path.suffix.lower() in SIDECARS or path.stem.upper() in SIDECAR_NAMES else ""


def _resource_fork(store: Store, entry: Entry) -> str:
    if not PurePosixPath(entry.key).name.startswith("._"):
        return ""
    try:
        return "macOS resource forks" if store.read(entry.key, 0, len(RESOURCE_FORK)) == RESOURCE_FORK else ""
    except OSError:  # reading it as a photograph reports it
        return ""


def uri(entry: Entry) -> str:
    """The photograph's name in all tables; bytes of a file name that are not UTF-8 are escaped."""
    return os.fsencode(entry.key).decode("utf-8", "backslashreplace")
