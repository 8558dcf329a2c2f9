"""Parameters of mining."""

from typing import Literal

from pydantic import Field, model_validator

from components.common.stage.shared import NearDuplicates


class Params(NearDuplicates):
    """The window, the sets and what binds objects to one split."""

    window: Literal["calibrated", "explicit"] = Field(
        default="calibrated", description="calibrated: from the calibration dataset; explicit: low and high below"
    )
    low: float = Field(
        default=0.93, ge=-1, le=1, description="least cosine of an explicit window (paper, section 3; GUIE encoder)"
    )
    high: float = Field(
        default=0.975, ge=-1, le=1.01, description="greatest cosine of an explicit window (paper, section 3)"
    )
    split_margin: float = Field(
        default=0.03,
        ge=0,
        le=1,
        description="pairs down to so far below the window's low bind two objects to one split (cosine; ours)",
    )
    min_views: int = Field(default=3, ge=1, le=100, description="views a set must have (paper, section 3)")
    max_views: int = Field(default=10, ge=1, le=1000, description="views a set keeps, the most similar (ours)")
    hub_pairs: int = Field(
        default=1000, ge=1, description="objects with more partners in the window are flagged as hubs (ours)"
    )
    engine: Literal["exact", "ivf"] = Field(
        default="exact",
        description="exact: every pair; ivf: approximate, for corpora beyond that (from some 10^7 objects on a CPU): "
        "pairs are lost, none is added, and the manifests say what share is found",
    )
    nlist: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="ivf: lists that objects are filed in (lists; 0: 4 sqrt(objects), faiss' guidelines)",
    )
    nprobe: int = Field(
        default=16, ge=1, le=1_000_000, description="ivf: lists searched for an object, 1 to nlist (lists; ours)"
    )
    tile: int = Field(
        default=16384, ge=1, le=1_000_000, description="rows of the similarity matrix a part, the unit of resume"
    )
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")

    @model_validator(mode="after")
    def _possible(self) -> "Params":
        if self.low >= self.high:
            raise ValueError(f"the window is empty: low = {self.low} must be below high = {self.high}")
        if self.min_views > self.max_views:
            raise ValueError(f"min_views = {self.min_views} must not exceed max_views = {self.max_views}")
        if 0 < self.nlist < self.nprobe:
            raise ValueError(f"nprobe = {self.nprobe} must not exceed nlist = {self.nlist}, unless that is 0")
        return self
