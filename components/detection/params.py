"""Parameters of the detection stage."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from components.common.stage.params import ModelReference, Place, StageParams, parameter
from components.common.stage.shared import InParts, InThreads, OnDevice, StoredCrops

PHANTOM_DATA = "Phantom-Data (arXiv 2506.18851)"


class Finder(StageParams):
    """The model that finds objects."""

    section: ClassVar[str] = "models"

    detector: ModelReference = parameter(
        "ustc-community/dfine-large-obj365", "detector; empty if boxes come from elsewhere", "Apache-2.0"
    )


class Params(Finder, StoredCrops, OnDevice, InParts, InThreads):
    """Where boxes come from, which of them count, and how they are cut out."""

    section: ClassVar[str] = "detection"

    source: Literal["detector", "coco", "open_images", "labels", "salient", "whole"] = parameter(
        "detector",
        "where boxes come from; labels: the boxes of a table of labels. For photographs of single products, salient: a "
        "box around what stands out from the photograph's edge, else around the whole; whole: always around the whole",
    )
    annotations: Place = parameter(
        "",
        "source coco: its JSON; open_images: its CSV; labels: the table, as in ingest.labels; a path, s3:// or "
        "sandbox:NAME/FILE",
    )
    class_names: Place = parameter("", "Open Images' CSV of class codes and names; empty: categories keep their codes")
    score: float = parameter(0.5, "lowest detector confidence", "the paper says 'high'", ge=0, le=1)
    min_side: int = parameter(128, "shortest side of a box, px", PHANTOM_DATA, ge=1, le=10_000)
    min_share: float = parameter(0.04, "smallest share of the photograph that a box covers", PHANTOM_DATA, ge=0, le=1)
    max_share: float = parameter(0.9, "largest share of the photograph that a box covers", PHANTOM_DATA, gt=0, le=1)
    max_iou: float = parameter(
        0.8, "if two boxes have a larger IoU, the less certain one is dropped", PHANTOM_DATA, gt=0, lt=1
    )
    allow: tuple[str, ...] = parameter((), "categories to keep, in any case; empty: all")
    deny: tuple[str, ...] = parameter(
        ("person", "man", "woman", "boy", "girl", "human face", "human body"),
        "categories to drop, in any case",
        "people are not products, and have a right to privacy",
    )
    max_objects: int = parameter(20, "objects per photograph, the most certain first", ge=1, le=1_000)
    inset: float = parameter(
        0.03,
        "whole photographs: margin on each side, as a share of the side",
        "the box covers 88 %, below max_share",
        ge=0,
        lt=0.5,
    )
    batch: int = parameter(16, "photographs per forward pass of the detector", ge=1, le=1_024)

    def loads(self) -> list[str]:
        return ["detector"] if self.source == "detector" else []

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.source in ("coco", "open_images", "labels") and not self.annotations:
            raise ValueError(f"source = {self.source} needs annotations: name the file that holds them")
        if self.source == "detector" and not self.detector:
            raise ValueError("source = detector needs models.detector: sandbox:NAME, a folder or owner/name")
        if self.min_share >= self.max_share:
            raise ValueError(f"min_share {self.min_share} must be below max_share {self.max_share}")
        both = {name.lower() for name in self.allow} & {name.lower() for name in self.deny}
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot be in both allow and deny")
        return self
