"""The run's insertion model for people to try, and its stored results, newest first."""

import io
import json
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from PIL import Image

from components.common.data.files import read_json, write_atomically
from components.common.data.reading import is_complete
from components.common.errors import UserError
from components.inference.sources import Sides
from pipelines.engines.workspace import Workspace

if TYPE_CHECKING:
    from components.inference.model import TrainedModel

MODEL, FOLDER = "model_insertion", "playground"
RESULT, SCENE, RECORD = "result.png", "scene.webp", "made.json"
PREVIEW = 1600  # px, longest side of the scene stored with a result


@dataclass(frozen=True)
class Wish:
    """scene, references: bytes of files. boxes: one per reference, in its px, or None. box: px of the upright scene."""

    scene: bytes
    box: Sides
    references: Sequence[bytes]
    boxes: Sequence[Sides | None]
    seed: int
    steps: int
    guidance: float


@dataclass(frozen=True)
class Made:
    """A stored result. notes: the model's notes on it. seconds: how long drawing took."""

    id: str
    at: str
    by: str
    box: Sides
    seed: int
    steps: int
    guidance: float
    references: int
    notes: list[str]
    seconds: float
    width: int
    height: int


class Playground:
    """Safe to use from several threads: one picture is drawn at a time."""

    def __init__(self, workspace: Workspace):
        self._model_folder = workspace.dataset(MODEL)
        self.folder = workspace.root / "data" / FOLDER
        self._model: TrainedModel | None = None
        self._lock = Lock()
        self.step, self.steps = 0, 0

    @property
    def reason(self) -> str:
        """Why nothing can be drawn; empty if the model is there."""
        if is_complete(self._model_folder):
            return ""
        return f"There is no trained model in {self._model_folder}: run the pipeline `training` or `full` first."

    def draw(self, wish: Wish, by: str) -> Made:
        """Draws and stores the result. Raises `UserError` if a picture, the box or a number is not acceptable."""
        from components.inference.model import TrainedModel
        from components.inference.sources import Reference, read_source

        if self.reason:
            raise UserError(self.reason)
        references = [Reference(data, box) for data, box in zip(wish.references, wish.boxes, strict=True)]
        with self._lock:
            self._model = self._model or TrainedModel.load(self._model_folder)
            self.step, self.steps, start = 0, wish.steps, time.monotonic()
            settings = {"seed": wish.seed, "steps": wish.steps, "guidance": wish.guidance, "on_step": self._stepped}
            try:
                picture = self._model.insert(wish.scene, wish.box, references, **settings)
            finally:
                self.step, self.steps = 0, 0
            seconds = round(time.monotonic() - start, 2)
        made = Made(
            id=f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(6)}",
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            by=by,
            box=wish.box,
            seed=wish.seed,
            steps=wish.steps,
            guidance=wish.guidance,
            references=len(references),
            notes=picture.notes,
            seconds=seconds,
            width=picture.image.width,
            height=picture.image.height,
        )
        self._keep(made, picture.encoded(), read_source(wish.scene, "the scene").pixels)
        return made

    def history(self) -> list[Made]:
        """All results, newest first."""
        records = sorted(self.folder.glob(f"*/{RECORD}"), reverse=True)
        return [Made(**read_json(record)) for record in records]

    def file(self, made: str, name: str) -> Path | None:
        """The file of a result or of its scene; None if there is none."""
        path = self.folder / made / name
        return path if made in self._ids() and name in (RESULT, SCENE) and path.is_file() else None

    def forget(self, made: str) -> None:
        """Deletes a result with its scene."""
        if made in self._ids():
            shutil.rmtree(self.folder / made)

    def _ids(self) -> set[str]:
        return {record.parent.name for record in self.folder.glob(f"*/{RECORD}")}

    def _keep(self, made: Made, result: bytes, scene: Image.Image) -> None:
        folder = self.folder / made.id
        folder.mkdir(parents=True)
        write_atomically(folder / RESULT, result)
        scene.thumbnail((PREVIEW, PREVIEW))
        preview = io.BytesIO()
        scene.save(preview, "WEBP", quality=90)
        write_atomically(folder / SCENE, preview.getvalue())
        write_atomically(
            folder / RECORD, json.dumps(asdict(made)).encode()
        )  # written last: without it the others do not count

    def _stepped(self, *_: Any) -> None:
        self.step += 1
