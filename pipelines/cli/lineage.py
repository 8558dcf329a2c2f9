"""`objectmate lineage`: what a row was made from, and what was made from it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import lineage_check
from pipelines.cli.lineage_export import export_command

if TYPE_CHECKING:
    from components.lineage.trace import Node

lineage = typer.Typer(no_args_is_help=True, help="Follow rows and datasets from photographs to models and back.")

lineage.add_typer(lineage_check.commands)
lineage.command("export")(export_command)

What = Annotated[
    str,
    typer.Argument(
        help="An id or its first digits, a photograph's name, a dataset, dataset:position, or a picture's file"
    ),
]
WorkspaceOption = Annotated[str, typer.Option(help="Folder of the run, or the s3:// address of its artifacts")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]


@lineage.command()
def view(what: What, workspace: WorkspaceOption = ".", as_json: AsJson = False) -> None:
    """Show one row or dataset with all its fields, and what it directly connects to."""
    from components.lineage.ask import view as ask

    _print(ask(_data(workspace, what), what), as_json)


@lineage.command()
def sources(what: What, workspace: WorkspaceOption = ".", as_json: AsJson = False) -> None:
    """Show what something was made from, down to the photographs and their rights."""
    from components.lineage.ask import sources as ask

    _print(ask(_data(workspace, what), what), as_json)


@lineage.command()
def derived(what: What, workspace: WorkspaceOption = ".", as_json: AsJson = False) -> None:
    """Show everything that was made from something, up to the models."""
    from components.lineage.ask import derived as ask

    _print(ask(_data(workspace, what), what), as_json)


@lineage.command()
def find(
    what: Annotated[str, typer.Argument(help="KEY=VALUE or dataset.KEY=VALUE; * in the value stands for anything")],
    workspace: WorkspaceOption = ".",
    most: Annotated[int, typer.Option(min=1, help="Rows printed")] = 50,
    as_json: AsJson = False,
) -> None:
    """Find the rows whose column has a value, such as licence=CC-BY-4.0, subject=mug or reason=too-small."""
    from components.lineage.find import find as search
    from pipelines.lineage.printing import print_found

    print_found(search(_data(workspace), what, most), as_json)


def _data(workspace: str, what: str = "") -> Path:
    from components.lineage.identify import is_file
    from pipelines.lineage.bucket import data_of

    return data_of(workspace, picture=is_file(what))


def _print(answer: "Node", as_json: bool) -> None:
    from pipelines.lineage.printing import print_tree

    print_tree(answer, as_json)
