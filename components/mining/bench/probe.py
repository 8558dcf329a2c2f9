"""How fast the exact join is on this machine, measured in a few seconds."""

import os
import time
from collections.abc import Callable

import torch

from components.common.errors import UserError
from components.common.join.built import best_isa, in_words
from components.common.join.exact import best_engine, window_join
from components.mining.bench.plan import Speed
from components.mining.bench.synthetic import HIGH, LOW, product_vectors

START = 2048  # vectors of the join whose time counts as the start, which does not grow with their number
SMALLEST, LARGEST = 8192, 2**20  # vectors of the measured joins
ELEMENTS = 2**25  # coordinates of the largest measured join
BUDGET = 3.0  # s that the largest measured join should take
Measure = Callable[[int], float]
"""From a number of vectors to the seconds that their join takes."""


def probe(dim: int, device: str) -> Speed:
    """The speed of `window_join` here, for vectors of `dim` dimensions. device: cpu or cuda.

    The vectors are views of products (synthetic.py). Takes a few seconds, more for wide vectors. Raises `UserError`
    if the CUDA device is missing.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("torch finds no CUDA device on this machine: name a card, such as --device h200")

    def measure(n: int) -> float:
        vectors = product_vectors(n, dim)
        begin = time.perf_counter()
        window_join(vectors, LOW, HIGH, device=device)
        return time.perf_counter() - begin

    measure(START)  # sets up libraries and devices
    start = measure(START)
    measured = sizes_in_budget(measure, ELEMENTS // dim)
    vector, flop = fit(measured, start, dim)
    basis = f"measured here: joins of {' and '.join(f'{n:,}' for n, _ in measured)} vectors, {_machine(device)}"
    return Speed(device, start, vector, flop, _memory_bytes(device), True, basis)


def sizes_in_budget(measure: Measure, most: int) -> list[tuple[int, float]]:
    """Two sizes and their seconds, the larger twice the smaller: doubled until another join would exceed `BUDGET`.

    most: the most vectors; two sizes are measured in any case.
    """
    sizes = [SMALLEST, 2 * SMALLEST]
    seconds = [measure(size) for size in sizes]
    while 4 * seconds[-1] <= BUDGET and 2 * sizes[-1] <= min(most, LARGEST):
        sizes.append(2 * sizes[-1])
        seconds.append(measure(sizes[-1]))
    return list(zip(sizes, seconds, strict=True))[-2:]


def fit(measured: list[tuple[int, float]], start: float, dim: int) -> tuple[float, float]:
    """(s per vector, s per FLOP) of seconds = start + vector * N + flop * N^2 d through two measurements.

    If noise gives one of them an impossible sign, all time counts as products: too much rather than too little.
    """
    (n1, t1), (n2, t2) = ((n, seconds - start) for n, seconds in measured)
    flop = (t2 / n2 - t1 / n1) / (dim * (n2 - n1))
    vector = t1 / n1 - flop * dim * n1
    if flop > 0 and vector >= 0:
        return vector, flop
    n, seconds = measured[1]
    return 0.0, seconds / (dim * n**2)


def _machine(device: str) -> str:
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, {in_words(best_engine(torch.device(device)), device)}"
    return f"CPU threads: {torch.get_num_threads()}, {in_words(best_isa(), device)}"


def _memory_bytes(device: str) -> int:
    if device == "cuda":
        return torch.cuda.get_device_properties(0).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
