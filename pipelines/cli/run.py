"""Commands that run on this machine: `run` and `stage`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import Overrides, Pipeline, Profile, Shares

commands = typer.Typer()


@commands.command()
def run(
    pipeline: Pipeline = "full",
    images: Annotated[str, typer.Option(help="Folder or s3:// prefix (default: the embedded photographs)")] = "",
    labels: Annotated[str, typer.Option(help="CSV of path,subject: which photographs show the same product")] = "",
    profile: Profile = "sandbox",
    engine: Annotated[str, typer.Option(help="dvc, kfp (processes) or docker (containers)")] = "dvc",
    workspace: Annotated[Path | None, typer.Option(help="Folder to run in (. or runs/NAME)")] = None,
    continue_past_gates: Annotated[
        bool, typer.Option(help="Continue past gates that do not pass; it is recorded")
    ] = False,
    set_: Overrides = None,
    shares: Shares = 1,
) -> None:
    """Run a pipeline: photographs in; datasets, models, scores and a report page out."""
    from pipelines.engines.request import Request
    from pipelines.engines.run import run_pipeline

    run_pipeline(Request(pipeline, images, labels, profile, engine, workspace, continue_past_gates, set_ or [], shares))


@commands.command()
def stage(name: Annotated[str, typer.Argument(help="A step, such as mining or gate_recurrence")]) -> None:
    """Run one stage on the current folder's data/ with its section of params.yaml."""
    from pipelines.engines.family import RUN, ends_together
    from pipelines.engines.run import run_stage

    of_a_run = RUN in os.environ
    with ends_together():
        run_stage(name, of_a_run)
