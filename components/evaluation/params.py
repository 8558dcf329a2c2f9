"""Parameters of the evaluation stage."""

from typing import ClassVar, Self

from pydantic import model_validator

from components.common.references import CONTEXT, REFERENCE_SCALE
from components.common.stage.params import ModelReference, Places, StageParams, parameter
from components.common.stage.shared import Cells, Crops, Judge, KeptApart, Miner, OnDevice, Seeded

DREAMBENCH = "DreamBench"
REAL = "real-photograph"
"""Other real photographs of the subject in the result's place, as rows of the scores: the ceiling for any system."""
MODEL, SHUFFLED, PASTED = "objectmate", "shuffled-refs", "copy-paste"
"""The trained model, the same with another object's references, and the baseline that needs no model."""
RESERVED = (MODEL, "objectmate-1-ref", SHUFFLED, PASTED, "clean-plate", REAL)
"""Names of the systems that the stage scores itself."""
NO_BENCHMARK = "evaluation needs a benchmark: a folder with a COCO annotations.json, or sandbox:NAME"


class SemanticJudges(StageParams):
    """The encoders that metrics are named after."""

    section: ClassVar[str] = "models"

    clip: ModelReference = parameter(
        "openai/clip-vit-base-patch32", "encoder of CLIP-I and CLIP-T", DREAMBENCH, min_length=1
    )
    dino: ModelReference = parameter("facebook/dino-vits16", "encoder of the DINO score", DREAMBENCH, min_length=1)


class Params(SemanticJudges, Miner, Judge, KeptApart, Crops, Cells, OnDevice, Seeded):
    """What is judged, by which encoders, and how the models sample."""

    section: ClassVar[str] = "evaluation"

    context: float = parameter(
        CONTEXT,
        "side of the scene window / longer side of the box",
        "about the middle of assembly's default range",
        ge=1,
        le=4,
    )
    reference_scale: float = parameter(
        REFERENCE_SCALE,
        "side of a square reference crop / longer side of its box",
        "about the middle of assembly's default range",
        ge=1,
        le=4,
    )
    generation_crop: float = parameter(
        1.0,
        "share of a generated picture's side, around its centre, that identity metrics see",
        f"all of it, as {DREAMBENCH}",
        gt=0.1,
        le=1,
    )
    prompts_per_subject: int = parameter(2, "generated pictures per subject; DreamBench has 25 prompts", ge=1, le=25)
    limit: int = parameter(0, "most samples of each benchmark, spread evenly over subjects; 0: all", ge=0)
    steps: int = parameter(50, "denoising steps", ge=1, le=1000)
    guidance_refs: float = parameter(2.0, "weight of the references; 1: no guidance", "Alterbute", ge=1, le=20)
    guidance_text: float = parameter(7.5, "weight of the prompt (generation); 1: none", "Alterbute", ge=1, le=20)
    batch: int = parameter(16, "samples denoised and embedded together", ge=1, le=1024)
    outside: Places = parameter(
        {}, "other systems: name -> folder with one picture SAMPLE.png for each sample of a benchmark"
    )

    @model_validator(mode="after")
    def _judge_is_not_the_miner(self) -> Self:
        if {self.clip, self.dino, self.second_ir} == {self.ir}:
            raise ValueError(
                "models.clip, dino and second_ir are all the mining encoder models.ir; at least one judge must be "
                "another encoder"
            )
        return self

    @model_validator(mode="after")
    def _outside_names_are_free(self) -> Self:
        taken = sorted(set(self.outside) & set(RESERVED))
        if taken:
            raise ValueError(f"outside names {', '.join(taken)} belong to the stage; choose any other name")
        return self

    @model_validator(mode="after")
    def _crop_fits_the_window(self) -> Self:
        if self.crop_scale > self.context:
            raise ValueError(f"crop_scale {self.crop_scale} exceeds the window's context {self.context}; it must not")
        return self
