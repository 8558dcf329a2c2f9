"""Distinct views and yield."""

from pathlib import Path

import pytest
from gate_data import WINDOW, Make, Mined, object_row, photographs, picture, thumbnails
from PIL import ImageOps

from components.common.vision.images import dhashes
from components.gates.checks import judge
from components.gates.expectations import Validator
from components.gates.params import Recurrence
from components.gates.retrieval import retrieval_precision
from components.gates.views import distinct_views
from components.gates.yields import recurrence_yield

PARAMS = Recurrence()


def sets_of(make: Make, *members: list[int]) -> Path:
    rows = [
        {"anchor": m[0], "views": m[1:], "similarities": [0.95] * (len(m) - 1), "category": "mug", "group": min(m)}
        for m in members
    ]
    return make("sets", "sets", rows, promised=Mined())


def observed(gate) -> dict[str, float]:
    return {check.name: check.observed for check in gate.checks} | gate.shows.metrics


def test_distinct_views(world: dict[str, Path], make: Make) -> None:
    sets = sets_of(make, [0, 1, 2, 3], [4, 5, 6, 7, 8])
    seen = observed(distinct_views(world | {"sets": sets}, PARAMS))
    assert (seen["view_pairs"], seen["same_image_pairs"], seen["near_duplicate_share"]) == (6 + 10, 0, 0)


def test_repeated_and_mirrored_views_are_seen(make: Make) -> None:
    images, blobs = photographs(5)
    images[3] |= {"dhash": images[2]["dhash_flipped"], "dhash_flipped": images[2]["dhash"]}  # a mirrored photograph
    rows = [object_row(i, images[i]["image_id"]) for i in range(5)]
    plain, flipped = dhashes(picture(1000))
    rows[1] |= {"dhash": plain, "dhash_flipped": flipped}  # the crop of object 0 again
    rows[4]["image_id"] = images[0]["image_id"]
    inputs = {
        "images": make("images", "images", images, blobs=blobs, vectors=thumbnails(blobs)),
        "objects": make("objects", "objects", rows, blobs=[{"crop.png": b""}] * 5),
        "sets": sets_of(make, [0, 1, 2, 3], [1, 0, 2, 4]),
    }
    seen = observed(distinct_views(inputs, PARAMS))
    assert seen["same_image_pairs"] == 1  # 0 and 4
    assert seen["near_duplicate_crops"] == 2  # 0 and 1 in both sets
    assert seen["near_duplicate_photographs"] == 2  # 2 and 3 mirrored, 0 and 4 the same
    assert seen["near_duplicate_share"] == pytest.approx(4 / 12, abs=1e-6)


def test_shifted_views_are_seen(make: Make) -> None:
    """Photographs 1 and 3 show the scene of 0 an eighth of the side further on, 3 in the mirror."""
    scene = picture(0, 320)
    frames = [scene.crop((x, 0, x + 280, 280)) for x in (0, 35)]
    pictures = [*frames, picture(1, 280), ImageOps.mirror(frames[1])]
    images, blobs = photographs(4, pictures=pictures)
    inputs = {
        "images": make("images", "images", images, blobs=blobs, vectors=thumbnails(blobs)),
        "objects": make(
            "objects",
            "objects",
            [object_row(i, images[i]["image_id"]) for i in range(4)],
            blobs=[{"crop.png": b""}] * 4,
        ),
        "sets": sets_of(make, [0, 1, 2, 3]),
    }
    seen = observed(distinct_views(inputs, PARAMS))
    assert seen["shifted_photographs"] == 3  # 0, 1 and 3 among one another; 1 and 3 by hash as well
    assert seen["near_duplicate_photographs"] == 1
    assert seen["near_duplicate_share"] == pytest.approx(3 / 6)


def test_yield_counts_only_full_sets_and_sees_hubs(world: dict[str, Path], make: Make) -> None:
    world = world | {"calibration": make("calibration", "calibration", [], WINDOW)}
    seen = observed(recurrence_yield(world | {"sets": sets_of(make, [0, 1, 2, 3], [4, 5, 6], [8, 9, 10, 11])}, PARAMS))
    assert seen["yield_share"] == pytest.approx(2 / 12, abs=1e-6)
    hub = sets_of(make, *[[i, 11, (i + 1) % 11, (i + 2) % 11] for i in range(11)])
    seen = observed(recurrence_yield(world | {"sets": hub}, PARAMS))
    assert seen["hub_skew"] > 3
    assert seen["most_frequent_view"] == 11
    assert observed(recurrence_yield(world | {"sets": sets_of(make)}, PARAMS))["yield_share"] == 0


def test_an_empty_world_is_undecided_nowhere(make: Make) -> None:
    facts = WINDOW | {"encoder": "e"}
    names = ("images", "objects", "pairs", "sets", "calibration", "identities", "judgements")
    empty = {name: make(name, name, [], facts, Mined()) for name in names}
    validator = Validator(blocking=True)
    verdicts = {}
    for measure in (retrieval_precision, distinct_views, recurrence_yield):
        gate = measure(empty, PARAMS)
        verdicts[gate.name] = judge(gate, validator.validate(gate)[0], True)["verdict"]
    assert verdicts == {"retrieval-precision": "fail", "distinct-views": "pass", "yield": "fail"}
