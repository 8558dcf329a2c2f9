"""Parameters of the five checkpoints. Every limit has a unit, a range and a source; "ours" means no outside source."""

from typing import Self

from pydantic import Field, model_validator

from components.common.stage.params import StageParams


class Checkpoint(StageParams):
    """What all checkpoints share."""

    blocking: bool = Field(default=True, description="a verdict other than pass stops the pipeline")


class Intake(Checkpoint):
    """Gate on images and quarantine: what came in is usable, known by digest, and (where asked) licensed."""

    min_images: int = Field(default=1, ge=1, description="photographs; ours")
    max_quarantined_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="broken inputs / inputs, copies and opt-outs aside; ours: more points at a wrong folder",
    )
    require_licence: bool = Field(
        default=True, description="every photograph names its licence; ours: an auditor asks for it first"
    )


class Vectors(Checkpoint):
    """Gates on objects (geometry of the boxes) and on embeddings (health of the vectors)."""

    min_objects: int = Field(default=1, ge=1, description="objects; ours")
    box_slack: float = Field(
        default=0.5, ge=0, le=8, description="px a box may reach out of the upright photograph; ours: rounding"
    )
    min_area_share: float = Field(
        default=0.04, ge=0, le=1, description="box area / photograph area; Phantom-Data (2506.18851), section 3"
    )
    max_area_share: float = Field(default=0.9, gt=0, le=1, description="box area / photograph area; Phantom-Data")
    min_side: float = Field(default=128, ge=1, le=4096, description="px, shorter side of a box; Phantom-Data")
    max_iou: float = Field(
        default=0.8, ge=0, le=1, description="largest overlap of two boxes of one photograph; Phantom-Data"
    )
    norm_tolerance: float = Field(
        default=2e-3, gt=0, le=0.1, description="largest | norm - 1 |; fp16 rounds each value by at most 2^-11"
    )
    dead_deviation: float = Field(
        default=1e-4, gt=0, le=0.1, description="a dimension with a smaller standard deviation is dead; ours"
    )
    min_effective_dimensions: float = Field(
        default=4, ge=1, le=4096, description="participation ratio of the covariance's eigenvalues; ours"
    )

    @model_validator(mode="after")
    def _area_range(self) -> Self:
        if self.min_area_share >= self.max_area_share:
            raise ValueError(
                f"min_area_share ({self.min_area_share}) must be below max_area_share ({self.max_area_share})"
            )
        return self


class Recurrence(Checkpoint):
    """Gates on pairs, sets and labels: retrieval precision, distinct views, yield."""

    min_precision: float = Field(
        default=0.70, gt=0, lt=1, description="right pairs / emitted pairs; the paper's window, Figure 3a"
    )
    confidence: float = Field(default=0.95, ge=0.5, lt=1, description="of the one-sided Clopper-Pearson bound; usual")
    expected_precision: float = Field(
        default=0.80, gt=0, lt=1, description="a truth that should pass with probability `power`; plans labels; ours"
    )
    power: float = Field(default=0.95, ge=0.5, lt=1, description="probability to pass at the expected precision; usual")
    max_sample: int = Field(
        default=400, ge=10, le=100_000, description="labelled pairs judged at most; the rest stays unused; ours"
    )
    bands: int = Field(default=4, ge=1, le=20, description="similarity bands of the sample, equally filled; ours")
    seed: int = Field(default=0, ge=0, description="of the sample and of the bootstrap")
    max_near_duplicates: float = Field(
        default=0.01, ge=0, le=1, description="nearly equal pairs / pairs of views within a set; ours"
    )
    crop_bits: int = Field(
        default=36, ge=0, le=128, description="of 256 dHash bits: crops that differ in no more are nearly equal; ours"
    )
    photo_bits: int = Field(
        default=72, ge=0, le=128, description="the same for photographs; ours: finds DreamBooth's repeated backpacks"
    )
    shift_correlation: float = Field(
        default=0.65,
        ge=0.5,
        le=1,
        description="photographs whose common part correlates at least so much when one is shifted upon the other are "
        "nearly equal, -1..1; ours: finds 99 % of shifts by 5 to 15 % of the side in shop photographs",
    )
    min_yield: float = Field(
        default=0.008,
        ge=0,
        le=1,
        description="objects with >= 3 views / objects; the paper's lowest (Open Images, 64,991 of 8,067,907)",
    )
    max_hub_skew: float = Field(
        default=10, ge=0, le=1000, description="skewness of how often an object is a view; ours (Radovanovic 2010)"
    )

    @model_validator(mode="after")
    def _can_pass(self) -> Self:
        if self.expected_precision < self.min_precision + 0.02:
            raise ValueError(
                f"expected_precision ({self.expected_precision}) must be at least min_precision + 0.02 "
                f"({self.min_precision + 0.02:.2f}): nearer, no affordable number of labels decides"
            )
        return self


class Tuples(Checkpoint):
    """Gates on backgrounds (removal worked) and tuples (no object or photograph is on both sides of the split)."""

    max_residual: float = Field(
        default=0.6, ge=0, le=1, description="cosine of what is left in the box to the object; ours"
    )
    min_clean_share: float = Field(
        default=0.9, ge=0, le=1, description="backgrounds within max_residual / backgrounds; ours"
    )
    max_outside_change: float = Field(
        default=0.02, ge=0, le=1, description="mean absolute change outside the removed area, 0..1; ours"
    )
    split_threshold: float | None = Field(
        default=None, gt=0, lt=1, description="cosine from which two objects share a split; none: as sets were grouped"
    )
    benchmark: str = Field(
        default="", description="COCO folder of the benchmark (sandbox:benchmark or a path) to keep apart; empty: none"
    )
    benchmark_threshold: float | None = Field(
        default=None, gt=0, lt=1, description="cosine from which a training object counts as one; none: split_threshold"
    )
    encoder: str = Field(default="", description="the mining encoder, to embed benchmark crops: folder, sandbox: or id")
    encoder_revision: str | None = Field(default=None, description="commit of a hub id")
    crop_scale: float = Field(
        default=1.15, ge=1, le=2, description="benchmark crop sides / box sides; must equal that of detection"
    )
    device: str = Field(default="cpu", description="where the encoder runs")

    def models(self) -> dict[str, str]:
        return {"encoder": "encoder_revision"} if self.benchmark else {}

    @model_validator(mode="after")
    def _encoder_named(self) -> Self:
        if self.benchmark and not self.encoder:
            raise ValueError("benchmark needs `encoder`, the model the embeddings were made with")
        return self


class Model(Checkpoint):
    """Gate on scores: references matter, beyond chance."""

    benchmark: str = Field(default="insertion", description="which benchmark's scores are judged")
    metric: str = Field(default="ir", description="identity metric; the paper's choice for rigid objects, Table 3")
    system: str = Field(default="objectmate", description="the system with its own references")
    baseline: str = Field(default="shuffled-refs", description="the same system with another object's references")
    min_gap: float = Field(default=0.0, ge=-1, le=1, description="the lower bound of the gap must lie above this; ours")
    confidence: float = Field(default=0.95, ge=0.5, lt=1, description="of the two-sided interval; usual")
    min_subjects: int = Field(
        default=8,
        ge=2,
        le=10_000,
        description="subjects below which nothing is decided; ours: fewer starve a bootstrap",
    )
    draws: int = Field(default=10_000, ge=1000, le=1_000_000, description="bootstrap resamples; usual")
    seed: int = Field(default=0, ge=0, description="of the bootstrap")
