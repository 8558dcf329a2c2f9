"""Parameters of a training that takes seconds: fifteen steps of four images."""

from pathlib import Path
from typing import Any

from components.training.params import Generation, Insertion, Params

BATCH = 4
TASKS: dict[str, type[Params]] = {"insertion": Insertion, "generation": Generation}


def make_params(base: Path, task: str = "insertion", **changes: Any) -> Params:
    values: dict[str, Any] = {
        f"base_{task}": str(base), "images": 15 * BATCH, "batch": BATCH, "lr": 1e-3, "warmup": 2 / 15,
        "precision": "fp32", "export": "fp32", "checkpoint_every": 5 * BATCH, "validation_tuples": 8,
        "sampling_steps": 2, "device": "cpu",
    }  # fmt: skip
    return TASKS[task](**(values | changes))
