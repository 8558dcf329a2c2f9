"""`objectmate takedown`: remove photographs from a dataset for good."""

from pathlib import Path
from typing import Annotated

import typer

takedown = typer.Typer(no_args_is_help=True, help="Take photographs down and repair what was made from them.")

Asked = Annotated[
    list[str] | None,
    typer.Argument(help="sha256, name, address, picture's file, or KEY=VALUE such as subject=mug-0666"),
]
FromList = Annotated[Path | None, typer.Option("--list", help="A text file with one of these per line")]
WorkspaceOption = Annotated[Path, typer.Option(help="Folder of the run that is repaired")]
OutputsOption = Annotated[
    list[str] | None,
    typer.Option("--outputs", help="s3:// address of a Kubeflow run's artifacts, to be purged as well"),
]


@takedown.command()
def plan(
    asked: Asked = None, from_list: FromList = None, workspace: WorkspaceOption = Path(), outputs: OutputsOption = None
) -> None:
    """Show what would be done. Nothing is changed."""
    from pipelines.takedown.plan import make_plan
    from pipelines.takedown.printing import print_plan

    print_plan(make_plan(workspace, _targets(asked, from_list), outputs or [])[0])


@takedown.command()
def apply(
    asked: Asked = None,
    from_list: FromList = None,
    workspace: WorkspaceOption = Path(),
    outputs: OutputsOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation")] = False,
    resume: Annotated[str, typer.Option(help="Name of a takedown that was interrupted")] = "",
) -> None:
    """Take photographs down: update the deny list, repair datasets, run gates, delete other versions."""
    from pipelines.takedown.apply import apply as apply_plan
    from pipelines.takedown.plan import load_plan, make_plan
    from pipelines.takedown.printing import print_plan, print_receipt

    if resume:
        print_receipt(apply_plan(load_plan(resume), []))
        return
    new_plan, denied = make_plan(workspace, _targets(asked, from_list), outputs or [])
    print_plan(new_plan)
    if not yes:
        typer.confirm("Apply this?", abort=True)
    print_receipt(apply_plan(new_plan, denied))


@takedown.command()
def verify(name: Annotated[str, typer.Argument(help="Name of the takedown")]) -> None:
    """Search every place for what should be gone. Exit code 1 if something is found."""
    from pipelines.takedown.plan import load_plan
    from pipelines.takedown.printing import print_traces
    from pipelines.takedown.verify import verify as search

    raise typer.Exit(0 if print_traces(*search(load_plan(name))) else 1)


@takedown.command()
def receipt(name: Annotated[str, typer.Argument(help="Name of the takedown")]) -> None:
    """Show the receipt of a takedown."""
    from pipelines.takedown.printing import print_receipt
    from pipelines.takedown.receipt import read_receipt

    print_receipt(read_receipt(name))


def _targets(asked: list[str] | None, from_list: Path | None) -> list[str]:
    from pipelines.takedown.targets import read_list

    return [*(asked or []), *(read_list(from_list) if from_list else [])]
