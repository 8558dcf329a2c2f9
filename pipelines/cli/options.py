"""Options that several commands take. Importing this imports nothing heavy."""

from typing import Annotated

import typer

PIPELINES = "dataset, training, evaluation or full"
PROFILES = "sandbox, photos, open or paper"

Pipeline = Annotated[str, typer.Argument(help=PIPELINES)]
Profile = Annotated[str, typer.Option(help=PROFILES)]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, may be repeated")]
Shares = Annotated[int, typer.Option(min=1, help="Kubeflow: workers that share detection, embedding, mining, ...")]
