"""Parameters of mining and of the calibration of its window."""

from typing import Literal

from pydantic import Field, model_validator

from components.common.params import StageParams


class NearDuplicates(StageParams):
    """When two pictures nearly repeat each other; shared by mining and calibration."""

    photo_bits: int = Field(
        default=72,
        ge=0,
        le=128,
        description="photographs whose 256-bit difference hashes (plain or mirrored) differ in at most so many bits "
        "nearly repeat each other (bit; ours: finds DreamBooth's repeated clocks and backpacks, at 39 and 71)",
    )
    crop_bits: int = Field(default=36, ge=0, le=128, description="the same for crops, which differ less (bit; ours)")
    moved_correlation: float = Field(
        default=0.85,
        ge=0.5,
        le=1,
        description="photographs whose common part, once one is laid upon the other or its mirror image, correlates at "
        "least so much nearly repeat each other (-1..1; ours: misses 0.2 % of shifts and cuts by 5 to 20 %)",
    )


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


class Calibration(NearDuplicates):
    """How the window is found from labelled pairs."""

    target: float = Field(
        default=0.78,
        gt=0,
        lt=1,
        description="precision that pairs from the window's low up must reach with confidence; above the gate's 0.70, "
        "which judges on other labels (ours; the paper's low has precision 0.70)",
    )
    confidence: float = Field(
        default=0.95, ge=0.5, lt=1, description="of the one-sided bounds: Clopper-Pearson, and of resampled subjects"
    )
    strictest: float = Field(default=0.99, gt=-1, le=1, description="first threshold that is tested (cosine)")
    loosest: float = Field(
        default=0.5,
        ge=-1,
        lt=1,
        description="last threshold that is tested; different objects below it are not kept as labels (cosine)",
    )
    step: float = Field(default=0.005, gt=0, le=0.1, description="between tested thresholds (cosine)")
    min_labels: int = Field(
        default=30, ge=1, description="testing starts at the first threshold with so many labelled pairs (ours)"
    )
    min_duplicates: int = Field(
        default=8, ge=1, description="labelled near-duplicate pairs needed to place the window's high (ours)"
    )
    keep_views: float = Field(
        default=0.99, gt=0, le=1, description="share of labelled views that stay below a high without them (ours)"
    )
    share: float = Field(
        default=0.5, gt=0, lt=1, description="of pairs of subjects used to calibrate; the gate judges on the others"
    )
    default_low: float = Field(default=0.93, ge=-1, le=1, description="without labels (paper, section 3)")
    default_high: float = Field(default=0.975, ge=-1, le=1.01, description="without labels (paper, section 3)")
    min_iou: float = Field(
        default=0.5, gt=0, le=1, description="overlap of an object with a labelled box to be that subject (ours)"
    )
    seed: int = Field(default=0, ge=0, description="of the hash that deals pairs to calibration or gate")

    @model_validator(mode="after")
    def _possible(self) -> "Calibration":
        if self.loosest >= self.strictest:
            raise ValueError(f"loosest = {self.loosest} must be below strictest = {self.strictest}")
        if self.default_low >= self.default_high:
            raise ValueError(f"default_low = {self.default_low} must be below default_high = {self.default_high}")
        return self
