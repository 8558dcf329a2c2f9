"""The throughput of matrix products on a device, with which benchmarks compare their own."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SMALL = 256  # side of the products that choose the format: on some processors, one is hundreds of times slower
LARGE = {"cpu": 2048, "cuda": 8192}  # side of the products that are measured
FORMATS = {"cpu": ("float32", "bfloat16"), "cuda": ("bfloat16",)}
REPEATS = 5


@dataclass(frozen=True)
class Peak:
    """Throughput of a large product of square matrices, in FLOP/s. what: what was multiplied, and on what device."""

    flops: float
    what: str


def matrix_peak(device: str, formats: Sequence[str] = ()) -> Peak:
    """The best of several products in torch, in the fastest of `formats` (default: bf16 on cuda, fp32 or bf16 on a
    CPU)."""
    import torch  # not at the top: benchmark processes for another library import this module too

    best = max(formats or FORMATS[device], key=lambda format_: _throughput(format_, device, SMALL))
    side = LARGE[device]
    where = torch.cuda.get_device_name() if device == "cuda" else f"CPU threads: {torch.get_num_threads()}"
    return Peak(_throughput(best, device, side), f"torch's {best} product of {side} x {side} matrices, {where}")


def _throughput(format_: str, device: str, side: int) -> float:
    import torch

    left, right = torch.randn(2, side, side, device=device).to(getattr(torch, format_))
    seconds = [_seconds(left, right) for _ in range(REPEATS + 1)]
    return 2 * side**3 / min(seconds[1:])


def _seconds(left: Any, right: Any) -> float:
    start = time.perf_counter()
    (left @ right)[0, 0].item()  # fetching one value waits until the product is done
    return time.perf_counter() - start
