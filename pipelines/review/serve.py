"""Serves the app until it is stopped."""

import secrets
import socket
from collections.abc import Callable, Sequence

from components.common.errors import UserError
from pipelines.engines.workspace import Workspace

EXTRA = "the review app needs packages that are not installed: pip install 'objectmate[review]'"


def serve(
    workspace: Workspace,
    beside_it: Sequence[Workspace],
    host: str,
    port: int,
    database: str,
    rater: str,
    say: Callable[[str], None],
) -> None:
    """Serves until Ctrl-C. beside_it: runs to compare pictures with. say: prints a line.

    Raises `UserError` if the address or the database cannot be used.
    """
    try:
        import uvicorn

        from pipelines.review.app import create_app, open_review
    except ModuleNotFoundError as missing:
        raise UserError(f"{EXTRA} ({missing.name} is missing)") from None
    from pipelines.labelling.session import check_name
    from pipelines.review.database import beside, open_database

    rater = check_name(rater) if rater else ""
    for each in (workspace, *beside_it):
        if not each.params.is_file():
            raise UserError(f"{each.root} is not the folder of a run: name one below runs/, or . for the default run")
    token = secrets.token_urlsafe(24)
    with listening_on(host, port) as listening:
        port = listening.getsockname()[1]
        review = open_review(workspace, open_database(database or beside(workspace.root)), beside_it)
        app = create_app(review, token, rater, port)
        say(f"The review app of {workspace.root} is at\n{address(host, port)}/?token={token}\nCtrl-C ends it.")
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning", server_header=False))
        server.run(sockets=[listening])


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds the app."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def listening_on(host: str, port: int) -> socket.socket:
    """A listening socket at the address. Raises `UserError` if that is not possible."""
    if not host:  # that would mean every address of this machine
        raise UserError("--host is empty: give 127.0.0.1 for this machine alone, or 0.0.0.0 to let others in")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise UserError(f"nothing can listen on {address(host, port)} ({reason}): correct --host or --port") from None
