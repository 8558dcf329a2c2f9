"""A question: the paper's claim, its numbers, and how the miniature measures it."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.reproduce.answer import Answer
from pipelines.reproduce.evidence import Material
from pipelines.reproduce.variants import Variant

Measure = Callable[[str, Material], Answer]


@dataclass(frozen=True)
class Question:
    """claim: what the paper says. where: its figure or table. published: its numbers, in words. here: how the miniature
    measures it, and what differs from the paper. variants: the runs that it needs besides the given one. until: the
    pipeline that they have to reach. points: the paper's numbers, drawn next to ours. people: whether people's choices
    answer it."""

    name: str
    claim: str
    where: str
    published: str
    here: str
    measure: Measure
    variants: tuple[Variant, ...] = ()
    until: str = "full"
    points: tuple[tuple[str, float], ...] = ()
    people: bool = False

    @property
    def trained(self) -> bool:
        """Whether trained models are compared, so that several trainings of each are needed."""
        return bool(self.variants) and self.until == "full"
