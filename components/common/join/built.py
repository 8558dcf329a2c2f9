"""The compiled kernel (kernel.cpp), if there is one. Imports nothing heavy, since each `make setup` calls it."""

import ctypes
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

ENTRY = "objectmate_window_join_1"
"""The kernel's function. Its number grows whenever its arguments change, so that no older build is called."""


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
