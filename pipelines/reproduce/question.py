"""What a question is: the paper's claim, its numbers, and how the miniature measures it."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.reproduce.answer import Answer
from pipelines.reproduce.evidence import Material
from pipelines.reproduce.variants import Variant

Measure = Callable[[str, Material], Answer]


@dataclass(frozen=True)
class Question:
    """claim: what the paper says. where: its figure or table. published: its numbers, in words. here: how the miniature
    measures it, and what differs from the paper. variants: the runs that it needs besides the given one, until: the
    pipeline that they have to reach. trained: whether several trainings of each count. points: the paper's numbers,
    which are drawn beside ours. people: whether it is asked of people's choices."""

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
        """Whether trained models are compared, of which several are needed."""
        return bool(self.variants) and self.until == "full"
