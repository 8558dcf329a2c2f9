"""Parameters of assembly."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.common.stage.params import StageParams


class Params(StageParams):
    """How tuples are cut and dealt to splits. "ours" means that the paper says nothing about it."""

    size: int = Field(
        default=512, ge=16, le=2048, multiple_of=8, description="px, side of every square; Alterbute (2601.10714): 512"
    )
    context_min: float = Field(
        default=1.45, ge=1.0, le=8.0, description="smallest side of the target's window / longer side of its box; ours"
    )
    context_max: float = Field(default=2.0, ge=1.0, le=8.0, description="largest such ratio; ours")
    reference_min: float = Field(
        default=1.0, ge=1.0, le=8.0, description="smallest side of a reference's window / longer side of its box; ours"
    )
    reference_max: float = Field(default=1.35, ge=1.0, le=8.0, description="largest such ratio; ours")
    border: float = Field(
        default=1.0, ge=0, le=64, description="px; an object as near to the photograph's edge may be cut off; ours"
    )
    mask: Literal["box"] = Field(
        default="box", description="shape of the mask: the object's box, which tells the model nothing of its pose"
    )
    validation_share: float = Field(
        default=0.05,
        ge=0.0,
        le=0.5,
        description="share of split groups held out from training, with all photographs that show them; ours",
    )
    seed: int = Field(default=0, ge=0, description="of window sizes, the choice of references and the split")
    part_rows: int = Field(default=128, ge=1, le=65_536, description="sets a part: what a killed run loses at most")
    workers: int = Field(default=4, ge=1, le=256, description="threads that decode, cut and encode")

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        for name in ("context", "reference"):
            low, high = getattr(self, f"{name}_min"), getattr(self, f"{name}_max")
            if low > high:
                raise ValueError(f"{name}_min ({low}) must not exceed {name}_max ({high})")
        return self
