"""Parameters of captioning."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from components.common.stage.params import ModelReference, StageParams, parameter
from components.common.stage.shared import InParts, OnDevice


class CaptionModel(StageParams):
    """The model that captions."""

    section: ClassVar[str] = "models"

    captioner: ModelReference = parameter(
        "florence-community/Florence-2-base", "image-to-text model; captioning.kind category: unused", "MIT licence"
    )


class Params(CaptionModel, OnDevice, InParts):
    """Which captioner sees how much of the photograph, and how its text is cleaned."""

    section: ClassVar[str] = "captioning"

    kind: Literal["transformers", "category"] = parameter(
        "transformers", "transformers: an image-to-text model. category: the words 'a CATEGORY', without a model"
    )
    prompt: str = parameter(
        "<CAPTION>", "text given with each picture; empty for BLIP and GIT", "Florence-2's", max_length=200
    )
    window_scale: float = parameter(2.0, "side of the window that is captioned / longer side of the box", ge=1, le=8)
    max_tokens: int = parameter(64, "longest answer of the model, tokens", ge=4, le=512)
    max_characters: int = parameter(240, "longest caption, characters", "about CLIP's 77 tokens", ge=20, le=2000)
    batch: int = parameter(16, "pictures per forward pass", ge=1, le=512)

    def loads(self) -> list[str]:
        return ["captioner"] if self.kind == "transformers" else []

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        if self.kind == "transformers" and not self.captioner:
            raise ValueError("kind = transformers needs models.captioner: sandbox:NAME, a folder or owner/name")
        return self
