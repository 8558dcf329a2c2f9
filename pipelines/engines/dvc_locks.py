"""DVC's warnings about the locks of a run that was killed, four lines per dataset, as one line."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

WARNING = "had been killed"
"""What DVC logs when it removes the lock of a process that is gone."""


@contextmanager
def dead_locks_in_one_line() -> Iterator[None]:
    """Prints one line, instead of DVC's warnings, when DVC first removes a dead lock in this block."""
    logger = logging.getLogger("dvc.rwlock")
    told: list[logging.LogRecord] = []

    def tell_once(record: logging.LogRecord) -> bool:
        if WARNING not in record.getMessage():
            return True
        if not told:
            print("DVC removes the locks that a killed run left on its datasets.")
        told.append(record)
        return False

    logger.addFilter(tell_once)
    try:
        yield
    finally:
        logger.removeFilter(tell_once)
