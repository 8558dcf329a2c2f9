"""Signals that stop the command: each becomes an exception, so that every process it started can be ended in order."""

import signal
from types import FrameType

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Stopped(BaseException):
    """The command was told to stop. Nothing catches this but `main`, whose exit code is 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {NAMES[signal.Signals(number)]}")
        self.exit_code = 128 + number


def stop_on_signals() -> None:
    """From here on the first SIGINT or SIGTERM raises `Stopped`, and later ones are ignored."""
    for number in NAMES:
        signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    for each in NAMES:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)
