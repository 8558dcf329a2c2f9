"""Progress of long work: on a terminal, a bar with the rate and the time left; in a log, a line now and then."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

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
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
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
            print(f"{description}: {done}/{total or '?'} at {rate:.1f}/s{left}", file=sys.stderr, flush=True)
            said = now
