"""`objectmate bench`: measurements as a table for people and as JSON for programs."""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from components.mining.bench import PEERS, Row, bench


def bench_mining(n: int, d: int, repeats: int, peers: list[str] | None, path: Path | None) -> None:
    """Prints the window join's figures beside its peers' (all if none is named), also as JSON to `path`."""
    rows = bench(n, d, repeats, peers or list(PEERS))
    Console().print(_table(rows))
    if path:
        path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def _table(rows: list[Row]) -> Table:
    title = f"all pairs in the window, {rows[0].d} dimensions, {rows[0].device}, {rows[0].threads} threads"
    table = Table("vectors", "engine", "seconds", "to ours", "pairs", "same as ours", "peak memory", title=title)
    for row in rows:
        table.add_row(
            f"{row.n:,}",
            row.engine,
            f"{row.seconds:.2f}",
            f"{row.ratio:.1f}x",
            f"{row.pairs:,}",
            _same(row),
            f"{row.peak_rss_bytes / 2**20:,.0f} MiB",
            end_section=row is rows[-1] or row.n != rows[rows.index(row) + 1].n,
        )
    return table


def _same(row: Row) -> str:
    if not row.differing:
        return "yes"
    return f"yes, but for {row.differing:,} at the very ends" if row.equal else f"NO: {row.differing:,} differ"
