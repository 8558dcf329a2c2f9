"""Parameters of the calibration of the similarity window."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from components.common.stage.params import parameter
from components.common.stage.shared import PRECISION, NearDuplicates, Seeded


class Params(NearDuplicates, Seeded):
    """How the window is found from labelled pairs."""

    section: ClassVar[str] = "calibration"

    window: Literal["calibrated", "explicit"] = parameter(
        "calibrated",
        "calibrated: from labelled pairs; low and high where there are none, and low where they are too few to show a "
        "window; explicit: low and high",
    )
    low: float = parameter(0.93, "least similarity of the stated window, cosine", "paper, section 3", ge=-1, le=1)
    high: float = parameter(
        0.975, "greatest similarity of the stated window, cosine", "paper, section 3", ge=-1, le=1.01
    )
    target: float = parameter(
        PRECISION,
        "share of a labelled object's partners, from the window's low up, that must be right, on average over objects",
        "the precision gate's limit",
        gt=0,
        lt=1,
    )
    confidence: float = parameter(0.95, "of the one-sided bound for products like the labelled ones", ge=0.5, lt=1)
    strictest: float = parameter(0.99, "first threshold that is tested, cosine", gt=-1, le=1)
    loosest: float = parameter(
        0.5, "last threshold that is tested, cosine; different objects below it are not kept as labels", ge=-1, lt=1
    )
    step: float = parameter(0.005, "between tested thresholds, cosine", gt=0, le=0.1)
    min_duplicates: int = parameter(8, "labelled near-duplicate pairs needed to place the window's high", ge=1)
    keep_views: float = parameter(
        0.99, "share of labelled views below the window's high where near-duplicates are too few", gt=0, le=1
    )
    min_iou: float = parameter(0.5, "overlap of an object with a labelled box to be that subject", gt=0, le=1)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.loosest >= self.strictest:
            raise ValueError(f"loosest = {self.loosest} must be below strictest = {self.strictest}")
        if self.low >= self.high:
            raise ValueError(f"the window is empty: low = {self.low} must be below high = {self.high}")
        return self
