"""Content digests: the identity of everything this project makes."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

SOURCES = (".py", ".cpp")
"""Suffixes of a stage's source files."""

SHOWN = 12
"""How many hex digits of a digest are printed."""


def short(digest: str) -> str:
    """A sha256, a commit or another long id (hex) as it is printed."""
    return digest[:SHOWN]


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_value(value: Any) -> str:
    """sha256 (hex) of a JSON-able value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def digest_file(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_folder(folder: Path) -> str:
    """sha256 (hex) over the names and bytes of all files below a folder."""
    return _digest_files(folder.rglob("*"), folder)


@cache
def digest_sources(folder: Path) -> str:
    """sha256 (hex) of the source files below `folder`, by name and content, as they were at the first call."""
    return _digest_files((path for path in folder.rglob("*") if path.suffix in SOURCES), folder)


def _digest_files(paths: Iterable[Path], folder: Path) -> str:
    files = sorted(path for path in paths if path.is_file())
    return digest_value([[path.relative_to(folder).as_posix(), digest_file(path)] for path in files])


def content_key(*parts: Any) -> str:
    """A short key (32 hex digits) derived from content: object_id, tuple_id and the like."""
    return digest_value(list(parts))[:32]
