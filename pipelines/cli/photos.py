"""`objectmate photos train`: an encoder for your own photographs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from components.common.harmless import say

photos = typer.Typer(help="Train the encoder of the photos profile on labelled photographs.", no_args_is_help=True)


@photos.callback()
def group() -> None:
    """Keeps `train` a command of its own."""


@photos.command()
def train(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs on labelled photographs, such as runs/NAME")],
    output: Annotated[Path, typer.Option(help="Model folder to write")] = Path("models/photos"),
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps")] = None,
    views: Annotated[int | None, typer.Option(min=2, help="Views of each object, plain and augmented")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same head (on one kind of processor)")] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where features are computed")] = "cpu",
) -> None:
    """Train a head on labelled runs, measured by folds over subjects. Use it with --set models.ir=FOLDER."""
    from rich.table import Table

    from components.common.terminal import Terminal
    from components.photos.card import TITLES, table
    from components.photos.head import Recipe
    from components.photos.train import train_photos

    given = {"views": views, "seed": seed, "device": device, "head": {} if steps is None else {"steps": steps}}
    recipe = Recipe.model_validate({name: value for name, value in given.items() if value is not None})
    shown = Table("run", "folds", "what embeds", *TITLES.values(), title="subjects that the head has not seen")
    for row in table(train_photos(runs, output, recipe)):
        shown.add_row(*row)
    Terminal().print(shown)
    say(f"The encoder is in {output}. Mine with it: objectmate run dataset ... --set models.ir={output}")
