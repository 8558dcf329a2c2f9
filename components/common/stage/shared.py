"""Parameters that several stages share."""

from pydantic import Field

from components.common.stage.params import StageParams


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
