"""What an exact join of N vectors of d dimensions will cost, before anything is launched.

The work is N^2 d FLOP: N^2 / 2 pairs, each once, with a multiplication and an addition for each dimension. If the
device is available, the speed is measured (probe.py); otherwise it is an assumed share of the published peak. Workers
share the tile rows; each holds all vectors.
"""

import math
from dataclasses import dataclass

from components.common.errors import UserError
from components.mining.params import Params

SHARE = 0.25
"""Of a card's published peak: the best that flashlib, a fused nearest-neighbour search, publishes for an H200 (251 of
989 TFLOP/s); a threshold is less work than its heaps. An assumption, not a measurement of this join."""
TILE = Params().tile
MOST_WORKERS = 64  # the most that is realistic; if they are not enough, an exact join is out of reach
MOST_ROWS = 2**31 - 1  # rows are 32-bit numbers in the kernels
MOST_DIMENSIONS = 8192
MOST_OBJECTS = 10**15
LONGEST_TILE = 600.0  # s, the most that a killed join may lose
SMALLEST_TILE = 1024
COORDINATE_BYTES = {"cpu": 2 + 4 + 2, "card": 4 + 2}
"""The most memory per coordinate: fp16 as read, fp32, and bytes twice while they are packed; on a card, fp32 and a
half-precision copy."""
ROW_BYTES = 5 * 8  # norms, bounds, groups
PAIR_BYTES = 2 * (8 + 8 + 4)  # src, dst, similarity; twice while the parts are concatenated
INVERTED_LISTS, PROBED_LISTS = 32_768, 64


@dataclass(frozen=True)
class Card:
    """A device that need not be on this machine. flops: dense bf16 peak, FLOP/s, from NVIDIA's data sheet."""

    name: str
    flops: float
    memory_bytes: int


CARDS = {
    "h200": Card("NVIDIA H200 SXM", 989e12, 141 * 10**9),
    "h100": Card("NVIDIA H100 SXM", 989e12, 80 * 10**9),
    "a100": Card("NVIDIA A100 SXM", 312e12, 80 * 10**9),
    "l40s": Card("NVIDIA L40S", 362e12, 48 * 10**9),
}


@dataclass(frozen=True)
class Speed:
    """One worker: seconds = start + vector * N + flop * N^2 d. memory_bytes: its memory; basis: the source of this."""

    device: str
    start: float
    vector: float
    flop: float
    memory_bytes: int
    measured: bool
    basis: str


@dataclass(frozen=True)
class Job:
    """The job to plan. price: USD per hour and worker; pairs_per_object: expected; hours: how long it may take.

    Raises `UserError` for impossible numbers.
    """

    objects: int
    dim: int
    workers: int = 1
    price: float | None = None
    pairs_per_object: float = 2.0
    hours: float = 24.0

    def __post_init__(self) -> None:
        if not 2 <= self.objects <= MOST_OBJECTS:
            raise UserError(f"use --objects between 2 and {MOST_OBJECTS:.0e}, not {self.objects:.3g}")
        if not 2 <= self.dim <= MOST_DIMENSIONS:
            raise UserError(f"use --dim between 2 and {MOST_DIMENSIONS}, not {self.dim}")
        if self.workers < 1:
            raise UserError(f"use --workers of at least 1, not {self.workers}")
        for name, value in (("price", self.price or 0.0), ("pairs-per-object", self.pairs_per_object)):
            if not 0 <= value < math.inf:
                raise UserError(f"use --{name} of 0 or more, not {value:g}")
        if not 0 < self.hours < math.inf:
            raise UserError(f"use --hours above 0, not {self.hours:g}")

    @property
    def flop(self) -> float:
        """Of the join, each pair once."""
        return float(self.objects) ** 2 * self.dim


@dataclass(frozen=True)
class Plan:
    """The cost estimate. Times are in seconds, for the whole job on all workers; bytes are for one worker.

    best_seconds: at a card's full peak, which no join reaches; tile: how many rows a tile row should have;
    tile_seconds: the longest tile row's.
    """

    job: Job
    speed: Speed
    flop: float
    vector_bytes: int
    working_bytes: int
    pairs: float
    pair_bytes: float
    seconds: float
    best_seconds: float | None
    dollars: float | None
    tile: int
    tile_rows: int
    tile_seconds: float
    advice: list[str]


def whole(objects: float) -> int:
    """A number of objects that may be written like 55.2e6. Raises `UserError` if it is not finite."""
    if not math.isfinite(objects):
        raise UserError(f"--objects {objects} is not a number of objects: write one such as 55.2e6")
    return round(objects)


