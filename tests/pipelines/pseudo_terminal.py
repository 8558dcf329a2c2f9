"""The `objectmate` command in a pseudo-terminal, as a person uses it: keys are pressed once their prompt is there."""

import fcntl
import os
import select
import subprocess
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from short_run import command, environment

PATIENCE_SECONDS = 120.0


class PseudoTerminal:
    """A terminal in which the command runs in a folder; used as a context manager, which kills what is left."""

    def __init__(self, *words: str, cwd: Path):
        self._ours, self._theirs = os.openpty()
        self.modes_before = self.modes
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), self._theirs)
        self.process = subprocess.Popen(
            command(*words), cwd=cwd, env=environment(), preexec_fn=_take_terminal, **streams
        )
        self._seen = ""

    @property
    def modes(self) -> list[Any]:
        """How the terminal treats what is typed."""
        return termios.tcgetattr(self._theirs)

    def press(self, keys: str, until: str) -> str:
        """Presses keys and waits until a text is shown; what was shown up to its end."""
        os.write(self._ours, keys.encode())
        return self.wait_for(until)

    def wait_for(self, text: str) -> str:
        """What is shown from where the last wait ended up to the end of a text."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self._seen:
            assert time.monotonic() < deadline, f"{text!r} is not in {self._seen!r}"
            if select.select([self._ours], [], [], 0.1)[0]:
                self._seen += os.read(self._ours, 4096).decode().replace("\r\n", "\n")
        shown, _, self._seen = self._seen.partition(text)
        return shown + text

    def ended(self) -> int:
        """The exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def __enter__(self) -> "PseudoTerminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for descriptor in (self._ours, self._theirs):
            os.close(descriptor)


def _take_terminal() -> None:
    """In the child: its standard input becomes its controlling terminal, so that Ctrl-C reaches it."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
