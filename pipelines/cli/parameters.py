"""Commands that print settings: `params` and `dvc`."""

from pathlib import Path
from typing import Annotated

import typer

from components.common.harmless import say
from pipelines.cli.options import PROFILES

commands = typer.Typer()


@commands.command()
def params(profile: Annotated[str, typer.Argument(help=PROFILES)] = "sandbox") -> None:
    """Print a profile's complete params.yaml, every key explained."""
    from pipelines.parameters import render, resolve

    say(render(resolve(profile)), end="")


@commands.command()
def dvc() -> None:
    """Print the dvc.yaml that follows from the pipeline's table and the current params.yaml."""
    from pipelines.engines.dvc_file import render_dvc

    say(render_dvc(Path()), end="")
