"""`objectmate bench pipeline`: a run's seconds as a table and a plot for people, as JSON for programs."""

from pathlib import Path
from typing import TYPE_CHECKING

from components.common.terminal import Terminal
from pipelines.cli.outputs import DPI, Outputs, save, slim_table

if TYPE_CHECKING:
    from pipelines.bench.whole import Row

INCHES = (8.0, 4.6)
AIM, AIM_AGAIN = 1.15, 5.0
"""Most wall time / the stages' own work; most seconds of a run with nothing to do."""


def bench_pipeline(pipeline: str, overrides: list[str], to: Outputs) -> None:
    """Runs a pipeline twice and prints where the time went."""
    from pipelines.bench.whole import bench

    to.check()
    row = bench(pipeline, overrides)
    title = f"objectmate run {row.pipeline}, cores: {row.cores}"
    table = slim_table(title, ("what", "seconds", "of the stages' work", "aim"))
    work = sum(row.stages.values())
    for name, seconds in row.stages.items():
        table.add_row(name, f"{seconds:.1f}", f"{seconds / work:.1%}", "", end_section=name == [*row.stages][-1])
    table.add_row("all stages", f"{work:.1f}", "", "")
    met, met_again = _met(row.ratio, AIM), _met(row.again, AIM_AGAIN)
    table.add_row("the run", f"{row.wall:.1f}", f"{row.ratio:.2f}x", f"at most {AIM}x: {met}")
    table.add_row("again, nothing changed", f"{row.again:.1f}", "", f"at most {AIM_AGAIN:g} s: {met_again}")
    Terminal().print(table, _explained(row), sep="\n", highlight=False)
    to.write([row], draw)


def _met(value: float, aim: float) -> str:
    return "reached" if value <= aim else "MISSED"


def _explained(row: "Row") -> str:
    settings = f" Settings: {', '.join(row.settings)}." if row.settings else ""
    return (
        "A stage's seconds are those of its run.json. The run's are those of the whole command: imports, DVC, MLflow's "
        f"records and the page are what it adds.{settings}"
    )


def draw(rows: list["Row"], path: Path) -> None:
    """A PNG: a bar of seconds for each stage, and for what the command adds."""
    from matplotlib.figure import Figure

    (row,) = rows
    bars = row.stages | {"all else": row.wall - sum(row.stages.values()), "again, nothing changed": row.again}
    figure = Figure(INCHES, DPI, layout="constrained")
    axes = figure.subplots()
    axes.barh([*bars], [*bars.values()], color=["tab:blue"] * len(row.stages) + ["tab:orange"] * 2)
    axes.invert_yaxis()
    axes.set(xlabel="seconds", title=f"run {row.pipeline}: {row.ratio:.2f}x its stages' own work")
    save(figure, path)
