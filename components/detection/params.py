"""Parameters of the detection stage."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from components.common.stage.params import StageParams


class Params(StageParams):
    """Defaults are for real photographs; those marked Phantom-Data are from arXiv 2506.18851, others are our own."""

    execution: ClassVar[frozenset[str]] = StageParams.execution | {"annotations", "class_names", "model", "revision"}
    """The digests of annotations and weights stand in for where they lie."""

    source: Literal["detector", "coco", "open_images", "whole"] = Field(
        default="detector",
        description="where boxes come from; whole: one box a photograph, for photographs of single products",
    )
    annotations: str = Field(
        default="",
        description="the COCO JSON or Open Images CSV: a path, s3:// or sandbox:NAME/FILE; for those two sources only",
    )
    class_names: str = Field(
        default="", description="Open Images' CSV of class codes and names; empty: categories keep their codes"
    )
    model: str = Field(
        default="ustc-community/dfine-large-obj365",
        description="detector: sandbox:NAME, a folder or a hub id; default: Apache-2.0, trained on Objects365",
    )
    revision: str = Field(default="", description="commit hash that pins a hub id")
    score: float = Field(default=0.5, ge=0.0, le=1.0, description="lowest detector confidence (paper: 'high')")
    min_side: int = Field(default=128, ge=1, le=10_000, description="shortest side of a box, px (Phantom-Data)")
    min_share: float = Field(
        default=0.04, ge=0.0, le=1.0, description="smallest share of the photograph a box covers (Phantom-Data)"
    )
    max_share: float = Field(
        default=0.90, gt=0.0, le=1.0, description="largest share of the photograph a box covers (Phantom-Data)"
    )
    nms_iou: float = Field(
        default=0.8, gt=0.0, le=1.0, description="of two boxes with a larger IoU the less certain goes (Phantom-Data)"
    )
    allow: tuple[str, ...] = Field(default=(), description="categories to keep, any case; empty: all")
    deny: tuple[str, ...] = Field(
        default=("person", "man", "woman", "boy", "girl", "human face", "human body"),
        description="categories to leave out, any case; default: people are no products, and have a right to privacy",
    )
    max_objects: int = Field(default=20, ge=1, le=1_000, description="objects a photograph, the most certain first")
    inset: float = Field(
        default=0.03,
        ge=0.0,
        lt=0.5,
        description="source whole: margin left out on each side, share of it; default: covers 88 %, below max_share",
    )
    crop_scale: float = Field(
        default=1.15, ge=1.0, le=2.0, description="sides of a crop / sides of its box; leaves room for imprecise boxes"
    )
    crop_side: int = Field(
        default=512, ge=16, le=4_096, description="longest side of a crop, px; larger ones are scaled down (grid cell)"
    )
    batch_size: int = Field(default=16, ge=1, le=1_024, description="photographs a forward pass of the detector")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    part_rows: int = Field(default=256, ge=1, le=100_000, description="photographs a part (shard)")
    workers: int = Field(default=4, ge=1, le=256, description="threads that decode and cut; do not change the result")

    def models(self) -> dict[str, str]:
        return {"model": "revision"} if self.source == "detector" else {}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.source in ("coco", "open_images") and not self.annotations:
            raise ValueError(f"source = {self.source} needs annotations: name the file that holds them")
        if self.source == "detector" and not self.model:
            raise ValueError("source = detector needs a model: name sandbox:NAME, a folder or a hub id")
        if self.min_share >= self.max_share:
            raise ValueError(f"min_share {self.min_share} must be below max_share {self.max_share}")
        both = {name.lower() for name in self.allow} & {name.lower() for name in self.deny}
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot be in both allow and deny")
        return self
