"""Counter-based randomness: every draw is a function of (seed, what it is for), never of earlier draws.

So a killed run that starts again sees the same numbers, and so do samples that go to other workers (NVlabs/edm2
likewise seeds each step by the count of images seen).
"""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, *keys: int | str) -> int:
    """A 63-bit seed from a seed and any keys, the same on every machine and in every process."""
    text = "\x1f".join(str(key) for key in (seed, *keys))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_rng(seed: int, *keys: int | str) -> np.random.Generator:
    """A NumPy generator for (seed, keys)."""
    return np.random.Generator(np.random.Philox(derive(seed, *keys)))


def torch_generator(seed: int, *keys: int | str) -> "torch.Generator":
    """A CPU torch generator for (seed, keys)."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *keys))


def unit_interval(seed: int, *keys: int | str) -> float:
    """A stable hash of (seed, keys) in [0, 1): for splits and samples that must not move when data is added."""
    return derive(seed, *keys) / 2**63
