"""A workspace whose precision gate has run on real datasets: 24 photographs, an object in each, 20 sets of three views.

Photographs 0 to 11 show one product and 12 to 23 another, so that a pair is right if both are on the same side.
"""

import json
from collections.abc import Sequence
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any

import numpy as np
from picture_rows import image_row
from PIL import Image

from components.common.data.digests import content_key
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import GateStop
from components.common.stage.running import execute
from components.common.vision.images import dhashes, encode_png, thumbnail
from components.gates.draws import lot_of
from pipelines.engines.identity import Identity
from pipelines.engines.workspace import Workspace
from pipelines.labelling.session import Session
from pipelines.parameters import read_step, render, resolve
from pipelines.steps import STEPS, Step

COUNT, SETS, SIDE = 24, 20, 64
SETTINGS = {"gates.recurrence.min_precision": 0.6, "gates.recurrence.expected_precision": 0.9}
"""With these, nine right draws pass, and five wrong ones fail."""
PASSES, FAILS = 9, 5
RUN = Workspace(Path("runs/mugs-1"))
FILE = Path("runs/mugs-1/verdicts.csv")
"""The run of the fixture `undecided`, and the file that its answers go to, as seen from the current folder."""
REAL = ("judgement", "gate_recurrence")
Content = tuple[list[dict[str, Any]], dict[str, Any]]
"""Rows, and what is stored beside them."""


def make_run(root: Path, named: Sequence[int] = (), **settings: Any) -> Workspace:
    """The workspace `root` after a run up to the gate. named: photographs whose product labels tell.

    settings: of the run, beside `SETTINGS`, with `__` for dots.
    """
    root.mkdir(parents=True, exist_ok=True)
    chosen = SETTINGS | {key.replace("__", "."): value for key, value in settings.items()}
    Identity("../../photos", "", "sandbox", chosen).write(Workspace(root))
    Workspace(root).params.write_text(render(resolve("sandbox", chosen)))
    with chdir(root):
        contents = _contents(named)
        for step in STEPS.values():
            _run(Workspace(Path()), step, contents)
            if step.name == "gate_recurrence":
                break
    return Workspace(root)


def draws(workspace: Workspace) -> list[tuple[int, int]]:
    """The objects of each draw, in order: anchor and view."""
    lot = lot_of(Dataset(workspace.dataset("sets")), Dataset(workspace.dataset("objects")))
    return [tuple(lot.pair(reference)) for reference in lot.draws(SETS)]


def _run(workspace: Workspace, step: Step, contents: dict[str, Content]) -> None:
    """Runs a step of `REAL`; for any other writes what it would have left behind."""
    params, inputs, outputs = read_step(workspace.params, step), workspace.inputs(step), workspace.outputs(step)
    if step.name in REAL:
        with suppress(GateStop):
            execute(step.stage, params, inputs, outputs, workspace.report(step))
        return
    for role, folder in outputs.items():
        rows, beside = contents.get(folder.name, ([], {}))
        with Writer(folder, step.stage.outputs[role], step.name, inputs, params) as out:
            window = {"low": 0.93, "high": 0.975, "passed": None, "target": 0.8, "encoder": "e"}
            count = len(contents["identities"][0])
            out.facts = window | {"label_rows": count, "labels": count, "labelled_objects": count}
            out.write(0, rows, **beside)
    workspace.report(step).mkdir(parents=True)
    workspace.record(step).write_text(json.dumps({"stage": step.name}))


def _contents(named: Sequence[int]) -> dict[str, Content]:
    pictures = [_picture(number) for number in range(COUNT)]
    images, photographs = zip(*(image_row(picture, f"{n}.png") for n, picture in enumerate(pictures)), strict=True)
    crops = [_picture(100 + number) for number in range(COUNT)]
    objects = [
        _object(number, row["image_id"], crop) for number, (row, crop) in enumerate(zip(images, crops, strict=True))
    ]
    sets = [_set(anchor) for anchor in range(COUNT) if anchor % 12 < SETS // 2]
    identities = [{"row": row, "subject": f"product {row // 12}", "photograph": row} for row in named]
    stored = [{"image.png": data} for data in photographs]
    return {
        "images": (list(images), {"blobs": stored, "vectors": np.array([thumbnail(picture) for picture in pictures])}),
        "objects": (objects, {"blobs": [{"crop.png": encode_png(crop)} for crop in crops]}),
        "sets": (sets, {}),
        "identities": (identities, {}),
    }


def _picture(seed: int) -> Image.Image:
    grid = np.random.default_rng(seed).integers(0, 255, (5, 5, 3), np.uint8)
    return Image.fromarray(grid).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _object(row: int, image_id: str, crop: Image.Image) -> dict[str, Any]:
    plain, flipped = dhashes(crop)
    box = {"x": 8.1, "y": 9.3, "w": 40.7, "h": 30.0}  # which no float holds exactly
    rest = {"category": "mug", "score": 1.0, "dhash": plain, "dhash_flipped": flipped}
    return {"object_id": content_key("object", row)[:32], "row": row, "image_id": image_id} | box | rest


def _set(anchor: int) -> dict[str, Any]:
    """Two views of the anchor's product and one of the other; no two sets show the same pair."""
    side = anchor // 12 * 12
    other = anchor + 12 if anchor < 12 else (anchor + 6) % 12
    views = [side + (anchor + 1) % 12, side + (anchor + 2) % 12, other]
    return {"anchor": anchor, "views": views, "similarities": [0.95] * 3, "category": "mug", "group": 0}


def answer(session: Session, *words: str) -> None:
    """Answers the pairs that the session asks for."""
    for word in words:
        pair = session.following()
        assert pair
        session.answer(pair, word)  # type: ignore[arg-type]


def rename_verdicts(file: str) -> None:
    """Has the run name this file of verdicts."""
    text = RUN.params.read_text()
    RUN.params.write_text(text.replace("verdicts: ''", f"verdicts: {file}"))
