"""Labelled crops of finished runs: what a head is trained and measured on."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.errors import UserError
from components.common.vision.images import stored_picture


class Crop(NamedTuple):
    """A labelled object as the pipeline sees it. subject: its product; one that never recurs has its own name. run: the
    run's name."""

    object_id: str
    picture: Image.Image
    subject: str
    run: str


def labelled_crops(runs: Sequence[Path]) -> list[Crop]:
    """The labelled objects of runs (workspaces whose calibration is done), in the order of their rows.

    The others may be any product, so that nothing can be learnt from them.

    Raises `UserError` if a run has no calibration yet, or no two objects of any run are labelled as one product.
    """
    crops = [crop for run in runs for crop in _of_run(run)]
    subjects = [crop.subject for crop in crops]
    if len(subjects) == len(set(subjects)):
        raise UserError(
            "no two objects are labelled as the same product, so there is nothing to learn: run with --labels first"
        )
    return crops


def _of_run(run: Path) -> list[Crop]:
    data = run / "data"
    if missing := [name for name in ("objects", "identities") if not (data / name / "manifest.json").exists()]:
        raise UserError(
            f"{run} has no {missing[0]}: name the folder of a run, such as runs/NAME, whose calibration is done"
        )
    objects = Dataset(data / "objects")
    subjects = {row["row"]: row["subject"] for row in Dataset(data / "identities").rows(["row", "subject"])}
    rows = objects.rows(["object_id", *blob_columns("crop")])
    return [
        Crop(row["object_id"], stored_picture(objects, row, "crop").convert("RGB"), subjects[place], run.name)
        for place, row in enumerate(rows)
        if place in subjects
    ]
