"""Parameters of removal."""

from typing import Literal

from pydantic import Field, model_validator

from components.common.stage.params import StageParams

MODEL_SIDE_STEP = 16


class Params(StageParams):
    """Which remover, where it may change the photograph, and how its result is judged."""

    kind: Literal["opencv", "residual", "inpaint"] = Field(
        default="inpaint",
        description="opencv: classical inpainting. residual: a UNet2DModel that corrects the classical fill. "
        "inpaint: a diffusers inpainting pipeline",
    )
    model: str | None = Field(
        default="diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
        description="weights: sandbox:NAME, folder or hub id; none for opencv. Source: RORem builds on this pipeline",
    )
    revision: str | None = Field(default=None, description="commit hash of `model` on the hub")
    unet: str | None = Field(
        default="LetsThink/RORem",
        description="inpaint: UNet2DConditionModel that replaces the pipeline's own. Source: RORem, arXiv 2501.00740",
    )
    unet_revision: str | None = Field(default=None, description="commit hash of `unet` on the hub")
    algorithm: Literal["telea", "navier-stokes"] = Field(
        default="telea", description="opencv: how colours are carried into the box. Source: lower error on the sandbox"
    )
    size: int = Field(
        default=512,
        ge=MODEL_SIDE_STEP,
        le=2048,
        multiple_of=MODEL_SIDE_STEP,
        description="px, side of the square that the remover works on; smaller windows are widened up to the "
        "photograph, never enlarged beyond it. Source: RORem's inference script",
    )
    window_scale: float = Field(
        default=2.5, ge=1.2, le=8, description="side of the window around the object / longer side of its box. Ours"
    )
    mask_scale: float = Field(
        default=1.12, ge=1, le=2, description="sides of the erased rectangle / sides of the box. Ours, sandbox study"
    )
    mask_margin: int = Field(default=3, ge=0, le=64, description="px added to the erased rectangle on every side. Ours")
    allowed_scale: float = Field(
        default=1.7,
        ge=1,
        le=4,
        description="sides of the area that may change (shadows, reflections) / sides of the box. Ours, sandbox study",
    )
    steps: int = Field(default=50, ge=1, le=1000, description="inpaint: denoising steps. Source: RORem")
    guidance: float = Field(
        default=1.0, ge=0, le=30, description="inpaint: classifier-free guidance; 1 is none. Source: RORem"
    )
    strength: float = Field(
        default=0.99, gt=0, le=1, description="inpaint: share of the noise schedule that is run. Source: RORem"
    )
    judge: str = Field(
        default="facebook/dinov2-base",
        description="encoder that says how much of the object is left: sandbox:NAME, folder or hub id",
    )
    judge_revision: str | None = Field(default=None, description="commit hash of `judge` on the hub")
    seed: int = Field(default=0, ge=0, description="seed of the noise; each object has its own draw")
    part_rows: int = Field(default=128, ge=1, le=100_000, description="objects a part: what a killed run loses at most")
    device: str = Field(default="cpu", description="torch device: cpu, cuda, cuda:1 or auto")

    def models(self) -> dict[str, str]:
        remover = {} if self.kind == "opencv" else {"model": "revision"}
        unet = {"unet": "unet_revision"} if self.kind == "inpaint" and self.unet else {}
        return remover | unet | {"judge": "judge_revision"}

    @model_validator(mode="after")
    def _fits_together(self) -> "Params":
        if self.kind != "opencv" and not self.model:
            raise ValueError(f"kind = {self.kind} needs a model: sandbox:NAME, a folder or a hub id")
        if self.window_scale < self.allowed_scale:
            raise ValueError(
                f"window_scale = {self.window_scale} is below allowed_scale = {self.allowed_scale}: "
                "the remover must see all that it may change"
            )
        if self.allowed_scale < self.mask_scale:
            raise ValueError(
                f"allowed_scale = {self.allowed_scale} is below mask_scale = {self.mask_scale}: "
                "what is erased must be allowed to change"
            )
        return self
