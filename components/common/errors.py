"""The errors that people read: one sentence that says what is wrong and what to do about it."""


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
