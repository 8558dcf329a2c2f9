"""The compiled kernel (kernel.cpp), if there is one. Imports nothing heavy, since each `make setup` calls it.

The kernel is optional: without a compiler, or on another processor, `best_isa` is `Isa.NONE`, and `in_words` says what
that costs.
"""

import ctypes
from enum import IntEnum
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

ENTRY = "objectmate_window_join_1"
"""The kernel's function. Its number grows whenever its arguments change, so that no older build is called."""


class Isa(IntEnum):
    """What finds the candidates: torch's products without any kernel, kernel.cpp (which uses the same numbers) with
    AVX2 or AVX-512, or an NVIDIA GPU's tensor cores (gpu.py)."""

    NONE = 0
    AVX2 = 1
    AVX512 = 2
    PTX = 3


@cache
def library(folder: Path = Path(__file__).parent) -> ctypes.CDLL | None:
    """The kernel, or None if it was not compiled, was deleted, or belongs to another version of kernel.cpp."""
    for path in (folder / f"_kernel{suffix}" for suffix in EXTENSION_SUFFIXES):
        if path.is_file():
            kernel = ctypes.CDLL(str(path))
            if not hasattr(kernel, ENTRY):
                return None
            kernel[ENTRY].restype = ctypes.c_int64
            return kernel
    return None


def best_isa() -> Isa:
    """The best instruction set that both this processor and the built kernel support."""
    kernel = library()
    return Isa(kernel.objectmate_isa()) if kernel else Isa.NONE


def in_words(isa: Isa, device: str) -> str:
    """What finds the candidates on a kind of device (cpu, cuda); without a kernel, also why and what helps."""
    if isa != Isa.NONE:
        return f"kernel: {isa.name}"
    if device != "cpu":
        return f"kernel: none for {device}, which needs triton and compute capability 8.0; torch multiplies instead"
    if library():
        return "kernel: none, since this processor has no AVX2; torch multiplies instead, about 15 times slower"
    return (
        "kernel: none, since it is not compiled; torch multiplies instead, about 15 times slower: install g++ and run "
        "`make setup`"
    )
