"""`objectmate bench lineage`: seconds and memory as a table and a plot for people, as JSON for programs."""

from pathlib import Path

from components.common.terminal import Terminal
from components.lineage.bench.measure import Row, bench
from pipelines.cli.outputs import DPI, Outputs, save, slim_table

INCHES = (7.0, 4.0)
WIDTH = 100
"""Terminal columns that the table needs, since rich would truncate it."""


def bench_lineage(tuples: list[int], to: Outputs) -> None:
    """Prints the seconds of each question at each size, next to DuckDB's."""
    to.check()
    rows = bench(tuples)
    columns = ("tuples", "question", "indexing", "ours", "DuckDB", "to ours", "rows", "as DuckDB", "MiB")
    table = slim_table("questions about lineage, seconds", columns)
    for row in rows:
        table.add_row(
            f"{row.tuples:,}",
            row.question,
            f"{row.indexing:.3g}",
            f"{row.seconds:.3g}",
            f"{row.duckdb:.3g}",
            f"{row.duckdb / row.seconds:.1f}x",
            f"{row.rows:,}",
            "yes" if row.same else "NO",
            f"{row.peak:,.0f}",
        )
    explained = (
        "indexing: seconds to build the indexes, once, at the end of a run. ours: with them, first question included."
    )
    Terminal(width=max(Terminal().width, WIDTH)).print(table, explained, sep="\n", highlight=False)
    to.write(rows, draw)


def draw(rows: list[Row], path: Path) -> None:
    """Seconds over tuples, a line for each question and engine."""
    from matplotlib.figure import Figure

    figure = Figure(INCHES, DPI, layout="constrained")
    axes = figure.subplots()
    for question in dict.fromkeys(row.question for row in rows):
        asked = [row for row in rows if row.question == question]
        sizes = [row.tuples for row in asked]
        (line,) = axes.plot(sizes, [row.seconds for row in asked], marker="o", label=question)
        axes.plot(sizes, [row.duckdb for row in asked], "--", color=line.get_color(), label=f"{question}, DuckDB")
    axes.set(xscale="log", yscale="log", xlabel="tuples (12 objects for each)", ylabel="seconds")
    axes.legend(fontsize="small")
    save(figure, path)
