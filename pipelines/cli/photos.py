"""`objectmate photos train`: an encoder for your own photographs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from components.common.harmless import say

photos = typer.Typer(help="Train the encoder of the photos profile on labelled photographs.", no_args_is_help=True)


@photos.callback()
def group() -> None:
    """Makes typer keep `train` as a subcommand, though it is the only one."""


@photos.command()
def train(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs on labelled photographs, such as runs/NAME")],
    output: Annotated[Path, typer.Option(help="Model folder to write")] = Path("models/photos"),
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps of the head")] = None,
    tail_steps: Annotated[
        int | None, typer.Option(min=0, help="Optimiser steps of the last blocks; 0: a head alone, much faster")
    ] = None,
    views: Annotated[int | None, typer.Option(min=2, help="Views of each object, plain and augmented")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same head (on one kind of processor)")] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where features are computed")] = "cpu",
) -> None:
    """Train an encoder on labelled runs, cross-validated over subjects. Use it with --set models.ir=FOLDER."""
    from rich.table import Table

    from components.common.terminal import Terminal
    from components.photos.card import TITLES, table
    from components.photos.recipe import Recipe
    from components.photos.train import train_photos

    options = {"views": views, "seed": seed, "device": device}
    parts = {"head": {"steps": steps}, "tail": {"steps": tail_steps}}
    recipe = Recipe.model_validate(_named(options) | {name: _named(values) for name, values in parts.items()})
    summary = Table("run", "folds", "what embeds", *TITLES.values(), title="subjects that the encoder has not seen")
    for row in table(train_photos(runs, output, recipe)):
        summary.add_row(*row)
    Terminal().print(summary)
    say(f"The encoder is in {output}. Mine with it: objectmate run dataset ... --set models.ir={output}")


def _named(options: Mapping[str, object]) -> dict[str, object]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}
