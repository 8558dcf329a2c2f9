"""Commands about a run's gates: `gate list` and `gate explain`."""

from pathlib import Path
from typing import Annotated

import typer

from components.common.harmless import say

commands = typer.Typer()
gate = typer.Typer(help="What the gates of a run decided, and why.", no_args_is_help=True)
commands.add_typer(gate, name="gate")

Run = Annotated[Path, typer.Option(help="Folder of the run, such as runs/photos-1a2b3c4d")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


@gate.command("list")
def list_gates(run: Run = Path(), json: Json = False) -> None:
    """List the verdicts of a run, one line per gate."""
    from pipelines.engines.workspace import Workspace
    from pipelines.report.gates import as_json, explained, show_list

    judged = explained(Workspace(run))
    say(as_json(judged)) if json else show_list(judged)


@gate.command()
def explain(
    name: Annotated[str, typer.Argument(help="A gate, such as retrieval-precision (default: those that stop)")] = "",
    run: Run = Path(),
    json: Json = False,
) -> None:
    """Explain a verdict: the question, what was measured, what to do next, and what the gate cannot see."""
    from pipelines.engines.workspace import Workspace
    from pipelines.report.gates import as_json, explained, show_explained

    judged = explained(Workspace(run), name)
    judged = judged if name else [verdict for verdict in judged if verdict.verdict != "pass"] or judged
    say(as_json(judged)) if json else show_explained(judged)
