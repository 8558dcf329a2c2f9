"""Parameters of embedding."""

from typing import Literal

from pydantic import Field, model_validator

from components.common.stage.params import StageParams


class Params(StageParams):
    """How crops become vectors."""

    model: str = Field(
        default="facebook/dinov2-large",
        description="encoder: sandbox:NAME, a folder or a hub id of a transformers vision model (an open stand-in for "
        "the paper's GUIE encoder, arXiv 2210.08473, whose weights are on no hub)",
    )
    revision: str = Field(default="", description="pinned commit of a hub id; empty for folders and sandbox:NAME")
    framing: Literal["pad", "squash"] = Field(
        default="pad", description="how a crop becomes square; pad keeps proportions, squash is how GUIE was trained"
    )
    reserve: str = Field(
        default="",
        description="folder (or sandbox:NAME) of a benchmark, a COCO file: mining keeps its objects out of training. "
        "Empty: none",
    )
    reserve_scale: float = Field(
        default=1.15, ge=1, le=2, description="crop side / box side of benchmark objects; as detection.crop_scale"
    )
    mirror: bool = Field(
        default=True, description="mean of plain and mirrored view: blind to flips, as retrieval systems commonly do"
    )
    batch: int = Field(default=32, ge=1, le=4096, description="crops a forward pass (ours)")
    part_rows: int = Field(default=512, ge=1, le=1_000_000, description="objects a part, the unit of resume (ours)")
    workers: int = Field(default=2, ge=1, le=64, description="threads that decode crops")
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")

    def models(self) -> dict[str, str]:
        return {"model": "revision"}

    @model_validator(mode="after")
    def _whole_batches(self) -> "Params":
        if self.part_rows % self.batch:
            raise ValueError(f"part_rows = {self.part_rows} must be a multiple of batch = {self.batch}")
        return self
