"""The command `reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command()
def reproduce(
    questions: Annotated[list[str] | None, typer.Argument(help="Questions to ask (default: all)")] = None,
    workspace: Annotated[Path, typer.Option(help="Folder of a finished run")] = Path(),
    quick: Annotated[bool, typer.Option("--quick", help="Short trainings, to try the questions out")] = False,
    choices: Annotated[Path | None, typer.Option(help="People's choices, as `objectmate review` exports them")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the answers as JSON")] = None,
) -> None:
    """Check the paper's claims on a finished run and variants of it: an interval and a verdict each."""
    from pipelines.engines.workspace import Workspace
    from pipelines.reproduce.command import reproduce as ask

    ask(Workspace(workspace), questions or [], json, quick, choices)
