"""Common to the trainings of all tiny models: their length, seed, output folder and card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.sandbox.training.crops import HELD_OUT
from components.sandbox.training.fit import ends, write_card


@dataclass(frozen=True)
class Course:
    """A training, whatever the model.

    out: folder of the model, its processor and its card. steps: of the optimiser; 0: as many as the model needs.
    held_out: splits to measure on.
    """

    out: Path
    seed: int = 0
    steps: int = 0
    held_out: Sequence[Path] = HELD_OUT

    def finished(
        self, title: str, about: str, facts: Mapping[str, object], metrics: dict[str, float], losses: Sequence[float]
    ) -> dict[str, float]:
        """Writes the card of the stored model; returns what was measured, and the loss at the beginning and the end."""
        write_card(self.out, title, about, facts, metrics)
        return metrics | ends(losses)
