"""Labelled crops of finished runs, on which an encoder is trained and measured."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from components.common.data.reading import Dataset, is_complete
from components.common.data.schemas import blob_columns
from components.common.errors import UserError
from components.common.vision.images import stored_picture

LEAST = 8
"""Recurring products of a run: with fewer, a fold over them would have nothing to tell apart."""


class Crop(NamedTuple):
    """A labelled object as the pipeline sees it. subject: its product; one that never recurs has its own name. run: the
    run's name. licence: of its photograph, "" if unknown. source: digest of the dataset `objects`."""

    object_id: str
    picture: Image.Image
    subject: str
    run: str
    licence: str = ""
    source: str = ""


def labelled_crops(runs: Sequence[Path]) -> list[Crop]:
    """The labelled objects of runs (workspaces whose calibration is done), in the order of their rows.

    The others may be any product, so nothing can be learnt from them.

    Raises `UserError` if a run has no calibration yet, fewer than LEAST products recur in it, or two runs have one
    name.
    """
    folders = [run.resolve() for run in runs]
    if len({folder.name for folder in folders}) < len(folders):
        raise UserError("two of the runs have the same name: leave out the repeated one, or rename its folder")
    crops = []
    for folder in folders:
        own = _of_run(folder)
        recurring = [name for name, count in Counter(crop.subject for crop in own).items() if count > 1]
        if len(recurring) < LEAST:
            raise UserError(
                f"in {folder.name}, {len(recurring)} products are labelled in two photographs or more, and training "
                f"needs {LEAST}: run with --labels for more of them, or leave the run out"
            )
        crops += own
    return crops


def _of_run(run: Path) -> list[Crop]:
    data = run / "data"
    if missing := [name for name in ("images", "objects", "identities") if not is_complete(data / name)]:
        raise UserError(
            f"{run} has no {missing[0]}: name the folder of a run, such as runs/NAME, whose calibration is done"
        )
    objects = Dataset(data / "objects")
    subjects = {row["row"]: row["subject"] for row in Dataset(data / "identities").rows(["row", "subject"])}
    images = Dataset(data / "images").rows(["image_id", "licence"])
    licences = {image["image_id"]: image["licence"] or "" for image in images}
    rows = objects.rows(["object_id", "image_id", *blob_columns("crop")])
    return [
        Crop(
            row["object_id"],
            stored_picture(objects, row, "crop").convert("RGB"),
            subjects[place],
            run.name,
            licences[row["image_id"]],
            objects.digest,
        )
        for place, row in enumerate(rows)
        if place in subjects
    ]
