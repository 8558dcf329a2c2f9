"""The training processes as seen from one of them. Alone, a process is the first of one and nothing here does a thing.

torchrun starts them and says in the environment who is who (RANK, WORLD_SIZE, LOCAL_RANK); see `node`.
"""

import os

import torch
from torch import distributed


def join(device: str) -> None:
    """Meets the other processes: by NCCL on GPUs, one for each process, or by Gloo."""
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")


def several() -> bool:
    """Whether this process has joined others."""
    return distributed.is_available() and distributed.is_initialized()


def rank() -> int:
    """Which of the processes this is, from 0."""
    return distributed.get_rank() if several() else 0


def world() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if several() else 1


def barrier() -> None:
    """Waits until every process is here."""
    if several():
        distributed.barrier()


def gathered(mine_B: torch.Tensor) -> torch.Tensor:
    """The samples' values of all processes, in the order of the samples, which were dealt out in turn."""
    if not several():
        return mine_B
    theirs = [torch.empty_like(mine_B) for _ in range(world())]
    distributed.all_gather(theirs, mine_B.contiguous())
    return torch.stack(theirs, dim=1).flatten()
