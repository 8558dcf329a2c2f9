"""`objectmate review`: the web app in which people label, compare, follow lineage and try the model."""

from pathlib import Path
from typing import Annotated

import typer

from components.common.harmless import say

commands = typer.Typer()


@commands.command()
def review(
    run: Annotated[Path, typer.Argument(help="Workspace of the run: a folder below runs/, or . for this one")],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free", min=0, max=65535)] = 8750,
    database: Annotated[str, typer.Option(help="URL of a database (default: review.db in the run's folder)")] = "",
    beside: Annotated[list[Path] | None, typer.Option(help="Another run to compare pictures with; repeatable")] = None,
    rater: Annotated[str, typer.Option(help="Who answers (default: every browser is asked)")] = "",
) -> None:
    """Open a run's review app: label pairs, compare pictures, follow lineage, try the model."""
    from pipelines.engines.workspace import Workspace
    from pipelines.review.serve import serve

    serve(Workspace(run), list(map(Workspace, beside or [])), host, port, database, rater, say)
