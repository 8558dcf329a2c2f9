"""`objectmate label`: the queue of an undecided precision gate, answered from the terminal."""

import sys
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.common.errors import UserError
from components.common.harmless import say

if TYPE_CHECKING:
    from pipelines.engines.workspace import Workspace
    from pipelines.labelling.session import Session

commands = typer.Typer()


@commands.command()
def label(
    run: Annotated[Path, typer.Argument(help="Workspace of the run: a folder below runs/, or . for this one")],
    rater: Annotated[str, typer.Option(help="Who answers (default: your login name)")] = "",
    take_back: Annotated[bool, typer.Option(help="First take back your last answer, even a deciding one")] = False,
) -> None:
    """Judge the pairs that an undecided precision gate asks for, one key each, until it is decided."""
    from pipelines.engines.workspace import Workspace
    from pipelines.labelling.opening import open_session, places, why_not

    workspace = Workspace(run)
    reason = why_not(workspace)
    # A decided gate may have pairs that one rater has judged and another could.
    if reason and not places(workspace).queue.is_file():
        say(reason)
        return
    session = open_session(workspace, rater or _login_name())
    if reason and not session.following():
        say(reason)
        return
    if session.repaired:
        say(session.repaired)
    if take_back:
        pair = session.take_back()
        say(f"The answer to pair {pair.number} is taken back." if pair else "There is no answer to take back.")
    _ask(workspace, session)


def _ask(workspace: "Workspace", session: "Session") -> None:
    from pipelines.engines.again import how_to_run_again
    from pipelines.labelling.dialogue import ask, closing
    from pipelines.labelling.opening import STEP, places
    from pipelines.labelling.pictures import Pictures
    from pipelines.labelling.terminal import single_keys

    where = places(workspace)
    if not sys.stdin.isatty():
        raise UserError(
            "answers are keys pressed in a terminal, but standard input is not one: start it in a terminal, or write "
            f"the verdicts on the pairs of {where.queue} to {where.verdicts} by hand"
        )
    pictures = Pictures(workspace.inputs(STEP), where.pictures)
    with single_keys(sys.stdin.fileno()) as keys:
        ask(session, pictures, keys, say, where.sheet)
    say(closing(session, how_to_run_again(workspace, where.verdicts)))


def _login_name() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        raise UserError("this user has no login name: give --rater NAME") from None
