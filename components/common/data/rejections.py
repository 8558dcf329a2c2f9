"""Why a stage rejects a row: each stage's closed vocabulary of reasons, and the rows of the dataset `rejects`.

Ingest, which judges files and not rows, has its own reasons, `schemas.REASONS`; `meaning` knows both.
"""

from collections import Counter
from typing import Any

import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.data.schemas import REASONS

PHOTOGRAPH, BOX, OBJECT, SET = "photograph", "box", "object", "set"
"""What is rejected. The key of a photograph is its image_id, of an object its object_id, of a set the object_id of its
anchor, and of a box its sides, or its place in the file that it comes from."""

BOXES = {
    "crowd": "a group of things drawn as one (COCO iscrowd, Open Images IsGroupOf)",
    "depiction": "a drawing of a thing (Open Images IsDepiction)",
    "inside": "a view from inside the thing (Open Images IsInside)",
    "frame": "the annotation is about a picture of another size",
    "missing": "the photograph is not in this collection",
    "ambiguous": "the file does not say for certain which photograph or category is meant",
    "orphan": "the annotation is about a photograph or category that its own file does not list",
    "broken": "no box of four finite numbers, or a row that cannot be read",
    "category": "a category that was not requested",
    "small": "a side below min_side, or outside the photograph",
    "low_share": "covers less of the photograph than min_share",
    "high_share": "covers more of the photograph than max_share",
    "overlap": "repeats a box of higher confidence",
    "surplus": "beyond max_objects",
}
"""Rules about proposed boxes, in the order in which they are applied."""

REJECTIONS: dict[str, dict[str, str]] = {
    "detection": BOXES
    | {"no-box": "no box was proposed in the photograph", "no-box-kept": "every box in the photograph was rejected"},
    "mining": {
        "reserved": "resembles an object of the benchmark",
        "no-partner": "no object of another photograph is in the window",
        "few-partners": "fewer objects in the window than a set needs views",
        "reserved-partners": "too few partners are left without those that resemble an object of the benchmark",
        "repeated-views": "too few of its partners are distinct views: others nearly repeat it or each other",
    },
    "removal": {
        "undecodable": "the photograph cannot be decoded",
        "no-surroundings": "the object fills its photograph, so nothing is left to fill from (removal.max_erased); "
        "boxes closer to the object help: annotations, labels with boxes or a detector",
    },
    "captioning": {"undecodable": "the photograph cannot be decoded"},
    "assembly": {
        "no-background": "its anchor has no clean plate: removal says why",
        "no-caption": "its anchor has no caption: captioning says why",
        "too-few-views": "fewer views than a tuple has references",
        "photograph-held-out": "too few of its photographs are left without those that show a validation object",
        "not-drawn": "its random number is not below assembly.training_share",
        "undecodable-photograph": "a photograph cannot be decoded",
        "undecodable-background": "its clean plate cannot be decoded",
        "background-size": "its clean plate has another size than its photograph",
        "object-exceeds-window": "no square around the object fits into its photograph",
    },
}
"""Stage -> reason -> what it means."""


def rejection(
    stage: str, subject: str, key: str, image_id: str | None, reason: str, detail: str = ""
) -> dict[str, Any]:
    """A row of `rejects`. image_id: of the photograph, None if unknown or not in the collection. detail: a phrase.

    Raises `ValueError` for a reason that is not in the stage's vocabulary.
    """
    if reason not in REJECTIONS[stage]:
        raise ValueError(f"{reason} is not a reason for which {stage} rejects")
    return {
        "stage": stage,
        "subject": subject,
        "key": key,
        "image_id": image_id,
        "reason": reason,
        "detail": detail,
    }


def meaning(stage: str, reason: str) -> str:
    """What a reason in the quarantine or in a dataset of rejects means; empty for an unknown stage or reason."""
    return (REASONS if stage == "ingest" else REJECTIONS.get(stage, {})).get(reason, "")


def by_reason(rejects: Dataset, subject: str) -> Counter[str]:
    """How many rows of `rejects` are about things of one kind (`PHOTOGRAPH`, `BOX`, `OBJECT`, `SET`), by reason."""
    table = rejects.table(["subject", "reason"])
    counts = table.filter(pc.equal(table["subject"], subject))["reason"].value_counts()
    return Counter({row["values"]: row["counts"] for row in counts.to_pylist()})
