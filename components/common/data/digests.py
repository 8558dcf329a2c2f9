"""Content digests: the identity of everything this project makes."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

CHUNK = 1 << 20

SHOWN = 12
"""Hex digits of a digest that people are shown, wherever one is printed."""


def short(digest: str) -> str:
    """A sha256 (hex) as it is printed."""
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
    return _digest_files(folder, "*")


@cache
def digest_sources(folder: Path) -> str:
    """sha256 (hex) of the Python files below `folder`, by name and content, as they were when first asked for."""
    return _digest_files(folder, "*.py")


def _digest_files(folder: Path, pattern: str) -> str:
    files = sorted(path for path in folder.rglob(pattern) if path.is_file())
    return digest_value([[path.relative_to(folder).as_posix(), digest_file(path)] for path in files])


def content_key(*parts: Any) -> str:
    """A short key (32 hex digits) derived from content, for object_id, tuple_id and the like."""
    return digest_value(list(parts))[:32]
