"""Where networks compute, in how many threads, and what of this is part of a dataset's identity.

The last digits of a network's results depend on the kind of device (a CPU computes in fp32, a GPU also in TF32 and
fp16) and, on a CPU, on the number of threads, which decides the order in which sums are rounded. Both are therefore
part of the identity of every dataset that a network helped to make. The number of threads is a parameter, so that it
does not depend on the machine.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeGuard

from components.common.errors import UserError
from components.common.stage.params import StageParams
from components.common.stage.shared import OnDevice

if TYPE_CHECKING:
    import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Options of glibc's `mallopt`, from its malloc.h."""
LARGEST_KEPT, LARGEST_BEFORE_2_35 = 1 << 30, 32 << 20
"""Blocks up to this size, in bytes, are kept for the next tensor; and the most that glibc before 2.35 accepts."""


def pick_device(name: str) -> "torch.device":
    """The device by that name; `auto` is the GPU if there is one. Raises `UserError` for a GPU that is not there.

    From then on this process keeps the memory that tensors free: see `_keep_freed_memory`.
    """
    import torch  # takes seconds: only a stage with a network has to wait for it

    _keep_freed_memory()
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device = {name}, but this machine has no usable GPU: set device to cpu or auto")
    return torch.device(name)


@cache
def _keep_freed_memory() -> None:
    """Lets this process keep freed memory for its next tensors. Does nothing if the C library is not glibc.

    Otherwise every layer's output is returned to the system when it is freed and is fetched again, page by page, for
    the next batch. In virtual machines this takes up to half of an inference's time. Threads other than the main one
    keep less. An environment variable such as MALLOC_TRIM_THRESHOLD_ is overridden.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    # With M_TRIM_THRESHOLD alone, even blocks of 128 KiB would be returned each time: glibc stops adapting thresholds.
    if mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT) or mallopt(M_MMAP_THRESHOLD, LARGEST_BEFORE_2_35):
        mallopt(M_TRIM_THRESHOLD, LARGEST_KEPT)


def arithmetic(params: StageParams) -> dict[str, str]:
    """What decides the last digits of a network's results, as an entry for a manifest's models; empty if no network.

    `cpu, 2 threads` or `cuda`, since a machine's GPUs are alike. Number formats follow from this and the parameters.
    """
    if not _has_network(params):
        return {}
    import torch

    kind = pick_device(params.device).type
    return {"arithmetic": f"cpu, {torch.get_num_threads()} threads" if kind == "cpu" else kind}


@contextmanager
def pinned_threads(params: StageParams) -> Iterator[None]:
    """Makes a stage's networks compute in `params.threads` threads; does nothing for a stage without a network."""
    if not _has_network(params):
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(params.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _has_network(params: StageParams) -> TypeGuard[OnDevice]:
    """Whether the stage loads a model. Mining computes on a device too, but exactly and without a model."""
    return isinstance(params, OnDevice) and bool(params.loads())
