"""Progress of long work: on a terminal, a bar with the rate and the time left; in a log, a line now and then."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from components.common.harmless import say
from components.common.terminal import Terminal

Item = TypeVar("Item")
LOG_EVERY_SECONDS = 10.0


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yields `items`, showing how many of `total` (default: `len(items)`) are done, the rate and the time left."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    yield from (_bar if sys.stderr.isatty() else _log)(items, description, total)


def _bar(items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=total, rate="")
        start = time.monotonic()
        for done, item in enumerate(items, start=1):
            yield item
            progress.update(task, advance=1, rate=f"{done / (time.monotonic() - start):.1f}/s")


def _log(items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    start = said = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - said > LOG_EVERY_SECONDS:
            rate = done / (now - start)
            left = f", {(total - done) / rate:.0f} s left" if total else ""
            say(f"{description}: {done}/{total or '?'} at {rate:.1f}/s{left}", err=True)
            said = now


@contextmanager
def transfer(description: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """A function that is told how many of `total` bytes are there and which file is being written, and shows the bytes,
    the rate and the time left."""
    if not sys.stderr.isatty():
        yield _logged_bytes(description, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=total)
        yield lambda there, file: progress.update(task, completed=there, description=f"{description} {file}")


def _logged_bytes(description: str, total: int) -> Callable[[int, str], None]:
    start = time.monotonic()
    said = [start]

    def tell(there: int, file: str) -> None:
        now = time.monotonic()
        if now - said[0] > LOG_EVERY_SECONDS:
            rate = there / (now - start)
            left = f", {(total - there) / rate:.0f} s left" if rate else ""
            sizes = f"{there / 1e6:,.0f} of {total / 1e6:,.0f} MB at {rate / 1e6:.1f} MB/s{left}"
            say(f"{description} {file}: {sizes}", err=True)
            said[0] = now

    return tell
