"""The one way to retry after errors that may pass: a busy server, a lost connection."""

import time
from collections.abc import Callable
from typing import TypeVar

WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each retry where a person waits for the answer."""
LONG_WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0)
"""The same where days of work are at stake: an API server can be unavailable for minutes while it is replaced."""
ATTEMPTS = 1 + len(WAITS)
TIMEOUT = (10, 60)
"""Seconds to wait for a connection, and for an answer."""
TOO_MANY, BROKEN = 429, 500

Answer = TypeVar("Answer")


def persist(
    attempt: Callable[[], Answer],
    may_pass: Callable[[Exception], bool],
    waits: tuple[float, ...] = WAITS,
    asked: Callable[[Exception], float] = lambda error: 0.0,
) -> Answer:
    """What `attempt` returns, retried after each wait (s) as long as its error may pass.

    asked: how long (s) the server asks to wait with its error; the longer of the two waits counts. Raises the last
    error unchanged.
    """
    for wait in waits:
        try:
            return attempt()
        except Exception as error:
            if not may_pass(error):
                raise
            wait = max(wait, asked(error))
        time.sleep(wait)
    return attempt()


def status_may_pass(status: int) -> bool:
    """Whether an HTTP status says that the server is too busy or broken, so that the same request may succeed later."""
    return status == TOO_MANY or status >= BROKEN
