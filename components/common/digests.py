"""Content digests: the identity of everything this project makes."""

import hashlib
import json
from pathlib import Path
from typing import Any

CHUNK = 1 << 20


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


def content_key(*parts: Any) -> str:
    """A short key (32 hex digits) derived from content, for object_id, tuple_id and the like."""
    return digest_value(list(parts))[:32]
