"""`objectmate verify`: hashes everything in data/ and compares it with the manifests."""

from pathlib import Path
from typing import Annotated

import typer


def verify(
    workspace: Annotated[Path, typer.Option(help="Folder of the runs whose data/ is hashed")] = Path(),
) -> None:
    """Hash every dataset on disk and compare it with its manifest. Exit code 1 if a file differs."""
    from pipelines.report.verification import verify_workspace

    raise typer.Exit(0 if verify_workspace(workspace) else 1)