def published(device: str) -> Speed:
    """A card's speed from its data sheet. Raises `UserError` for an unknown card."""
    if device not in CARDS:
        raise UserError(f"there is no device '{device}': choose among cpu, cuda, {', '.join(CARDS)}")
    card = CARDS[device]
    basis = (
        f"published, not measured: {card.flops / 1e12:.0f} TFLOP/s bf16 of the {card.name} (NVIDIA's data sheet), "
        f"of which {SHARE:.0%} is assumed"
    )
    return Speed(device, 0.0, 0.0, 1 / (SHARE * card.flops), card.memory_bytes, False, basis)


def plan(job: Job, speed: Speed) -> Plan:
    """The cost estimate of a job at a speed, with advice if it is too long or too large."""
    tile = tile_size(job, speed)
    seconds = job_seconds(job, speed, tile)
    return Plan(
        job=job,
        speed=speed,
        flop=job.flop,
        vector_bytes=2 * job.objects * job.dim,
        working_bytes=working_bytes(job, speed.device),
        pairs=job.objects * job.pairs_per_object,
        pair_bytes=job.objects * job.pairs_per_object * PAIR_BYTES,
        seconds=seconds,
        best_seconds=None if speed.measured else seconds * SHARE,
        dollars=None if job.price is None else job.price * job.workers * seconds / 3600,
        tile=tile,
        tile_rows=tile_count(job, tile),
        tile_seconds=_tile_seconds(job, speed, tile),
        advice=[*_memory_advice(job, speed), *_time_advice(job, speed, tile), *_tile_advice(job, tile)],
    )


def working_bytes(job: Job, device: str) -> int:
    """The most that a join holds at once, without pairs: in the machine's memory for cpu, else in the card's."""
    return job.objects * (job.dim * COORDINATE_BYTES["cpu" if device == "cpu" else "card"] + ROW_BYTES)


def tile_count(job: Job, tile: int) -> int:
    """The number of tile rows of the job."""
    return -(-job.objects // tile)


def job_seconds(job: Job, speed: Speed, tile: int) -> float:
    """Preparation, which every worker does for all vectors, plus the products, whose tile rows the workers share."""
    busy = min(job.workers, tile_count(job, tile))
    return speed.start + speed.vector * job.objects + speed.flop * job.flop / busy


def tile_size(job: Job, speed: Speed) -> int:
    """The default, or the largest half, quarter ... of it whose longest tile row is short enough."""
    tile = TILE
    while tile > SMALLEST_TILE and _tile_seconds(job, speed, tile) > LONGEST_TILE:
        tile //= 2
    return tile


def _tile_seconds(job: Job, speed: Speed, tile: int) -> float:
    """Time of the first tile row, which is compared with all vectors: twice the mean."""
    return speed.flop * job.flop * min(2 * tile / job.objects, 1.0)


def _memory_advice(job: Job, speed: Speed) -> list[str]:
    available = speed.memory_bytes
    needed = working_bytes(job, speed.device) + job.objects * job.pairs_per_object * PAIR_BYTES
    if needed <= available:
        return []
    return [
        f"{needed / 2**30:,.0f} GiB do not fit into the {available / 2**30:,.0f} GiB of one worker, and each worker "
        "holds all vectors: use a device with more memory, or an encoder with fewer dimensions"
    ]


def _time_advice(job: Job, speed: Speed, tile: int) -> list[str]:
    if job.objects > MOST_ROWS:
        return [f"more than {MOST_ROWS:,} rows are too many for the join: {_approximate()}"]
    limit = job.hours * 3600
    if job_seconds(job, speed, tile) <= limit:
        return []
    alone = speed.start + speed.vector * job.objects
    needed = math.ceil(speed.flop * job.flop / (limit - alone)) if alone < limit else MOST_WORKERS + 1
    if needed <= MOST_WORKERS:
        advice = [f"--workers {needed} would finish in {job.hours:g} hours"]
    else:
        advice = [f"even {MOST_WORKERS} such workers would not finish in {job.hours:g} hours: {_approximate()}"]
    quickest = published(max(CARDS, key=lambda name: CARDS[name].flops))
    seconds = job_seconds(job, quickest, tile)
    if seconds < job_seconds(job, speed, tile):
        advice.append(f"--device {quickest.device} would take about {seconds / 60:,.0f} minutes ({quickest.basis})")
    return advice


def _approximate() -> str:
    return (
        f"let an approximate index find candidates, such as faiss' IVF ({PROBED_LISTS} of {INVERTED_LISTS:,} "
        f"lists probed: 1/{INVERTED_LISTS // PROBED_LISTS} of the work); it misses pairs, so measure its recall"
    )


def _tile_advice(job: Job, tile: int) -> list[str]:
    advice = []
    if job.workers > 1:
        advice.append(f"share the tile rows in Kubeflow: objectmate submit dataset --shares {job.workers}")
    if tile < TILE:
        advice.append(f"--set mining.tile={tile}: a killed join then loses {LONGEST_TILE / 60:.0f} minutes or less")
    if job.workers > tile_count(job, tile):
        advice.append(f"{tile_count(job, tile)} tile rows cannot keep more workers busy: use fewer --workers")
    return advice
