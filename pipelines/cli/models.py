"""Commands about models of the hub: `models lock`, `fetch`, `verify`, `upgrade` and `list`."""

from pathlib import Path
from typing import Annotated

import typer

from components.common.harmless import say
from pipelines.cli.options import Overrides, Profile

commands = typer.Typer()
models = typer.Typer(help="Models of the hub: lock them, fetch them, verify them.", no_args_is_help=True)
commands.add_typer(models, name="models")


@models.command()
def lock(
    profile: Profile = "open",
    set_: Overrides = None,
    allow: Annotated[list[str] | None, typer.Option(help="Another licence to allow, or owner/name=LICENCE")] = None,
) -> None:
    """Write models.lock: commit, licence and file hashes of each hub model that a profile's parameters name."""
    from pipelines.engines.request import Request
    from pipelines.models.locking import lock_models

    settings = Request("full", profile=profile, overrides=set_ or []).settings()
    lock_models(profile, settings, allow or [], say)


@models.command()
def fetch(folder: Annotated[Path, typer.Argument(help="A folder, to be named by HF_HUB_CACHE")]) -> None:
    """Download the locked files to a folder, for a machine without a network or for a cluster's volume."""
    from pipelines.models.fetch import fetch as fetch_models

    fetch_models(folder, say)


@models.command()
def verify(
    folder: Annotated[Path | None, typer.Argument(help="Folder of models (default: HF_HUB_CACHE)")] = None,
) -> None:
    """Hash the models in a folder and compare them with models.lock, without network. Exit code 1 if one differs."""
    from pipelines.models.listing import verified

    raise typer.Exit(0 if verified(folder, say) else 1)


@models.command()
def upgrade(name: Annotated[str, typer.Argument(help="owner/name, as `models list` shows it")]) -> None:
    """Lock the commit that the hub now has of one model."""
    from pipelines.models.locking import upgrade as upgrade_model

    upgrade_model(name, say)


@models.command("list")
def list_models() -> None:
    """List what models.lock holds: commit, licence, size, and the parameters that use each model."""
    from pipelines.models.listing import show

    show()
