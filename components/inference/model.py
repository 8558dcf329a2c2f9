"""A trained model for people: scenes and references in, pictures out, at the scene's own resolution."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image
from transformers import CLIPTextModel, PreTrainedTokenizerBase

from components.common.computing import pick_device
from components.common.diffusion.pipeline import GridPipeline
from components.common.errors import UserError
from components.common.vision.models import from_pretrained
from components.inference.colours import from_srgb, to_srgb
from components.inference.locating import Found, find_model
from components.inference.picture import MadePicture
from components.inference.requests import AnyRequest, Generation, Insertion, origin_of_request
from components.inference.sources import (
    Given,
    Reference,
    Sides,
    check_side,
    checked_box,
    name_of,
    read_source,
    reference_square,
)
from components.inference.windows import Window, window_of

References: TypeAlias = Sequence[Given | Reference]
OnStep: TypeAlias = Callable[[], object]
COMMAND = {"insertion": "insert", "generation": "generate"}
"""Task -> the command, and the method, that does it."""
COARSE = 1.5
"""Scene pixels per pixel of the model from which a note warns of a coarse object."""


@dataclass(frozen=True)
class TrainedModel:
    """A model that `training` made, ready to draw. Only one thread may use it at a time."""

    pipeline: GridPipeline
    found: Found

    @classmethod
    def load(cls, reference: str | Path, device: str = "auto") -> "TrainedModel":
        """The model of a dataset's folder, `models:/NAME/VERSION`, `models:/NAME@ALIAS` or a pipeline's folder.

        device: cpu, cuda or auto. Raises `UserError` if there is no such model.
        """
        return cls.of(find_model(str(reference)), device)

    @classmethod
    def of(cls, found: Found, device: str = "auto") -> "TrainedModel":
        """The model that was found."""
        pipeline = from_pretrained(GridPipeline, str(found.pipeline))
        pipeline.set_progress_bar_config(disable=True)
        return cls(pipeline.to(pick_device(device)), found)

    @property
    def task(self) -> str:
        """insertion or generation."""
        return "insertion" if self.pipeline.inserts else "generation"

    @property
    def cell(self) -> int:
        """Side of what the model draws, px."""
        return self.pipeline.cell

    def insert(self, scene: Given, box: Sides, references: References, **settings: Any) -> MadePicture:
        """The scene with the object in the box; every pixel outside the box is the scene's.

        scene: a PIL image, a picture's path or its bytes. box: x, y, w, h in px of the upright scene. references: one
        to three pictures of the object, each as it is or as a `Reference` with a box. settings: seed, steps, guidance,
        context, margin (see `requests.Insertion`), on_step (see `draw`). Raises `UserError`, as `draw` does.
        """
        on_step = settings.pop("on_step", None)
        return self.draw(Insertion(scene=scene, box=box, references=_named(references), **settings), on_step)

    def generate(self, prompt: str, references: References, **settings: Any) -> MadePicture:
        """A picture of the object as the prompt says, cell x cell px.

        settings: seed, steps, guidance, guidance_text (see `requests.Generation`), on_step (see `draw`). Raises
        `UserError`, as `draw` does.
        """
        on_step = settings.pop("on_step", None)
        return self.draw(Generation(prompt=prompt, references=_named(references), **settings), on_step)

    def draw(self, request: AnyRequest, on_step: OnStep | None = None) -> MadePicture:
        """The picture of a request. on_step: called after each sampler step.

        Raises `UserError` if a picture, a box or a number cannot be used, or the model was trained for the other task.
        """
        self.check_task(request.task)
        request.check()
        cut = [reference_square(reference, f"reference {k}") for k, reference in enumerate(request.references, 1)]
        squares, notes = [square for square, _ in cut], [note for _, own_notes in cut for note in own_notes]
        picture = (
            self._insert(request, squares, on_step)
            if isinstance(request, Insertion)
            else self._generate(request, squares, on_step)
        )
        picture.notes[:0] = notes
        return picture

    def check_task(self, task: str) -> None:
        """Raises `UserError` if the model was trained for the other task."""
        if task != self.task:
            raise UserError(
                f"{self.found.name} was trained for {self.task}: use it with `{COMMAND[self.task]}`, or name a model "
                f"for {task}, such as data/model_{task}"
            )

    def _insert(self, request: Insertion, squares: list[Image.Image], on_step: OnStep | None) -> MadePicture:
        source = read_source(request.scene, "the scene")
        box = checked_box(request.box, source.size, name_of(request.scene, "the scene"))
        window = window_of(box, request.context, *source.size)
        check_side(window.square.w, name_of(request.scene, "the scene"))
        background = to_srgb(window.cut(source.pixels), source.profile)
        drawn = self._run(request, squares, on_step, background=background, mask=window.mask(self.cell))
        window.put_back(source.pixels, from_srgb(drawn, source.profile), request.margin)
        return MadePicture(
            image=source.pixels,
            origin=origin_of_request(request, self.found),
            notes=[*source.notes, *self._expectations(source.pixels, window)],
            profile=source.profile,
            rights=source.rights,
            compression=source.compression,
        )

    def _generate(self, request: Generation, squares: list[Image.Image], on_step: OnStep | None) -> MadePicture:
        drawn = self._run(request, squares, on_step, prompt=request.prompt, guidance_text=request.guidance_text)
        notes = [f"this model draws {self.cell} x {self.cell} px, and the picture has this size"]
        notes += _unread(request.prompt, self.pipeline.tokenizer, self.pipeline.text_encoder)
        return MadePicture(image=drawn, origin=origin_of_request(request, self.found), notes=notes)

    def _run(
        self, request: AnyRequest, squares: list[Image.Image], on_step: OnStep | None, **inputs: Any
    ) -> Image.Image:
        [drawn] = self.pipeline(
            [squares],
            num_inference_steps=request.steps,
            guidance_refs=request.guidance,
            seeds=[request.seed],
            on_step=on_step,
            **inputs,
        )
        return drawn

    def _expectations(self, scene: Image.Image, window: Window) -> list[str]:
        notes = []
        side = int(window.square.w)
        if side / self.cell >= COARSE:
            notes.append(
                f"the model draws {self.cell} x {self.cell} px, and the square around the box has {side} x {side}: "
                f"expect the object {side / self.cell:.1f} times as coarse as the scene"
            )
        if window.square.x < 0 or window.square.y < 0:
            notes.append("the box is longer than the scene's shorter side: the model saw the scene's edge repeated")
        if scene.mode == "RGBA" and scene.getchannel("A").crop(window.pixels).getextrema() != (255, 255):
            notes.append("the scene is transparent in the box, and stays so: the object shows where it is opaque")
        return notes


def _unread(prompt: str, tokenizer: PreTrainedTokenizerBase, encoder: CLIPTextModel) -> list[str]:
    """Notes on what the model does not read of a prompt: unknown words, and tokens beyond its limit."""
    notes = []
    words = dict.fromkeys(re.findall(r"\w+", prompt))
    unknown = [w for w in words if tokenizer.unk_token_id in tokenizer(w, add_special_tokens=False).input_ids]
    if unknown:
        notes.append(f"the model does not know these words of the prompt: {', '.join(unknown)}")
    length, most = len(tokenizer(prompt).input_ids), encoder.config.max_position_embeddings
    if length > most:
        notes.append(f"the prompt has {length} tokens, and the model reads the first {most}")
    return notes


def _named(references: References) -> list[Reference]:
    return [each if isinstance(each, Reference) else Reference(each) for each in references]
