"""Commands that remake the embedded default: `sandbox render`, `train` and `verify`."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

sandbox = typer.Typer(help="Remake the embedded default from scratch.", no_args_is_help=True)


@sandbox.command()
def render(
    split: Annotated[
        list[str] | None, typer.Argument(help="benchmark, corpus, pretrain, showroom (default: all)")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes (on one kind of processor)")] = 0,
    workers: Annotated[int, typer.Option(help="Processes")] = os.cpu_count() or 1,
) -> None:
    """Render the world of recurring products (needs the `sandbox` extra)."""
    from components.sandbox.remake import render_splits
    from pipelines.engines.family import ends_together

    with ends_together():
        render_splits(split, seed, workers)


@sandbox.command()
def train(
    model: Annotated[list[str] | None, typer.Argument(help="Models to train (default: all, in order)")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every training")] = 0,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to train")] = "cpu",
) -> None:
    """Train the tiny models on the rendered world."""
    from components.sandbox.remake import train_models

    train_models(model, seed, device)


@sandbox.command()
def verify(
    json: Annotated[Path | None, typer.Option(help="Also write the table as JSON")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Denoising steps (default: evaluation's, which the bars assume)")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Most samples of each task (0: all, which the bars assume)")] = 0,
) -> None:
    """Measure the committed models again on unseen designs. Exit code 1 if one misses its bar."""
    from components.common.stage.params import collect
    from components.evaluation.params import Params
    from components.sandbox.verify.table import verify_models
    from pipelines.parameters import resolve

    settings = {"evaluation.prompts_per_subject": 4, "evaluation.limit": limit} | (
        {"evaluation.steps": steps} if steps is not None else {}
    )
    evaluation = collect(Params, resolve("sandbox", settings), "profile sandbox")
    raise typer.Exit(0 if verify_models(evaluation, json) else 1)
