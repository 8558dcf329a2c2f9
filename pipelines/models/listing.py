"""`objectmate models list` and `verify`: what the lock holds, and whether a folder matches it."""

from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from components.common.data.digests import short
from components.common.errors import UserError
from components.common.terminal import Terminal
from pipelines.models.lock import FILE, Lock, read_lock
from pipelines.models.locking import megabytes
from pipelines.models.verify import cache, faults


def verified(folder: Path | None, say: Callable[[str], object]) -> bool:
    """Whether a folder (None: the one that runs use) holds every file of the lock; says what is wrong, file by file."""
    lock, checked = _lock(), folder or cache()
    problems = faults(lock, checked)
    for line in problems:
        say(line)
    files = sum(len(model.files) for model in lock.snapshots().values())
    say(f"{checked}: {files - len(problems)} of {files} files as locked" + (": fetch them again" if problems else ""))
    return not problems


def show() -> None:
    """Prints the lock as a table."""
    table = Table()
    for heading in ("model", "commit", "licence", "size", "used by"):
        table.add_column(heading, overflow="fold")  # so that names can be copied
    for reference, model in _lock().models.items():
        used = "; ".join(f"{profile}: {', '.join(keys)}" for profile, keys in model.used_by.items())
        table.add_row(reference, short(model.commit), model.licence, megabytes(model.size), used)
    Terminal().print(table)


def _lock() -> Lock:
    lock = read_lock()
    if not lock.models:
        raise UserError(f"{FILE} holds no models: write it with `objectmate models lock --profile open`")
    return lock
