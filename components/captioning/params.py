"""Parameters of captioning."""

from typing import Literal

from pydantic import Field, model_validator

from components.common.stage.params import StageParams


class Params(StageParams):
    """Which captioner looks at how much of the photograph, and how its words are cleaned."""

    kind: Literal["transformers", "category"] = Field(
        default="transformers",
        description='transformers: an image-to-text model. category: the words "a CATEGORY", without a model',
    )
    model: str | None = Field(
        default="florence-community/Florence-2-base",
        description="captioner: sandbox:NAME, folder or hub id; none for category. The paper names none; ours, MIT",
    )
    revision: str | None = Field(default=None, description="commit hash of `model` on the hub")
    prompt: str = Field(
        default="<CAPTION>",
        max_length=200,
        description="text given with each picture; empty for BLIP and GIT. Florence-2",
    )
    window_scale: float = Field(
        default=2.0, ge=1, le=8, description="side of the window that is captioned / longer side of the box. Ours"
    )
    max_tokens: int = Field(default=64, ge=4, le=512, description="longest answer of the model, tokens. Ours")
    max_characters: int = Field(
        default=240, ge=20, le=2000, description="longest caption; CLIP reads 77 tokens, about this many characters"
    )
    batch_size: int = Field(default=16, ge=1, le=512, description="pictures a forward pass")
    part_rows: int = Field(default=256, ge=1, le=100_000, description="objects a part: what a killed run loses at most")
    device: str = Field(default="cpu", description="torch device: cpu, cuda, cuda:1 or auto")

    def models(self) -> dict[str, str]:
        return {"model": "revision"} if self.kind == "transformers" else {}

    @model_validator(mode="after")
    def _has_model(self) -> "Params":
        if self.kind == "transformers" and not self.model:
            raise ValueError("kind = transformers needs a model: sandbox:NAME, a folder or a hub id")
        return self
