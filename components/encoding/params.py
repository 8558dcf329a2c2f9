"""Parameters of encoding."""

from typing import Literal

from pydantic import Field

from components.common.stage.params import StageParams


class Params(StageParams):
    """How tuples become latents."""

    base: str = Field(
        default="stable-diffusion-v1-5/stable-diffusion-v1-5",
        description="model whose autoencoder, tokenizer and text encoder are used: sandbox:NAME, a folder or a hub id",
    )
    revision: str | None = Field(
        default="451f4fe16113bff5a5d2269ed5ad43b0592e9a14", description="pinned commit of a hub id"
    )
    cell: int = Field(
        default=256, ge=16, le=1024, multiple_of=8,
        description="side of a grid cell, px; default: 512 costs 5.8 times as much a step (own count); Alterbute 512",
    )  # fmt: skip
    part_rows: int = Field(default=512, ge=1, le=65536, description="tuples a part: what a kill loses at most")
    batch: int = Field(default=8, ge=1, le=256, description="tuples a forward pass (five cells each)")
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="where to compute")

    def models(self) -> dict[str, str]:
        return {"base": "revision"}
