"""The window join against its peers: each in a process of its own, in turn, on the same vectors and threads.

All find the pairs src < dst with low <= similarity <= high among N fp16 vectors held in memory, and leave them sorted;
for faiss this includes the flat index and making such pairs of its answer. Each size is measured several times, every
engine once before any a second time; the median counts.
"""

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from components.common.errors import UserError
from components.common.progress import track
from components.common.seeds import numpy_rng

LOW, HIGH = 0.93, 0.975  # the paper's window
VIEWS, CATEGORY = 40, 250  # vectors of a product; products of a category
ALIKE, NOISE = 0.6, 0.24  # cosine of two products of a category; distance of a view from its product
NEIGHBOURS = 50  # of knn
ROUNDING = 1e-6  # so near an end of the window, engines that sum in another order may decide otherwise
OURS = "ours"
Keys = np.ndarray  # src * N + dst of every pair, int64, ascending


@dataclass(frozen=True)
class Row:
    """One engine at one size. seconds: median; ratio: those seconds to ours.

    differing: pairs that only it or only ours found; equal: each of them lies, in float64, at an end of the window.
    """

    engine: str
    device: str
    threads: int
    n: int
    d: int
    seconds: float
    ratio: float
    pairs: int
    differing: int
    equal: bool
    peak_rss_bytes: int


@dataclass(frozen=True)
class Run:
    """One measurement of one engine."""

    seconds: float
    threads: int
    peak_rss_bytes: int


def bench(n: int, d: int, repeats: int, peers: list[str]) -> list[Row]:
    """Ours and `peers` at n / 4, n / 2 and n vectors. Raises `UserError` for a peer or a number that cannot be."""
    if unknown := [peer for peer in peers if peer not in PEERS]:
        raise UserError(f"there is no peer '{unknown[0]}': choose among {', '.join(PEERS)}")
    if n < 4 * VIEWS or d < 2 or repeats < 1:
        raise UserError(f"use --n of at least {4 * VIEWS}, --d of at least 2 and --repeats of at least 1")
    workers = {name: Worker(name) for name in dict.fromkeys([OURS, *peers])}
    try:
        return [row for size in (n // 4, n // 2, n) for row in _measure(workers, size, d, repeats)]
    finally:
        for worker in workers.values():
            worker.stop()


def product_vectors(n: int, d: int) -> np.ndarray:
    """fp16 unit vectors [n, d]: views of products, whose similarities lie about the window.

    Products of a category resemble each other, so that many pairs are similar, but not enough.
    """
    rng = numpy_rng(0, "bench", n, d)

    def towards(count: int) -> np.ndarray:
        rows = rng.normal(size=(count, d))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    products = -(-n // VIEWS)
    category = towards(-(-products // CATEGORY))[np.arange(products) // CATEGORY]
    product = ALIKE**0.5 * category + (1 - ALIKE) ** 0.5 * towards(products)
    product /= np.linalg.norm(product, axis=1, keepdims=True)
    views = product[rng.permutation(n) % products] + NOISE * towards(n)
    return (views / np.linalg.norm(views, axis=1, keepdims=True)).astype(np.float16)


def differing(theirs: Keys, ours: Keys, vectors: np.ndarray) -> tuple[int, bool]:
    """How many pairs only one of both found, and whether each of these lies at an end of the window in float64."""
    src, dst = np.divmod(np.setxor1d(theirs, ours, assume_unique=True), len(vectors))
    similarity = np.einsum("pk,pk->p", vectors[src].astype(np.float64), vectors[dst].astype(np.float64))
    distance = np.minimum(np.abs(similarity - LOW), np.abs(similarity - HIGH))
    return len(src), bool((distance <= ROUNDING).all())


def _measure(workers: dict[str, "Worker"], n: int, d: int, repeats: int) -> list[Row]:
    vectors = product_vectors(n, d)
    runs: dict[str, list[Run]] = {name: [] for name in workers}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, vectors)
        for name in track(list(workers) * repeats, f"{n} vectors"):
            runs[name].append(workers[name].ask(path))
    seconds = {name: statistics.median(run.seconds for run in runs[name]) for name in workers}
    ours = workers[OURS].ask(None)
    rows = []
    for name, worker in workers.items():
        pairs = ours if name == OURS else worker.ask(None)
        row = Row(
            name,
            "cpu",
            runs[name][-1].threads,
            n,
            d,
            seconds[name],
            seconds[name] / seconds[OURS],
            len(pairs),
            *differing(pairs, ours, vectors),
            max(run.peak_rss_bytes for run in runs[name]),
        )
        rows.append(row)
    return rows


class Worker:
    """A process that holds one engine, so that the peak of its memory is that engine's own."""

    def __init__(self, engine: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, engine), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, path: Path | None) -> Any:
        """A `Run` on the vectors at `path`; for None, the pairs (`Keys`) of the last run."""
        self._connection.send(path)
        try:
            return self._connection.recv()
        except EOFError:
            self._process.join()
            raise UserError(
                f"an engine ended with exit code {self._process.exitcode}, perhaps out of memory: use a smaller --n"
            ) from None

    def stop(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.join()


def _serve(connection: Connection, name: str) -> None:
    engine, threads = ENGINES[name]()
    pairs = engine(product_vectors(4 * VIEWS, 16))  # the first call of a library sets it up; that is not measured
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
        connection.send(Run(time.perf_counter() - start, threads, _peak_rss_bytes()))


def _peak_rss_bytes() -> int:
    """Of this process alone: what getrusage says counts the process that started it too."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


Engine = Callable[[np.ndarray], Keys]


def _ours() -> tuple[Engine, int]:
    # Imports stand here and below, not at the top, so that no process loads another's engine.
    import torch

    from components.mining.join import window_join

    def join(vectors: np.ndarray) -> Keys:
        pairs = window_join(vectors, LOW, HIGH)
        return pairs.src * len(vectors) + pairs.dst

    return join, torch.get_num_threads()


def _torch_tiles() -> tuple[Engine, int]:
    import torch

    from components.mining.join import window_join
    from components.mining.native import Isa

    def join(vectors: np.ndarray) -> Keys:
        pairs = window_join(vectors, LOW, HIGH, isa=Isa.NONE)
        return pairs.src * len(vectors) + pairs.dst

    return join, torch.get_num_threads()


def _range_search() -> tuple[Engine, int]:
    import faiss

    def join(vectors: np.ndarray) -> Keys:
        values = vectors.astype(np.float32)
        index = faiss.IndexFlatIP(values.shape[1])
        index.add(values)
        limits, scores, dst = index.range_search(values, LOW)
        src = np.repeat(np.arange(len(values)), np.diff(limits).astype(np.int64))
        keep = (src < dst) & (scores <= HIGH)
        return np.sort(src[keep] * len(values) + dst[keep])

    return join, faiss.omp_get_max_threads()


def _knn() -> tuple[Engine, int]:
    import faiss

    def join(vectors: np.ndarray) -> Keys:
        values = vectors.astype(np.float32)
        index = faiss.IndexFlatIP(values.shape[1])
        index.add(values)
        scores, dst = index.search(values, NEIGHBOURS)
        src = np.arange(len(values))[:, None]
        keep = (src != dst) & (scores >= LOW) & (scores <= HIGH)
        return np.unique((np.minimum(src, dst) * len(values) + np.maximum(src, dst))[keep])

    return join, faiss.omp_get_max_threads()


PEERS = {"torch": _torch_tiles, "faiss-range": _range_search, "faiss-knn": _knn}
ENGINES = {OURS: _ours} | PEERS
