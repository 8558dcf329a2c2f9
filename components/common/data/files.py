"""Files that are there whole or not at all, and names that stay below their folder."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO

from components.common.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` once it is whole and on the disk."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_atomically(path: Path, data: bytes) -> None:
    with replacing(path) as file:
        file.write(data)


def inside(folder: Path, name: str) -> Path:
    """The path of a name that came from elsewhere: a manifest, a store, a label file, a command line.

    The name alone is judged: a link in `folder` that leads out of it was put there by whoever owns the folder.
    Raises `UserError` if the name is empty, absolute, climbs with `..` (between slashes or backslashes) or holds a NUL.
    """
    steps = PureWindowsPath(name)  # which takes both kinds of slash
    if not steps.parts or steps.root or ".." in steps.parts or "\0" in name:
        raise UserError(f"the name {name!r} does not stay below {folder}: correct it where it comes from")
    return folder / name


def size_of(path: Path) -> int:
    """Bytes; -1 for a file that is not there."""
    return path.stat().st_size if path.is_file() else -1


def read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
