"""Single key presses from a terminal, whose modes are restored however the block ends."""

import os
import termios
import tty
from codecs import getincrementaldecoder
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from components.common.errors import UserError

_CONTROL = 6  # index of the control characters in the terminal's modes
BLOCK = 256  # bytes
DIGITS, PARAMETERS = "0123456789", "0123456789:;<=>?!\"#$%&'()*+,-./ "
ESCAPE, BELL = "\x1b", "\x07"
SHORT = {"\x8f": "O", "\x90": "P", "\x98": "X", "\x9b": "[", "\x9d": "]", "\x9e": "^", "\x9f": "_"}
SHORT |= {chr(0xDC00 + ord(code)): letter for code, letter in SHORT.items()}
"""Control codes that stand for an escape and a letter, as a character and as a byte that is not UTF-8."""


class Keys:
    """The keys as they are pressed, until the terminal is gone. descriptor: of the terminal."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._unread: list[str] = []
        self._decoder = getincrementaldecoder("utf-8")("surrogateescape")
        self._reader = _reader()
        next(self._reader)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self._unread:
            if (keys := self.read()) is None:
                raise StopIteration
            self._unread = keys
        return self._unread.pop(0)

    def read(self) -> list[str] | None:
        """The keys in what the terminal sends next, once it sends something; None if it is gone."""
        data = os.read(self._descriptor, BLOCK)
        return [key for char in self._decoder.decode(data) if (key := self._reader.send(char))] if data else None

    def forget(self) -> None:
        """Drops keys that were pressed but not read: they cannot be answers to what is shown next."""
        self._unread.clear()
        termios.tcflush(self._descriptor, termios.TCIFLUSH)


@contextmanager
def single_keys(descriptor: int) -> Iterator[Keys]:
    """Yields the keys of a terminal. Ctrl-C works as always. Raises `UserError` if it is not a terminal."""
    if not os.isatty(descriptor):
        raise UserError("standard input is not a terminal")
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        modes = termios.tcgetattr(descriptor)
        modes[_CONTROL][termios.VQUIT] = b"\0"  # Ctrl-\ would end the process before it can restore the modes
        termios.tcsetattr(descriptor, termios.TCSADRAIN, modes)
        yield Keys(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _reader() -> Generator[str, str, None]:
    """Receives characters one by one; yields each that is a key, and "" for one that belongs to a sequence.

    Arrows, function keys and a terminal's replies are sequences (ECMA-48), whose letters must not count as answers.
    """
    char = yield ""
    while True:
        if char == ESCAPE:
            char = yield from _sequence((yield ""))
        elif char in SHORT:
            char = yield from _sequence(SHORT[char])
        else:
            char = yield char


def _sequence(kind: str) -> Generator[str, str, str]:
    """Reads a sequence of this kind to its end, and returns the character after it. An escape starts another one."""
    if kind == ESCAPE:
        return ESCAPE
    char = kind
    if kind in "[O":
        char = yield ""
        if kind == char == "[":  # function keys of the Linux console have an extra letter
            char = yield ""
        while char in (PARAMETERS if kind == "[" else DIGITS):
            char = yield ""
    elif kind in "]PX^_":  # a text from the terminal, which a bell or ESC \\ ends
        while char not in (BELL, ESCAPE):
            char = yield ""
        if char == ESCAPE:
            char = yield ""
    return char if char == ESCAPE else (yield "")
