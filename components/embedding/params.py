"""Parameters of embedding."""

from typing import ClassVar, Self

from pydantic import model_validator

from components.common.stage.params import parameter
from components.common.stage.shared import Framed, InParts, InThreads, KeptApart, Miner, OnDevice, StoredCrops


class Params(Miner, KeptApart, StoredCrops, Framed, OnDevice, InParts, InThreads):
    """How crops become vectors."""

    section: ClassVar[str] = "embedding"

    mirror: bool = parameter(True, "average the plain and the mirrored view, so that flips do not change vectors")
    batch: int = parameter(32, "crops per forward pass; part_rows must be a multiple", ge=1, le=4096)

    @model_validator(mode="after")
    def _whole_batches(self) -> Self:
        if self.part_rows % self.batch:
            raise ValueError(f"part_rows = {self.part_rows} must be a multiple of batch = {self.batch}")
        return self
