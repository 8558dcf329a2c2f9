"""Commands that read the results of runs: `verify`, `compare`, `report` and `find`."""

from pathlib import Path
from typing import Annotated

import typer

from components.common.harmless import say
from pipelines.cli.options import PIPELINES

commands = typer.Typer()


@commands.command()
def verify(
    workspace: Annotated[Path, typer.Option(help="Folder of the run whose data/ is hashed")] = Path(),
) -> None:
    """Hash every dataset on disk and compare it with its manifest. Exit code 1 if a file differs."""
    from pipelines.report.verification import verify_workspace

    raise typer.Exit(0 if verify_workspace(workspace) else 1)


@commands.command()
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(help="The reference, then the runs: folders, MLflow run ids or commits; one: with this folder"),
    ],
    output: Annotated[Path | None, typer.Option(help="HTML file to write")] = None,
    json: Annotated[Path | None, typer.Option(help="JSON file to write")] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(help="Exit code 1 if worse: gates, scores, a score such as insertion.ir, or datasets (unequal)"),
    ] = None,
    pipeline: Annotated[str, typer.Option(help=f"Whose datasets: {PIPELINES}")] = "full",
) -> None:
    """Compare runs with the first: the cause, rows, gates, scores with paired tests, pictures from the same noise."""
    from pipelines.compare.command import Wanted, compare_runs

    failures = compare_runs(runs, Wanted(output, json, fail_on or [], pipeline))
    for sentence in failures:
        say(f"Worse: {sentence}.")
    raise typer.Exit(1 if failures else 0)


@commands.command()
def report() -> None:
    """Write the report page again from what is in data/."""
    from pipelines.engines.workspace import Workspace
    from pipelines.report.page import write_page

    say(write_page(Workspace(Path())))


@commands.command()
def find(
    photo: Annotated[Path, typer.Argument(help="A photograph of the object")],
    box: Annotated[str, typer.Option(help="x,y,w,h of the object, px of the upright photograph (default: all)")] = "",
    top: Annotated[int, typer.Option(min=1, help="Objects shown")] = 12,
    data: Annotated[Path, typer.Option(help="Folder of the datasets that are searched")] = Path("data"),
    sheet: Annotated[Path | None, typer.Option(help="Picture of what is found (default: found.png in --data)")] = None,
) -> None:
    """Find an object: the mined objects that look most like the one in a photograph."""
    from pipelines.cli.find import find_object

    find_object(photo, box, top, data, sheet)
