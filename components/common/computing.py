"""Where networks compute, in how many threads, and which of this belongs to a dataset's identity.

The last digits of a network's results depend on the kind of device (a CPU computes in fp32, a GPU also in TF32 and
fp16) and, on a CPU, on the number of threads, which decides the order in which sums are rounded. Both are therefore
part of the identity of every dataset that a network helped to make. The number of threads is a parameter, so that it
does not depend on the machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeGuard

from components.common.errors import UserError
from components.common.stage.params import StageParams
from components.common.stage.shared import OnDevice

if TYPE_CHECKING:
    import torch


def pick_device(name: str) -> "torch.device":
    """The device by that name; `auto` is the GPU if there is one. Raises `UserError` for a GPU that is not there."""
    import torch  # takes seconds: only a stage with a network has to wait for it

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device = {name}, but this machine has no usable GPU: set device to cpu or auto")
    return torch.device(name)


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
