"""Commands for the benchmarks that models are judged on: `benchmark annotate`, `check` and `export`."""

from pathlib import Path
from typing import Annotated

import typer

from components.common.harmless import say

benchmark = typer.Typer(help="Make a benchmark, and score outside systems on it.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Folder of the benchmark's photographs")]


@benchmark.command()
def annotate(folder: Folder) -> None:
    """Write annotations.json for DreamBench, DreamEditBench, MureCom, or for photographs named as the guide says."""
    from components.evaluation.layouts import annotate as write

    layout, notes = write(folder)
    for note in notes:
        say(note)
    say(f"{folder / 'annotations.json'}, read as {layout}; next: objectmate benchmark check {folder}")


@benchmark.command()
def check(folder: Folder) -> None:
    """Find every fault of a benchmark's folder: one sentence each, and exit code 2."""
    from components.common.data.sandbox import resolve
    from components.evaluation.checking import contents, faults

    path = resolve(str(folder))
    sentences = faults(path)
    for sentence in sentences:
        say(sentence, err=True)
    if sentences:
        raise typer.Exit(2)
    say(f"{folder} is sound: " + ", ".join(f"{count} {kind}" for kind, count in contents(path).items()))


@benchmark.command()
def export(folder: Annotated[Path, typer.Argument(help="New or empty folder for the inputs")]) -> None:
    """Write the inputs of every benchmark sample; evaluation.outside then names folders of SAMPLE.png to score."""
    from pipelines.engines.run import export_benchmark

    export_benchmark(folder)
