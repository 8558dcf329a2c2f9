"""What a stage ran on, for its `run.json`: it may explain why two machines gave different bytes.

Nothing is imported for this: a library that was not loaded had no part in the result.
"""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = (
    "numpy",
    "scipy",
    "pyarrow",
    "pillow",
    "opencv-python-headless",
    "torch",
    "transformers",
    "diffusers",
    "lightning",
    "safetensors",
    "tokenizers",
    "faiss-cpu",
    "triton",
)
"""Distributions that process pixels or numbers."""
CODECS = ("libjpeg_turbo", "jpg", "jpg_2000", "zlib", "webp", "avif")
"""The codecs that Pillow reads and writes photographs with, as `PIL.features` names them."""


def describe() -> dict[str, Any]:
    """Processor, GPU, instruction sets in use, thread counts, and versions of Python and libraries; JSON-able."""
    return {
        "processor": _processor(),
        "gpu": _gpu(),
        "instruction_sets": _instruction_sets(),
        "threads": _threads(),
        "versions": {"python": platform.python_version(), **_libraries(), **_codecs()},
    }


def _processor() -> str:
    """The model's name where the system reports it (Linux), else the architecture."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    """The name of the GPU that the process used; empty for none."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_initialized() else ""


def _instruction_sets() -> dict[str, str]:
    """Those of the join's compiled kernel (`NONE` if there is none) and of torch."""
    join, torch = sys.modules.get("components.common.join.built"), sys.modules.get("torch")
    sets = {"join": join.best_isa().name} if join else {}
    return sets | ({"torch": torch.backends.cpu.get_cpu_capability()} if torch else {})


def _threads() -> dict[str, Any]:
    torch, opencv = sys.modules.get("torch"), sys.modules.get("cv2")
    counts: dict[str, Any] = {"cores": os.cpu_count(), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "")}
    counts |= {"torch": torch.get_num_threads()} if torch else {}
    return counts | ({"opencv": opencv.getNumThreads()} if opencv else {})


def _libraries() -> dict[str, str]:
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # an image contains only what its stages need, and triton is for GPUs
            continue
    return installed


def _codecs() -> dict[str, str]:
    if "PIL" not in sys.modules:
        return {}
    from PIL import features

    return {f"pillow:{name}": str(features.version(name)) for name in CODECS if features.check(name)}
