"""The `objectmate` command: its command groups.

Parsing imports nothing heavy; each command imports what it needs when it runs.
"""

from typing import Annotated

import typer

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
from pipelines.cli.takedown import takedown

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

        say(f"objectmate {version('objectmate')}")
        raise typer.Exit


@app.callback()
def objectmate(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Mine recurring objects from photographs, train models that put your object into any scene."""
