"""Parameters of the evaluation stage."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.common.stage.params import StageParams

RESERVED = ("objectmate", "objectmate-1-ref", "shuffled-refs", "copy-paste", "clean-plate")
"""Names of the systems that the stage runs itself."""


class Params(StageParams):
    """What is judged, by which encoders, and how the models sample. Defaults are for pre-trained models on a GPU."""

    benchmark: str = Field(
        default="sandbox:benchmark",
        description="folder with annotations.json (COCO with design, plate and caption), or sandbox:NAME",
    )
    side: int = Field(
        default=256,
        ge=16,
        le=2048,
        description="px; side of the square windows that systems see and are judged at; default: the grid's cell",
    )
    context: float = Field(
        default=1.7,
        ge=1.0,
        le=4.0,
        description="side of the scene window / longer side of the box; default: middle of what training saw",
    )
    reference_scale: float = Field(
        default=1.15,
        ge=1.0,
        le=4.0,
        description="side of a square reference crop / longer side of its box; default: middle of what training saw",
    )
    crop_scale: float = Field(
        default=1.15,
        ge=1.0,
        le=2.0,
        description="both sides of the box are multiplied by this before identity metrics compare result and truth",
    )
    generation_crop: float = Field(
        default=1.0,
        gt=0.1,
        le=1.0,
        description="share of a generated picture's side, about its centre, that identity metrics see; "
        "1 = all of it, as DreamBench does",
    )
    prompts_per_subject: int = Field(
        default=2, ge=1, le=25, description="generated pictures a subject; DreamBench has 25 prompts"
    )
    framing: Literal["pad", "squash"] = Field(
        default="pad", description="how a crop becomes an encoder's square: bordered whole, or stretched"
    )
    limit: int = Field(
        default=0, ge=0, description="samples of each benchmark at most, dealt evenly to subjects; 0 = all"
    )
    clip: str = Field(default="openai/clip-vit-base-patch32", description="CLIP-I and CLIP-T; default: DreamBench's")
    clip_revision: str | None = Field(default=None, description="commit hash, needed where clip is a hub id")
    dino: str = Field(default="facebook/dino-vits16", description="DINO score; default: DreamBench's")
    dino_revision: str | None = Field(default=None, description="commit hash, needed where dino is a hub id")
    ir: str = Field(default="sandbox:ir", description="instance-retrieval encoder, the one that mined")
    ir_revision: str | None = Field(default=None, description="commit hash, needed where ir is a hub id")
    second_ir: str = Field(
        default="facebook/dinov2-base", description="an instance encoder that did not mine: the independent judge"
    )
    second_ir_revision: str | None = Field(default=None, description="commit hash, needed where second_ir is a hub id")
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps; default: common practice")
    guidance_refs: float = Field(
        default=2.0, ge=1.0, le=20.0, description="weight of references, 1 = no guidance; default: Alterbute"
    )
    guidance_text: float = Field(
        default=7.5, ge=1.0, le=20.0, description="weight of the prompt (generation), 1 = none; default: Alterbute"
    )
    seed: int = Field(default=0, ge=0, description="of noise, shuffled references, prompts and bootstrap")
    batch: int = Field(default=16, ge=1, le=1024, description="samples denoised and embedded together")
    outside: dict[str, str] = Field(
        default={},
        description="other systems: name -> folder with one picture SAMPLE.png for each sample of a benchmark",
    )
    device: str = Field(default="auto", description="where to compute: cpu, cuda, cuda:1, or auto")

    def models(self) -> dict[str, str]:
        return {name: f"{name}_revision" for name in ("clip", "dino", "ir", "second_ir")}

    @model_validator(mode="after")
    def _judge_is_not_the_miner(self) -> Self:
        others = [(self.clip, self.clip_revision), (self.dino, self.dino_revision)]
        others.append((self.second_ir, self.second_ir_revision))
        if all(other == (self.ir, self.ir_revision) for other in others):
            raise ValueError(
                "clip, dino and second_ir are all the mining encoder ir; at least one judge must be another encoder"
            )
        return self

    @model_validator(mode="after")
    def _outside_names_are_free(self) -> Self:
        taken = sorted(set(self.outside) & set(RESERVED))
        if taken:
            raise ValueError(f"outside names {', '.join(taken)} belong to the stage; allowed is any other name")
        return self

    @model_validator(mode="after")
    def _crop_fits_the_window(self) -> Self:
        if self.crop_scale > self.context:
            raise ValueError(f"crop_scale {self.crop_scale} exceeds the window's context {self.context}; allowed: <=")
        return self
