"""The command `promote`."""

from typing import Annotated

import typer

from components.common.harmless import say

commands = typer.Typer()


@commands.command()
def promote(
    run: Annotated[str, typer.Argument(help="Folder of a finished run, its MLflow id, or a commit")] = ".",
    name: Annotated[
        str, typer.Option(help="Registered model (default: objectmate- and the task that the gate judges)")
    ] = "",
    alias: Annotated[str, typer.Option(help="Alias that moves")] = "champion",
) -> None:
    """Make a run's model the champion in MLflow's registry. Exit code 3 if its gate did not pass, or it is worse."""
    from pipelines.promotion.promote import promote as promote_run

    champion = promote_run(run, name, alias)
    say(f"models:/{champion.name}@{champion.alias} is version {champion.version}: {champion.standing}.")
