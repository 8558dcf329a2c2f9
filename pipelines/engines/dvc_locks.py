"""What a killed run leaves of DVC's locks: one line instead of DVC's warnings (four per dataset), and cut-off files."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from components.common.harmless import say

WARNING = "had been killed"
"""What DVC logs when it removes the lock of a process that is gone."""


@contextmanager
def dead_locks_in_one_line() -> Iterator[None]:
    """Prints one line, instead of DVC's warnings, when DVC first removes a dead lock in this block."""
    logger = logging.getLogger("dvc.rwlock")
    suppressed: list[logging.LogRecord] = []

    def suppress(record: logging.LogRecord) -> bool:
        if WARNING not in record.getMessage():
            return True
        if not suppressed:
            say("DVC removes the locks that a killed run left on its datasets.")
        suppressed.append(record)
        return False

    logger.addFilter(suppress)
    try:
        yield
    finally:
        logger.removeFilter(suppress)


def drop_damaged_list(root: Path) -> None:
    """Deletes DVC's list of locks in a repository if a kill cut it short: DVC would always stop at it.

    The caller holds the workspace, so no lock in the list is in use.
    """
    path = root / ".dvc" / "tmp" / "rwlock"
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except ValueError:
        path.unlink()
        say("DVC's list of locks was cut short by a kill; a new one is started.")


def set_aside_damaged_lock_file(root: Path) -> None:
    """Renames a `dvc.lock` that DVC cannot read: a kill can cut it short, and every later run would stop at it."""
    from dvc.dvcfile import Lockfile
    from dvc.utils.strictyaml import YAMLValidationError

    path = root / "dvc.lock"
    try:
        Lockfile.validate(yaml.load(path.read_bytes(), yaml.CSafeLoader), str(path))
    except FileNotFoundError:
        return
    except (yaml.YAMLError, YAMLValidationError):
        damaged = path.replace(path.with_suffix(".lock.damaged"))
        say(
            "dvc.lock cannot be read, perhaps because a kill cut it short. "
            f"It is kept as {damaged.name}, and a new one is started."
        )
