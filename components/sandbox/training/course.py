"""What the trainings of all tiny models have in common: how long, with which draws, and what is left at their end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.sandbox.training.crops import HELD_OUT, SplitData, read_split
from components.sandbox.training.fit import ends, write_card


@dataclass(frozen=True)
class Course:
    """A training, whatever the model.

    out: folder of the model, its processor and its card. steps: of the optimiser; None: as many as the model needs.
    held_out: splits to measure on.
    """

    out: Path
    seed: int = 0
    steps: int | None = None
    held_out: Sequence[Path] = HELD_OUT

    def splits(self) -> list[SplitData]:
        """What to measure on."""
        return [read_split(folder) for folder in self.held_out]

    def finished(
        self, title: str, about: str, facts: Mapping[str, object], metrics: dict[str, float], losses: Sequence[float]
    ) -> dict[str, float]:
        """Writes the card of the stored model; returns what was measured, and the loss at the beginning and the end."""
        write_card(self.out, title, about, facts, metrics)
        return metrics | ends(losses)
