"""Parameters of assembly."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from components.common.stage.params import parameter
from components.common.stage.shared import Cells, InParts, InThreads, Seeded


class Params(Cells, InParts, InThreads, Seeded):
    """How tuples are cut and split."""

    section: ClassVar[str] = "assembly"

    context_min: float = parameter(1.45, "least side of the target's window / longer side of its box", ge=1, le=8)
    context_max: float = parameter(2.0, "greatest such ratio", ge=1, le=8)
    reference_min: float = parameter(1.0, "least side of a reference's window / longer side of its box", ge=1, le=8)
    reference_max: float = parameter(1.35, "greatest such ratio", ge=1, le=8)
    border: float = parameter(
        1.0,
        "a view this close to its photograph's edge may be cut off and is used only if others are too few, px",
        ge=0,
        le=64,
    )
    validation_share: float = parameter(
        0.05, "share of split groups kept out of training, with all photographs that show them", ge=0, le=0.5
    )
    training_share: float = parameter(
        1.0,
        "share of the training split's sets that give tuples, chosen at random: below 1 to see what more data brings. "
        "A larger share includes a smaller one, and the validation split does not change",
        gt=0,
        le=1,
    )
    references: Literal["views", "augmented", "copied"] = parameter(
        "views",
        "what a tuple's references are. views: the object in other photographs. For comparison, crops of the target's "
        "own photograph; augmented: flipped, rotated and blurred; copied: unchanged, as a counterfactual inserter is "
        "trained",
        "paper",
    )

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        for name in ("context", "reference"):
            low, high = getattr(self, f"{name}_min"), getattr(self, f"{name}_max")
            if low > high:
                raise ValueError(f"{name}_min ({low}) must not exceed {name}_max ({high})")
        return self
