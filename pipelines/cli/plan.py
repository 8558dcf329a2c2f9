"""`objectmate plan`: the bill of an exact join, as a table for people and as JSON for programs."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from components.common.errors import UserError
from components.common.terminal import Terminal
from components.mining.bench.plan import Job, Plan, Speed, plan, published

AT_HAND = ("cpu", "cuda")


@dataclass(frozen=True)
class Published:
    """A published speed of another stage's model, in items per second on one card; not measured here."""

    stage: str
    rate: float
    source: str


OTHERS = (
    Published("detection", 124, "D-FINE-L on a T4, fp16, one photograph per object (arXiv 2410.13842)"),
    Published("embedding", 658, "ViT-L/14 on an RTX 4090, 224 px, amp (timm's results); mirroring doubles it"),
)


def plan_join(job: Job, device: str, path: Path | None) -> None:
    """Prints what `job` costs on `device`, also as JSON to `path`; cpu and cuda are probed, cards looked up."""
    if path and not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent} to write {path.name} to: make it first")
    bill = plan(job, _speed(device, job.dim))
    console = Terminal()
    console.print(_table(bill))
    for number, sentence in enumerate(bill.advice, start=1):
        console.print(f" {number}. {sentence}", highlight=False)
    console.print(_others(job))
    if path:
        path.write_text(json.dumps(asdict(bill), indent=2) + "\n", encoding="utf-8")


def _speed(device: str, dim: int) -> Speed:
    if device not in AT_HAND:
        return published(device)
    from components.mining.bench.probe import probe  # loads torch, which a card that is only looked up does not need

    with Terminal(stderr=True).status(f"measuring joins of {dim} dimensions on this machine's {device}"):
        return probe(dim, device)


def _table(bill: Plan) -> Table:
    job, speed = bill.job, bill.speed
    title = f"exact join: {job.objects:,} vectors of {job.dim} dimensions, {speed.device}, workers: {job.workers}"
    table = Table("", "", "how", title=title, box=SIMPLE_HEAD, pad_edge=False)
    table.add_row("work", f"{bill.flop:.2e} FLOP", "N^2 d: each pair once")
    table.add_row("vectors", _bytes(bill.vector_bytes), "in fp16")
    memory = f"of a worker's {_bytes(speed.memory_bytes)}; without pairs, an upper bound"
    table.add_row("working memory", _bytes(bill.working_bytes), memory)
    pairs = f"{job.pairs_per_object:g} per object: assumed (--pairs-per-object); {_bytes(bill.pair_bytes)} in memory"
    table.add_row("pairs", f"{bill.pairs:,.0f}", pairs)
    table.add_row("[bold]time", f"[bold]{_time(bill.seconds)}", speed.basis)
    if bill.best_seconds is not None:
        table.add_row("", _time(bill.best_seconds), "at the full peak, which no join reaches")
    dollars = "" if bill.dollars is None else f"[bold]${bill.dollars:,.2f}"
    table.add_row("[bold]cost", dollars, f"${job.price:g} per worker hour" if dollars else "give --price USD_PER_HOUR")
    tiles = f"of {bill.tile:,} vectors, the unit of resume; the longest takes {_time(bill.tile_seconds)}"
    table.add_row("tile rows", f"{bill.tile_rows:,}", tiles)
    return table


def _others(job: Job) -> Table:
    table = Table(
        "other stages", "on one card", "published elsewhere, not measured here", box=SIMPLE_HEAD, pad_edge=False
    )
    for other in OTHERS:
        table.add_row(other.stage, _time(job.objects / other.rate), f"{other.rate:g} per second: {other.source}")
    return table


def _bytes(count: float) -> str:
    for name, size in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20)):
        if count >= size:
            return f"{count / size:,.1f} {name}"
    return f"{count:,.0f} bytes"


def _time(seconds: float) -> str:
    for name, length in (("days", 86_400), ("hours", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {name}"
    return f"{seconds:.2g} s"
