"""Single key presses from a terminal, whose modes are put back however the block ends."""

import os
import re
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from components.common.errors import UserError

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?")
"""What arrows and other keys send that are not single letters: no such letter may count as an answer."""
_CONTROL = 6  # place of the control characters in the terminal's modes
BLOCK = 256  # bytes


@contextmanager
def single_keys(descriptor: int) -> Iterator[Iterator[str]]:
    """Yields the keys as they are pressed, until the terminal is gone. Ctrl-C works as always.

    descriptor: of the terminal. Raises `UserError` if it is not one.
    """
    if not os.isatty(descriptor):
        raise UserError("standard input is not a terminal")
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        modes = termios.tcgetattr(descriptor)
        modes[_CONTROL][termios.VQUIT] = b"\0"  # Ctrl-\ would end the process before it can put the modes back
        termios.tcsetattr(descriptor, termios.TCSADRAIN, modes)
        yield _pressed(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _pressed(descriptor: int) -> Iterator[str]:
    while data := os.read(descriptor, BLOCK):
        yield from _SEQUENCE.sub("", data.decode(errors="ignore"))
