"""`objectmate lineage export`: a run's datasets and stages in formats that other tools and people read."""

from pathlib import Path
from typing import Annotated

import typer

from components.common.harmless import say

KINDS = "croissant, openlineage, prov, card, eu-summary or page; may be repeated (default: all)"


def export_command(
    workspace: Annotated[Path, typer.Option(help="Folder of the run")] = Path(),
    formats: Annotated[list[str] | None, typer.Option("--as", help=KINDS)] = None,
    output: Annotated[Path | None, typer.Option(help="Folder to write to (default: data/ of the workspace)")] = None,
    to: Annotated[str, typer.Option(help="Address of an OpenLineage receiver, such as http://localhost:5000")] = "",
    declared: Annotated[Path | None, typer.Option(help="YAML file of what only a person can say")] = None,
) -> None:
    """Write the run's lineage: Croissant, OpenLineage, PROV, a card, a draft of the EU's training summary, a page."""
    from pipelines.engines.workspace import Workspace
    from pipelines.lineage.exports.export import FORMATS, export

    run = Workspace(workspace)
    for path in export(run, formats or FORMATS, output or run.data, to, declared):
        say(path)
    if to:
        say("The events arrived at the receiver.")
