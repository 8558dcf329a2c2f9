"""The result of one check, and how environment variables are read."""

import os
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "absent", "limits you"]


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    name: a word or two. says: a plain sentence. mend: the command or step that fixes it; empty if nothing needs fixing.
    needed: the default run needs it.
    """

    name: str
    state: State
    says: str
    mend: str = ""
    needed: bool = False


def setting(name: str) -> str:
    """An environment variable without surrounding whitespace; empty if it is not set."""
    return os.environ.get(name, "").strip()
