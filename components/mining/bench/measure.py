"""The window join against its peers: each in its own process, one after the other, on the same vectors and threads.

Each size is measured several times, the engines taking turns; the median counts. An engine's use of
the device is the rate of its useful work, N^2 d FLOP (a multiplication and an addition for each coordinate of each
pair, once), relative to the throughput of a large matrix product measured in the same run (`components.common.peak`).
"""

import math
import multiprocessing
import resource
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from components.common.errors import UserError
from components.common.peak import Peak, matrix_peak
from components.common.stage.progress import track
from components.mining.bench.peers import OURS, Keys, choose_peers, device_peak_bytes, make
from components.mining.bench.synthetic import HIGH, LOW, VIEWS, product_vectors

DIMENSIONS = (64, 128)
ROUNDING = 1e-6  # this close to an end of the window, engines that sum in another order may decide differently


@dataclass(frozen=True)
class Row:
    """One engine at one size. seconds: median; ratio: these seconds / our seconds.

    growth_n, growth_d: the factor by which doubling the vectors, or dimensions, multiplied the seconds, from the size
    measured before. differing: pairs that only it or only ours found; equal: whether each of them is, in float64, at an
    end of the window. peak_share: useful FLOP/s / `peak.flops`; it can exceed 1 for an engine that multiplies bytes or
    fewer dimensions. peak_device_bytes: torch's memory on a CUDA device, without faiss'. kernel: ours, in words.
    """

    engine: str
    device: str
    threads: int
    n: int
    d: int
    seconds: float
    ratio: float
    growth_n: float | None
    growth_d: float | None
    peak_share: float
    peak: Peak
    pairs: int
    differing: int
    equal: bool
    peak_rss_bytes: int
    peak_device_bytes: int | None
    kernel: str = ""


@dataclass(frozen=True)
class Run:
    """One measurement of one engine."""

    seconds: float
    threads: int
    peak_rss_bytes: int
    peak_device_bytes: int | None


def bench(n: int, dimensions: list[int], repeats: int, peers: list[str], device: str = "cpu") -> list[Row]:
    """Ours and `peers` (all if none is named) at n / 4, n / 2 and n vectors of each of `dimensions`.

    Raises `UserError` for an impossible device, peer or number.
    """
    if n < 4 * VIEWS or min(dimensions) < 2 or repeats < 1:
        raise UserError(f"use --n of at least {4 * VIEWS}, --d of at least 2 and --repeats of at least 1")
    names = [OURS, *dict.fromkeys(choose_peers(peers, device))]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        peak = process.submit(matrix_peak, device).result()
        kernel = process.submit(_kernel, device).result()
    workers = {name: Worker(name, device) for name in names}
    rows: list[Row] = []
    try:
        for d in sorted(set(dimensions)):
            for size in (n // 4, n // 2, n):
                measured = _measure(workers, size, d, repeats, device, peak)
                rows += [_with_growth(row, rows, kernel if row.engine == OURS else "") for row in measured]
    finally:
        for worker in workers.values():
            worker.stop()
    return rows


def differing(theirs: Keys, ours: Keys, vectors: np.ndarray) -> tuple[int, bool]:
    """How many pairs only one of the two found, and whether each of these is at an end of the window in float64."""
    src, dst = np.divmod(np.setxor1d(theirs, ours, assume_unique=True), len(vectors))
    similarity = np.einsum("pk,pk->p", vectors[src].astype(np.float64), vectors[dst].astype(np.float64))
    distance = np.minimum(np.abs(similarity - LOW), np.abs(similarity - HIGH))
    return len(src), bool((distance <= ROUNDING).all())


def _measure(workers: dict[str, "Worker"], n: int, d: int, repeats: int, device: str, peak: Peak) -> list[Row]:
    vectors = product_vectors(n, d)
    runs: dict[str, list[Run]] = {name: [] for name in workers}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, vectors)
        for name in track(list(workers) * repeats, f"{n} vectors of {d} dimensions"):
            runs[name].append(workers[name].ask(path))
    seconds = {name: statistics.median(run.seconds for run in runs[name]) for name in workers}
    ours = workers[OURS].ask(None)
    rows = []
    for name, worker in workers.items():
        pairs = ours if name == OURS else worker.ask(None)
        differ, equal = differing(pairs, ours, vectors)
        row = Row(
            engine=name,
            device=device,
            threads=runs[name][-1].threads,
            n=n,
            d=d,
            seconds=seconds[name],
            ratio=seconds[name] / seconds[OURS],
            growth_n=None,
            growth_d=None,
            peak_share=n**2 * d / seconds[name] / peak.flops,
            peak=peak,
            pairs=len(pairs),
            differing=differ,
            equal=equal,
            peak_rss_bytes=max(run.peak_rss_bytes for run in runs[name]),
            peak_device_bytes=max((run.peak_device_bytes or 0 for run in runs[name]), default=0) or None,
        )
        rows.append(row)
    return rows


def _kernel(device: str) -> str:
    import torch  # not at the top: see matrix_peak

    from components.common.join.built import in_words
    from components.common.join.exact import best_engine

    return in_words(best_engine(torch.device(device)), device)


def _with_growth(row: Row, before: list[Row], kernel: str) -> Row:
    """The row with its kernel and its growth from its engine's last earlier rows: the one of its d, and of its N."""
    same = [earlier for earlier in before if earlier.engine == row.engine]
    smaller = next((earlier for earlier in reversed(same) if earlier.d == row.d), None)
    flatter = next((earlier for earlier in reversed(same) if earlier.n == row.n and earlier.d < row.d), None)
    return replace(
        row,
        kernel=kernel,
        growth_n=doubling(row.seconds / smaller.seconds, row.n / smaller.n) if smaller else None,
        growth_d=doubling(row.seconds / flatter.seconds, row.d / flatter.d) if flatter else None,
    )


def doubling(seconds: float, size: float) -> float:
    """The factor by which twice the size multiplies the seconds (power law), if `size` times as much took `seconds`
    times as long."""
    return 2 ** (math.log(seconds) / math.log(size))


class Worker:
    """A process with one engine, so that its peak memory is that engine's alone."""

    def __init__(self, engine: str, device: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, engine, device), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, path: Path | None) -> Any:
        """A `Run` on the vectors at `path`; for None, the pairs (`Keys`) of the last run."""
        try:
            self._connection.send(path)
            return self._connection.recv()
        except (EOFError, OSError):
            self._process.join()
            raise UserError(
                f"an engine ended with exit code {self._process.exitcode}, perhaps out of memory: use a smaller --n"
            ) from None

    def stop(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.join()


def _serve(connection: Connection, name: str, device: str) -> None:
    engine, threads = make(name, device)
    pairs = engine(product_vectors(4 * VIEWS, 16))  # the first call sets up the library, which is not measured
    device_peak_bytes(device)
    while True:
        try:
            path = connection.recv()
        except EOFError:
            return
        if path is None:
            connection.send(pairs)
            continue
        vectors = np.load(path)
        start = time.perf_counter()
        pairs = engine(vectors)
        seconds = time.perf_counter() - start
        connection.send(Run(seconds, threads, _peak_rss_bytes(), device_peak_bytes(device)))


def _peak_rss_bytes() -> int:
    """Of this process alone: getrusage would also count the process that started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
