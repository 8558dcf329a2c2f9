"""Requests to a model, with their settings, and the origin that the picture will have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from components.common.errors import UserError
from components.common.references import CONTEXT, REFERENCES
from components.common.vision.geometry import box_text
from components.common.vision.origin import Origin
from components.inference import GUIDANCE, GUIDANCE_TEXT, STEPS
from components.inference.locating import Found
from components.inference.sources import Given, Reference, Sides, check_file, digest_of

LONGEST_PROMPT = 2000
"""Characters; a model reads fewer, and a JPEG has no room for many more."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What both tasks need.

    references: one to three pictures of the object, each with the box that it fills, if not the picture. seed: equal
    seeds give equal pictures. steps: sampler steps. guidance: weight of the references, 1: what the model gives them.
    """

    references: Sequence[Reference]
    seed: int = 0
    steps: int = STEPS
    guidance: float = GUIDANCE
    task: ClassVar[str]

    def check(self) -> None:
        """Raises `UserError` if a number is out of its range."""
        if not 1 <= len(self.references) <= REFERENCES:
            raise UserError(f"{len(self.references)} references: give one to {REFERENCES} pictures of the object")
        for name, value, low, high in self._ranges():
            if not low <= value <= high:
                raise UserError(f"{name} is {value:g}: give a number from {low} to {high}")

    def check_files(self) -> None:
        """Raises `UserError` if a picture's file cannot be opened; nothing is read."""
        for reference in self.references:
            check_file(reference.picture)

    def _ranges(self) -> list[tuple[str, float, int, int]]:
        return [("steps", self.steps, 1, 1000), ("guidance", self.guidance, 1, 20), ("seed", self.seed, 0, 2**63 - 1)]


@dataclass(frozen=True, kw_only=True)
class Insertion(Request):
    """An object into a scene.

    box: where, in px of the upright scene. context: side of the square that the model sees / longer side of the box.
    margin: width of what may change around the box / longer side of the box; no pixel beyond it does.
    """

    scene: Given
    box: Sides
    context: float = CONTEXT
    margin: float = 0.0
    task: ClassVar[str] = "insertion"

    def check_files(self) -> None:
        check_file(self.scene)
        super().check_files()

    def _ranges(self) -> list[tuple[str, float, int, int]]:
        return [*super()._ranges(), ("context", self.context, 1, 8), ("margin", self.margin, 0, 1)]


@dataclass(frozen=True, kw_only=True)
class Generation(Request):
    """An object drawn from a prompt. guidance_text: weight of the prompt, 1: what the model gives it."""

    prompt: str
    guidance_text: float = GUIDANCE_TEXT
    task: ClassVar[str] = "generation"

    def check(self) -> None:
        super().check()
        if not self.prompt.strip() or len(self.prompt) > LONGEST_PROMPT:
            raise UserError(f"the prompt has {len(self.prompt)} characters: say in 1 to {LONGEST_PROMPT} what to draw")

    def _ranges(self) -> list[tuple[str, float, int, int]]:
        return [*super()._ranges(), ("guidance-text", self.guidance_text, 1, 20)]


AnyRequest: TypeAlias = Insertion | Generation


def origin_of_request(request: AnyRequest, model: Found) -> Origin:
    """The origin of the picture that the model will make. Raises `UserError` if a file cannot be read."""
    special = (
        {
            "scene": digest_of(request.scene),
            "box": box_text(request.box),
            "context": float(request.context),
            "margin": float(request.margin),
        }
        if isinstance(request, Insertion)
        else {"prompt": request.prompt, "guidance_text": float(request.guidance_text)}
    )
    return Origin(
        task=request.task,
        model=model.digest,
        model_name=model.label,
        trained_on=model.trained_on,
        references=tuple(digest_of(reference.picture) for reference in request.references),
        boxes=tuple(box_text(reference.box) if reference.box else "-" for reference in request.references),
        seed=request.seed,
        steps=request.steps,
        guidance=float(request.guidance),
        **special,  # type: ignore[arg-type]
    )
