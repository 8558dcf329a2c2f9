"""Parameters of the calibration of the similarity window."""

from pydantic import Field, model_validator

from components.common.stage.shared import NearDuplicates


class Params(NearDuplicates):
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
    def _possible(self) -> "Params":
        if self.loosest >= self.strictest:
            raise ValueError(f"loosest = {self.loosest} must be below strictest = {self.strictest}")
        if self.default_low >= self.default_high:
            raise ValueError(f"default_low = {self.default_low} must be below default_high = {self.default_high}")
        return self
