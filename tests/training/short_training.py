"""Parameters of a training that is over in seconds: fifteen steps of four images."""

from pathlib import Path
from typing import Any

from components.training.params import Params

BATCH = 4


def make_params(base: Path, **changes: Any) -> Params:
    values: dict[str, Any] = {
        "base": str(base), "revision": None, "images": 15 * BATCH, "batch": BATCH, "lr": 1e-3, "warmup": 2 * BATCH,
        "precision": "fp32", "export": "fp32", "checkpoint_every": 5 * BATCH, "validation_tuples": 8,
        "sampling_steps": 2,
    }  # fmt: skip
    return Params(**(values | changes))
