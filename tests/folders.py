"""Datasets' folders compared byte by byte, and stages that are killed while they write them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a dataset's folder by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@contextmanager
def killed_at_call(number: int, owner: Any, name: str) -> Iterator[list[tuple[Any, ...]]]:
    """In the block the `number`-th call (from 0) of function `name` of `owner` raises KeyboardInterrupt instead.

    Yields the arguments of every call so far, including that one; later calls are normal.
    """
    function, calls = getattr(owner, name), list[tuple[Any, ...]]()

    def counted(*args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) == number + 1:
            raise KeyboardInterrupt
        return function(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, counted)
        yield calls
