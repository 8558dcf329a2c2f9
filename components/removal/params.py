"""Parameters of removal."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from components.common.stage.params import ModelReference, StageParams, parameter
from components.common.stage.shared import Framed, InParts, Judge, OnDevice, Seeded

MODEL_SIDE_STEP = 16
ROREM = "RORem (arXiv 2501.00740)"


class RemoverModels(StageParams):
    """The models that remove."""

    section: ClassVar[str] = "models"

    remover: ModelReference = parameter(
        "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
        "removal.kind residual: a UNet2DModel; inpaint: a diffusers inpainting pipeline; opencv: unused",
        f"{ROREM} builds on it",
    )
    remover_unet: ModelReference = parameter(
        "LetsThink/RORem", "removal.kind inpaint: UNet that replaces the pipeline's own; empty: its own", ROREM
    )


class Params(RemoverModels, Judge, Framed, OnDevice, InParts, Seeded):
    """Which remover, where it may change the photograph, and how its result is judged."""

    section: ClassVar[str] = "removal"

    kind: Literal["opencv", "residual", "inpaint"] = parameter(
        "inpaint",
        "opencv: classical inpainting. residual: a UNet2DModel that corrects the classical fill. inpaint: a diffusers "
        "inpainting pipeline",
    )
    algorithm: Literal["telea", "navier-stokes"] = parameter(
        "telea", "opencv: how colours spread into the box", "lower error on the rendered world"
    )
    size: int = parameter(
        512,
        "side of the square that the remover works on, px; smaller windows are widened to it, as far as the "
        "photograph allows",
        f"{ROREM}, inference script",
        ge=MODEL_SIDE_STEP,
        le=2048,
        multiple_of=MODEL_SIDE_STEP,
    )
    window_scale: float = parameter(2.5, "side of the window around the object / longer side of its box", ge=1.2, le=8)
    mask_scale: float = parameter(1.12, "side of the erased rectangle / side of the box", ge=1, le=2)
    mask_margin: int = parameter(3, "px added to the erased rectangle on every side", ge=0, le=64)
    allowed_scale: float = parameter(
        1.7, "side of the area that may change (shadows, reflections) / side of the box", ge=1, le=4
    )
    max_erased: float = parameter(
        0.8,
        "largest erased share of the window around the object: beyond it, nothing is left to fill from, and the object "
        "gets no background",
        gt=0,
        le=1,
    )
    steps: int = parameter(50, "inpaint: denoising steps", ROREM, ge=1, le=1000)
    guidance: float = parameter(1.0, "inpaint: classifier-free guidance; 1 is none", ROREM, ge=0, le=30)
    strength: float = parameter(0.99, "inpaint: share of the noise schedule that is run", ROREM, gt=0, le=1)

    def loads(self) -> list[str]:
        models = {"opencv": [], "residual": ["remover"], "inpaint": ["remover", "remover_unet"]}[self.kind]
        return [name for name in models if getattr(self, name)] + ["second_ir"]

    def left_out(self) -> dict[str, frozenset[str]]:
        return {"remover": frozenset({"unet"})} if self.kind == "inpaint" and self.remover_unet else {}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.kind != "opencv" and not self.remover:
            raise ValueError(f"kind = {self.kind} needs models.remover: sandbox:NAME, a folder or owner/name")
        if self.window_scale < self.allowed_scale:
            raise ValueError(
                f"window_scale = {self.window_scale} is below allowed_scale = {self.allowed_scale}: "
                "the remover must see everything that it may change"
            )
        if self.allowed_scale < self.mask_scale:
            raise ValueError(
                f"allowed_scale = {self.allowed_scale} is below mask_scale = {self.mask_scale}: "
                "what is erased must be allowed to change"
            )
        return self
