"""Parameters of the five checkpoints."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from components.common.stage.params import StageParams, parameter
from components.common.stage.shared import PRECISION, Judge, KeptApart, Miner, NearDuplicates, OnDevice, StoredCrops


class Checkpoint(StageParams):
    """What all checkpoints have."""

    blocking: bool = parameter(True, "a verdict other than pass stops the pipeline")

    @classmethod
    def step(cls) -> str:
        """As in `objectmate stage NAME`."""
        return cls.section.replace("gates.", "gate_")


class Intake(Checkpoint):
    """Gate on images and quarantine: what came in is usable, known by digest, and (where asked) licensed."""

    section: ClassVar[str] = "gates.intake"

    min_images: int = parameter(1, "photographs", ge=1)
    max_quarantined_share: float = parameter(
        0.05, "broken inputs / inputs, leaving out copies and opt-outs", "more points at a wrong folder", ge=0, le=1
    )
    require_licence: bool = parameter(True, "every photograph names its licence")


class Vectors(Checkpoint):
    """Gates on objects (geometry of the boxes) and on embeddings (health of the vectors)."""

    section: ClassVar[str] = "gates.vectors"

    min_objects: int = parameter(1, "objects", ge=1)
    box_slack: float = parameter(0.5, "px by which a box may exceed the upright photograph", "rounding", ge=0, le=8)
    dead_deviation: float = parameter(
        1e-4, "a dimension with a smaller standard deviation counts as dead", gt=0, le=0.1
    )
    min_effective_dimensions: float = parameter(4, "participation ratio of the covariance's eigenvalues", ge=1, le=4096)


class Recurrence(Checkpoint, NearDuplicates):
    """Gates on pairs, sets and verdicts: retrieval precision, distinct views, yield."""

    section: ClassVar[str] = "gates.recurrence"

    min_precision: float = parameter(
        PRECISION,
        "share of a run's references that show their anchor's product",
        "a little looser than the paper's 0.70 of pairs (Figure 3a): in the rendered world that goes with 0.84 of the "
        "references being right",
        gt=0,
        lt=1,
    )
    confidence: float = parameter(0.95, "that a pass is right, however often one looks", ge=0.5, lt=1)
    expected_precision: float = parameter(
        0.9, "true share of right references that should pass with probability `power`: plans the draws", gt=0, lt=1
    )
    power: float = parameter(0.95, "probability to pass at the expected share", ge=0.5, lt=1)
    max_sample: int = parameter(
        400, "most pairs drawn: a run that has not passed by then, or by the planned number, fails", ge=10, le=10_000
    )
    max_near_duplicates: float = parameter(0.01, "nearly equal pairs / pairs of views within a set", ge=0, le=1)
    shift_correlation: float = parameter(
        0.65,
        "photographs whose common part correlates at least this much when one is shifted onto the other are nearly "
        "equal, -1..1",
        "finds 99 % of planted shifts by 5 to 15 % of the side in shop photographs",
        ge=0.5,
        le=1,
    )
    min_yield: float = parameter(
        0.008,
        "objects that anchor a set / objects",
        "the paper's lowest: Open Images, 64,991 of 8,067,907",
        ge=0,
        le=1,
    )
    max_hub_skew: float = parameter(
        10, "skewness of how often an object is a view", "after Radovanovic 2010", ge=0, le=1000
    )

    @model_validator(mode="after")
    def _can_pass(self) -> Self:
        if self.expected_precision < self.min_precision + 0.02:
            raise ValueError(
                f"expected_precision ({self.expected_precision}) must be at least min_precision + 0.02 "
                f"({self.min_precision + 0.02:.2f}): nearer, no affordable number of labels decides"
            )
        return self


class Tuples(Checkpoint, Miner, Judge, KeptApart, StoredCrops, OnDevice):
    """Gates on backgrounds (removal worked) and tuples (no object or photograph is on both sides of the split)."""

    section: ClassVar[str] = "gates.tuples"

    max_residual: float = parameter(0.6, "cosine of what is left in the box to the object", ge=0, le=1)
    min_clean_share: float = parameter(0.9, "backgrounds within max_residual / backgrounds", ge=0, le=1)
    max_outside_change: float = parameter(0.02, "mean absolute change outside the removed area, 0..1", ge=0, le=1)
    split_threshold: float | None = parameter(
        None, "cosine from which two objects must share a split; null: as sets were grouped", gt=0, lt=1
    )
    benchmark_threshold: float | None = parameter(
        None, "cosine from which a training object counts as one of the benchmark; null: split_threshold", gt=0, lt=1
    )
    max_second_leaks: float = parameter(
        0.05, "validation or benchmark objects that models.second_ir finds in training / all of them", ge=0, le=1
    )


class Model(Checkpoint):
    """Gate on scores: references matter, beyond chance."""

    section: ClassVar[str] = "gates.model"

    task: Literal["insertion", "generation"] = parameter("insertion", "whose scores are judged")
    metric: Literal["second_ir", "dino", "clip_i", "ir"] = parameter(
        "second_ir", "identity metric that decides; ir is the encoder that mined, which would judge its own choice"
    )
    min_gap: float = parameter(0.0, "the lower bound of the gap must lie above this", ge=-1, le=1)
    confidence: float = parameter(0.95, "of the two-sided interval", ge=0.5, lt=1)
    min_subjects: int = parameter(
        8, "subjects below which nothing is decided", "fewer starve a bootstrap", ge=2, le=10_000
    )
