"""How the command ends: an error becomes one sentence on standard error, and a signal stops every process cleanly."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from components.common.errors import GateStop, StageFailed, UserError
from components.common.harmless import say
from pipelines.engines.family import RUN

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Stopped(BaseException):
    """The command was told to stop. Only `in_one_sentence` catches this; the exit code is 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {NAMES[signal.Signals(number)]}")
        self.exit_code = 128 + number


def in_one_sentence(command: Callable[[], object]) -> None:
    """Calls `command`; ends the process with the exit code of its kind after an error or a signal (see `Stopped`)."""
    part_of_a_run = RUN in os.environ
    for number in NAMES:
        signal.signal(number, _stop)
    try:
        command()
    except Stopped as stop:
        _exit(stop.exit_code, "" if part_of_a_run else str(stop))  # the run itself says so
    except (UserError, StageFailed, GateStop) as error:
        _exit(error.exit_code, str(error))


def _stop(number: int, frame: FrameType | None) -> None:
    for other in NAMES:
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(number)


def _exit(code: int, sentence: str) -> None:
    if sentence:
        say(f"objectmate: {sentence}", err=True)
    sys.exit(code)
