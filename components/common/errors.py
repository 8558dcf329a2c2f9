"""The errors that people read: one sentence that says what is wrong and what to do about it."""

import re

LONGEST_REASON = 400
"""Characters of a library's message that are quoted."""


class UserError(Exception):
    """A wrong parameter, path, credential or input. The CLI prints the sentence and exits with code 2."""

    exit_code = 2


class StageFailed(Exception):
    """A stage stopped for a reason that the user could not prevent, such as lack of memory: exit code 1, try again."""

    exit_code = 1


class ShareDone(Exception):
    """A worker has made its share of a stage; what needs all parts is left to the run that gathers the shares."""


class GateStop(Exception):
    """A blocking gate failed or is undecided. The CLI prints the verdict and exits with code 3."""

    exit_code = 3


def in_one_line(error: Exception | str) -> str:
    """What a library says, on one line, shortened, and without credentials: it may quote the address that it asked."""
    return " ".join(without_user(str(error)).split())[:LONGEST_REASON] or type(error).__name__


def without_user(text: str) -> str:
    """The text without the user and the password of any address in it."""
    return re.sub(r"//[^/?#\s]*@", "//", text)
