"""The review app served on a free port of this machine, in a thread of the test's process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import uvicorn

from pipelines.engines.workspace import Workspace
from pipelines.review.app import Review, create_app, open_review
from pipelines.review.database import beside, open_database
from pipelines.review.serve import address, listening_on

TOKEN = "the-token-of-the-test"


class Served(NamedTuple):
    """address: without a slash at its end. entry: the address with the token."""

    address: str
    review: Review

    @property
    def entry(self) -> str:
        return f"{self.address}/?token={TOKEN}"


@contextmanager
def served(workspace: Workspace, rater: str = "", database: str = "") -> Iterator[Served]:
    """The app of a run. rater: as on the command line."""
    review = open_review(workspace, open_database(database or beside(workspace.root)))
    with listening_on("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(create_app(review, TOKEN, rater, port), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Served(address("127.0.0.1", port), review)
        finally:  # else a test that fails would keep the process alive
            server.should_exit = True
            thread.join()
    review.engine.dispose()
