"""Render settings: how many designs, photographs and samples each split of the world holds."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Split = Literal["pretrain", "corpus", "benchmark", "showroom"]
Device = Literal["cpu", "cuda"]
SPLITS: tuple[Split, ...] = ("benchmark", "corpus", "pretrain", "showroom")


class SplitParams(BaseModel):
    """What one split holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    designs: int = Field(ge=3, multiple_of=3, description="recurring designs, in confuser groups of three")
    views: float = Field(ge=1, le=12, description="mean photographs per design; every design gets floor or ceil of it")
    loners: int = Field(default=0, ge=0, description="photographs of an object that never recurs")
    pair_share: float = Field(default=0.35, ge=0, le=1, description="share of photographs with two objects")
    duplicate_share: float = Field(default=0.0, ge=0, le=0.2, description="injected near-duplicates per photograph")
    spp: int = Field(default=64, ge=1, le=4096, description="light paths per pixel, in four passes")
    sided: bool = Field(
        default=True,
        description="a third of the designs look different from behind; otherwise they have one look",
    )
    skins: bool = Field(
        default=False, description="also store what covers products and how they look in grey and in black"
    )
    fixed_main: bool = Field(
        default=False, description="object 0 is the subject, bystanders never recur, no cut objects"
    )


class RenderParams(BaseModel):
    """Everything that decides the look and size of the world, besides the seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: int = Field(default=128, ge=16, le=1024, description="photograph width and height, px")
    max_depth: int = Field(default=4, ge=2, le=16, description="longest light path, edges")
    photo_quality: int = Field(default=90, ge=50, le=100, description="JPEG quality of photographs")
    plate_quality: int = Field(default=88, ge=50, le=100, description="JPEG quality of clean plates")
    attempts: int = Field(
        default=60, ge=1, description="scenes tried for one photograph before giving up with an error"
    )
    pretrain: SplitParams = SplitParams(designs=180, views=5, spp=36, skins=True)
    corpus: SplitParams = SplitParams(designs=60, views=5.5, loners=40, duplicate_share=0.03, spp=36, sided=False)
    benchmark: SplitParams = SplitParams(designs=24, views=4, fixed_main=True)
    showroom: SplitParams = SplitParams(designs=1500, views=4, pair_share=0.6, spp=16, skins=True)

    def of(self, split: Split) -> SplitParams:
        """The settings of one split."""
        return getattr(self, split)
