"""One run at a time in a workspace: a lock that the system releases when the process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from components.common.errors import UserError
from pipelines.engines.workspace import Workspace


@contextmanager
def occupied(workspace: Workspace) -> Iterator[None]:
    """Holds the workspace until the block ends.

    Raises `UserError`, before anything else in the workspace is touched, if another process holds it.
    """
    workspace.lock.parent.mkdir(parents=True, exist_ok=True)
    with workspace.lock.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = workspace.lock.read_text(encoding="utf-8").strip() or "another process, which has just started"
            raise UserError(
                f"a run is already working in {workspace.root.resolve()} ({owner}): wait until it has ended, or name "
                "another folder with --workspace"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, since {datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}\n")
        file.flush()
        yield
