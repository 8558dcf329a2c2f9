"""Files that are written whole or not at all, and names that stay inside their folder."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO

from components.common.errors import UserError

PARQUET = b"PAR1"
"""How a Parquet file begins."""


def check_writable(path: Path) -> None:
    """Raises `UserError` if there is no folder to write a file to: called before the work whose result it will hold."""
    if not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent} to write {path.name} to: make it first")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A temporary file that replaces `path` once it is complete and on the disk."""
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

    Only the name is checked: a link in `folder` that leads out of it was put there by the folder's owner. Raises
    `UserError` if the name is empty, absolute, contains a NUL, or climbs with `..` (between slashes or backslashes).
    """
    steps = PureWindowsPath(name)  # accepts both kinds of slash
    if not steps.parts or steps.root or ".." in steps.parts or "\0" in name:
        raise UserError(f"the name {name!r} does not stay below {folder}: correct it where it comes from")
    return folder / name


def size_of(path: Path) -> int:
    """Bytes; -1 for a file that is not there."""
    return path.stat().st_size if path.is_file() else -1


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
