"""Commands below `objectmate lineage` that compare: `check` and `diff`."""

from pathlib import Path
from typing import Annotated

import typer

from components.common.harmless import say

commands = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


@commands.command()
def check(
    workspace: Annotated[Path, typer.Option(help="Folder of the run")] = Path(),
    everything: Annotated[bool, typer.Option("--all", help="List every difference, not only the first")] = False,
    json: Json = False,
) -> None:
    """Hash everything and compare manifests, parents, dvc.lock, MLflow and Kubeflow. Exit code 1 if any differ."""
    from pipelines.engines.workspace import Workspace
    from pipelines.lineage.check.show import show_check
    from pipelines.takedown.plan import takedowns_of

    agrees = show_check(Workspace(workspace), everything, json)
    for name in [] if agrees or json else takedowns_of(workspace):
        say(f"Takedown {name} changed this run, which may be why: `objectmate takedown receipt {name}`.")
    raise typer.Exit(0 if agrees else 1)


@commands.command()
def diff(
    run: Annotated[Path, typer.Argument(help="Folder of a run")],
    other: Annotated[Path, typer.Argument(help="Folder of the run that it is compared with")],
    json: Json = False,
) -> None:
    """Name the first dataset that differs between two runs and why, then the rows and metrics that changed."""
    from pipelines.engines.workspace import Workspace
    from pipelines.lineage.diff.show import show_diff

    show_diff(Workspace(run), Workspace(other), json)
