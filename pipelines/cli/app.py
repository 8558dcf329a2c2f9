"""The `objectmate` command: its command groups and exit codes.

Parsing imports nothing heavy; each command imports what it needs when it runs.
"""

import os
import sys
from typing import Annotated

import typer

from components.common.errors import GateStop, StageFailed, UserError
from components.common.harmless import say
from pipelines.cli import (
    cluster,
    doctor,
    gate,
    label,
    measure,
    models,
    parameters,
    promote,
    reproduce,
    results,
    review,
    run,
    use,
)
from pipelines.cli.benchmark import benchmark
from pipelines.cli.lineage import lineage
from pipelines.cli.photos import photos
from pipelines.cli.sandbox import sandbox
from pipelines.cli.stopping import Stopped, stop_on_signals
from pipelines.cli.takedown import takedown
from pipelines.engines.family import RUN

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
for group in (run, use, results, reproduce, promote, gate, label, review, models, parameters, measure, cluster, doctor):
    app.add_typer(group.commands)
app.add_typer(benchmark, name="benchmark")
app.add_typer(lineage, name="lineage")
app.add_typer(takedown, name="takedown")
app.add_typer(photos, name="photos")
app.add_typer(sandbox, name="sandbox")


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"objectmate {version('objectmate')}")
        raise typer.Exit


@app.callback()
def objectmate(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Mine recurring objects from photographs, train models that put your object into any scene."""


def main() -> None:
    """Entry point: an error is one sentence on standard error and the exit code of its kind (see `Stopped` too)."""
    for library in ("TRANSFORMERS", "DIFFUSERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")  # their advice is for developers, not for our users
    part_of_a_run = RUN in os.environ
    stop_on_signals()
    try:
        app()
    except Stopped as stop:
        _exit(stop.exit_code, "" if part_of_a_run else str(stop))  # the run itself says so
    except (UserError, StageFailed, GateStop) as error:
        _exit(error.exit_code, str(error))


def _exit(code: int, sentence: str) -> None:
    if sentence:
        say(f"objectmate: {sentence}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
