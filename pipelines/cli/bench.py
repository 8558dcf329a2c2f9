"""`objectmate bench mining`: measurements as tables and a plot for people, as JSON for programs."""

from pathlib import Path
from typing import Any

from rich.table import Table

from components.common.terminal import Terminal
from components.mining.bench.measure import DIMENSIONS, ROUNDING, Row, bench
from components.mining.bench.peers import OURS
from pipelines.cli.outputs import DPI, Outputs, save, slim_table

PANEL_INCHES, HEIGHT_INCHES = 4.6, 3.8


def bench_mining(n: int, d: list[int] | None, repeats: int, peers: list[str] | None, device: str, to: Outputs) -> None:
    """Prints the window join's figures next to its peers', one table per dimension in `d`; see `choose_peers`."""
    to.check()
    rows = bench(n, d or list(DIMENSIONS), repeats, peers or [], device)
    by_dimension = _by_dimension(rows)
    Terminal().print(*map(_table, by_dimension), _growth(by_dimension), _explained(rows), sep="\n")
    to.write(rows, draw)


def _by_dimension(rows: list[Row]) -> list[list[Row]]:
    return [[row for row in rows if row.d == dim] for dim in sorted({row.d for row in rows})]


def _table(rows: list[Row]) -> Table:
    first = rows[0]
    title = f"all pairs in the window, {first.d} dimensions, {first.device}, threads: {first.threads}"
    columns = ["vectors", "engine", "seconds", "to ours", "of peak", "pairs", "as ours", "MiB"]
    on_device = [f"MiB on {first.device}"] if any(row.peak_device_bytes for row in rows) else []
    table = slim_table(title, columns + on_device)
    for row in rows:
        table.add_row(
            f"{row.n:,}",
            row.engine,
            f"{row.seconds:.3g}",
            f"{row.ratio:.1f}x",
            f"{row.peak_share:.1%}",
            f"{row.pairs:,}",
            _same(row),
            f"{row.peak_rss_bytes / 2**20:,.0f}",
            f"{row.peak_device_bytes / 2**20:,.0f}" if row.peak_device_bytes else "",
            end_section=row is rows[-1] or row.n != rows[rows.index(row) + 1].n,
        )
    return table


def _same(row: Row) -> str:
    if not row.differing:
        return "yes"
    return f"{row.differing:,} at ends" if row.equal else f"NO: {row.differing:,}"


def _explained(rows: list[Row]) -> str:
    return (
        f"ours, {rows[0].kernel}. "
        f"of peak: N^2 d / seconds, divided by {rows[0].peak.flops / 1e9:,.0f} GFLOP/s, {rows[0].peak.what}. An engine "
        "that multiplies bytes, or fewer dimensions, can exceed 100 %. "
        f"as ours: how many pairs differ, if any; at ends: all of them within {ROUNDING:g} of an end of the window."
    )


def _growth(by_dimension: list[list[Row]]) -> Table:
    """By how much twice the vectors (2 N) and twice the dimensions (2 d) multiply the seconds, at the largest size."""
    largest = [{row.engine: row for row in rows} for rows in by_dimension]  # the last row of an engine
    with_n = [f"2 N, d = {rows[OURS].d}" for rows in largest]
    with_d = [f"2 d, to {rows[OURS].d}" for rows in largest[1:]]
    table = slim_table("growth of the seconds", ["engine", *with_n, *with_d])
    for engine in largest[0]:
        by_n = [f"{rows[engine].growth_n:.1f}x" for rows in largest]
        table.add_row(engine, *by_n, *(f"{rows[engine].growth_d:.1f}x" for rows in largest[1:]))
    return table


def draw(rows: list[Row], path: Path) -> None:
    """A PNG: seconds over vectors, one panel per dimension, one line per engine with its last ratio to ours."""
    from matplotlib.figure import Figure

    by_dimension = _by_dimension(rows)
    size = (PANEL_INCHES * len(by_dimension), HEIGHT_INCHES)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    panels = figure.subplots(1, len(by_dimension), sharey=True, squeeze=False)[0]
    for axes, dimension_rows in zip(panels, by_dimension, strict=True):
        _panel(axes, dimension_rows)
    panels[0].set_ylabel("seconds")
    save(figure, path)


def _panel(axes: Any, rows: list[Row]) -> None:
    for engine in dict.fromkeys(row.engine for row in rows):
        line = [row for row in rows if row.engine == engine]
        label = engine if engine == OURS else f"{engine} ({line[-1].ratio:.1f}x ours)"
        axes.loglog([row.n for row in line], [row.seconds for row in line], label=label, marker=".")
    sizes = sorted({row.n for row in rows})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("vectors")
    axes.set_title(f"{rows[0].d} dimensions, {rows[0].device}, threads: {rows[0].threads}", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
