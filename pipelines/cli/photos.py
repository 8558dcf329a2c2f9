"""`objectmate photos train`: an encoder for your own photographs."""

from pathlib import Path
from typing import Annotated

import typer

photos = typer.Typer(help="Train the encoder of the photos profile on labelled photographs.", no_args_is_help=True)


@photos.callback()
def group() -> None:
    """Keeps `train` a command of its own."""


@photos.command()
def train(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs on labelled photographs, such as runs/NAME")],
    output: Annotated[Path, typer.Option(help="Model folder to write")] = Path("models/photos"),
    steps: Annotated[int, typer.Option(help="Optimiser steps")] = 400,
    views: Annotated[int, typer.Option(min=2, help="Views of each object, plain and augmented")] = 8,
    seed: Annotated[int, typer.Option(help="Same seed, same head (on one kind of processor)")] = 0,
    device: Annotated[str, typer.Option(help="Where features are computed: cpu or cuda")] = "cpu",
) -> None:
    """Train a head on labelled runs, measured by folds over subjects. Use it with --set models.ir=FOLDER."""
    from rich.console import Console
    from rich.table import Table

    from components.photos.card import TITLES, in_words
    from components.photos.head import HeadParams
    from components.photos.train import Recipe, train_photos

    measured = train_photos(runs, output, Recipe(HeadParams(steps=steps), views, seed, device))
    table = Table("run", "folds", *TITLES.values(), title="subjects that the head has not seen")
    for run, found in measured.items():
        table.add_row(run, str(len(found)), *in_words(found))
    Console().print(table)
    typer.echo(f"The encoder is in {output}. Mine with it: objectmate run dataset ... --set models.ir={output}")
