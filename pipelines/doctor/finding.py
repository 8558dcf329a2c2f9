"""One thing that was looked for, and the environment variables that are read."""

import os
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "absent", "limits you"]


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    name: a word or two. says: a plain sentence. mend: the command, or what to do; empty if there is nothing to mend.
    needed: the default run cannot do without it.
    """

    name: str
    state: State
    says: str
    mend: str = ""
    needed: bool = False


def setting(name: str) -> str:
    """An environment variable, without blanks around it; empty if it is not set."""
    return os.environ.get(name, "").strip()
