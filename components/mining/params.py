"""Parameters of mining."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from components.common.stage.params import parameter
from components.common.stage.shared import NearDuplicates, OnDevice


class Params(NearDuplicates, OnDevice):
    """The sets, what binds objects to one split, and the engine of the join."""

    section: ClassVar[str] = "mining"

    split_margin: float = parameter(
        0.03, "pairs up to this far below the window's low bind two objects to one split, cosine", ge=0, le=1
    )
    min_views: int = parameter(3, "least number of views of a set", "paper, section 3", ge=1, le=100)
    max_views: int = parameter(10, "most views that a set keeps, the most similar ones", ge=1, le=1000)
    hub_pairs: int = parameter(1000, "objects with more partners in the window are flagged as hubs", ge=1)
    engine: Literal["exact", "ivf"] = parameter(
        "exact",
        "exact: every pair. ivf: approximate, for corpora too large for that (from about 10^7 objects on a CPU): pairs "
        "are lost, none is added, and the manifests say what share is found",
    )
    nlist: int = parameter(0, "ivf: number of lists; 0: 4 sqrt(objects), faiss' guideline", ge=0, le=1_000_000)
    nprobe: int = parameter(16, "ivf: lists searched per object, 1 to nlist", ge=1, le=1_000_000)
    tile: int = parameter(16384, "rows of the similarity matrix per part, the unit of resuming", ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.min_views > self.max_views:
            raise ValueError(f"min_views = {self.min_views} must not exceed max_views = {self.max_views}")
        if 0 < self.nlist < self.nprobe:
            raise ValueError(f"nprobe = {self.nprobe} must not exceed nlist = {self.nlist}, unless nlist is 0")
        return self
