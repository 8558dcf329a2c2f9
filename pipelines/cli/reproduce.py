"""The command `reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command()
def reproduce(
    questions: Annotated[list[str] | None, typer.Argument(help="Questions to ask (default: all)")] = None,
    workspace: Annotated[Path, typer.Option(help="Folder of a finished run")] = Path(),
    json: Annotated[Path | None, typer.Option(help="Also write the answers as JSON")] = None,
) -> None:
    """Ask a finished run whether the paper's claims hold in it: an interval over subjects, and a verdict."""
    from pipelines.engines.workspace import Workspace
    from pipelines.reproduce.command import reproduce as ask

    ask(Workspace(workspace), questions or [], json)
