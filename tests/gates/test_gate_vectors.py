"""Objects and embeddings gates."""

from pathlib import Path

import numpy as np
import pytest
from gate_data import Make, object_row, photographs

from components.common.errors import UserError
from components.common.join.exact import check_unit
from components.common.vision.geometry import Box, iou
from components.gates.embeddings import embeddings
from components.gates.objects import largest_overlap, objects, overhang
from components.gates.params import Vectors

LOOSE = Vectors()


def loosest() -> Vectors:
    """Every limit at the end of its range at which the gate lets most through."""
    fields = Vectors.model_json_schema()["properties"]
    return Vectors(
        **{
            name: limits.get("minimum", 0) if name.startswith("min_") else limits["maximum"]
            for name, limits in fields.items()
            if "maximum" in limits or name.startswith("min_")
        }
    )


def failing(gate) -> set[str]:
    return {check.name for check in gate.checks if (check.excess > 0).any()}


def test_sound_objects_and_vectors_pass(world: dict[str, Path]) -> None:
    assert failing(objects(world, LOOSE)) == set()
    assert failing(embeddings(world, Vectors(min_effective_dimensions=2))) == set()


def test_largest_overlap_equals_brute_force() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(-1, 6, 40)
    boxes = np.concatenate([rng.uniform(0, 60, (40, 2)), rng.uniform(1, 50, (40, 2))], 1)
    expected = [
        max([iou(Box(*boxes[i]), Box(*boxes[j])) for j in range(40) if j != i and photo[j] == photo[i]], default=0)
        for i in range(40)
    ]
    np.testing.assert_allclose(largest_overlap(photo, boxes), expected, atol=1e-9)


def test_overhang_is_the_furthest_side() -> None:
    boxes = np.array([[0, 0, 10, 10], [-2, 1, 5, 5], [3, 4, 5, 10]], float)
    assert overhang(boxes, np.full((3, 2), 10.0)).tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(70, 20, 40, 40)], {"overhang"}),
        ([(20, 20, 9, 50)], {"shorter_side"}),
        ([(0, 0, 100, 100)], {"area_share"}),
        ([(20, 20, 40, 40), (21, 20, 40, 40)], {"overlap"}),
        ([], {"objects"}),
    ],
)
def test_bad_boxes_are_seen(make: Make, boxes: list, expected: set[str]) -> None:
    images, blobs = photographs(1)
    rows = [object_row(i, images[0]["image_id"], box) for i, box in enumerate(boxes)]
    inputs = {
        "images": make("images", "images", images, blobs=blobs),
        "objects": make("objects", "objects", rows, blobs=[{"crop.png": b""}] * len(rows)),
    }
    assert failing(objects(inputs, LOOSE)) == expected


def test_object_of_an_unknown_photograph_lies_outside(world: dict[str, Path], make: Make) -> None:
    strange = make("strange", "objects", [object_row(0, "f" * 64)], blobs=[{"crop.png": b""}])
    assert "overhang" in failing(objects(world | {"objects": strange}, LOOSE))


def _spoiled(kind: str) -> np.ndarray:
    vectors = np.random.default_rng(1).normal(size=(12, 16))
    if kind == "dead":
        vectors[:, 3] = 0
    if kind == "collapsed":
        vectors = vectors * 0.01 + np.outer(np.linspace(-1, 1, 12), np.ones(16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    if kind == "long":
        vectors[5] *= 1.01
    if kind == "nan":
        vectors[5, 0] = np.nan
    return vectors.astype(np.float16)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("dead", {"dead_dimensions"}),
        ("collapsed", {"effective_dimensions"}),
        ("long", {"norm_error"}),
        ("nan", {"vectors_not_finite"}),
        ("sound", set()),
    ],
)
def test_sick_vectors_are_seen(world: dict[str, Path], make: Make, kind: str, expected: set[str]) -> None:
    rows = [{"object_id": f"object-{i}", "row": i} for i in range(12)]
    sick = make("sick", "embeddings", rows, vectors=_spoiled(kind))
    assert failing(embeddings(world | {"embeddings": sick}, Vectors(min_effective_dimensions=3))) == expected


def test_no_limit_lets_vectors_through_that_the_join_refuses(world: dict[str, Path], make: Make) -> None:
    rows = [{"object_id": f"object-{i}", "row": i} for i in range(12)]
    long = _spoiled("long")
    with pytest.raises(UserError, match=r"vector 5 has length 1\.01"):
        check_unit(long)
    inputs = world | {"embeddings": make("long", "embeddings", rows, vectors=long)}
    assert "norm_error" in failing(embeddings(inputs, loosest()))


def test_vectors_of_other_objects_are_seen(world: dict[str, Path], make: Make) -> None:
    rows = [{"object_id": f"object-{i ^ 1}", "row": i} for i in range(11)]
    other = make("other", "embeddings", rows, vectors=_spoiled("sound")[:11])
    gate = embeddings(world | {"embeddings": other}, Vectors(min_effective_dimensions=3))
    assert {check.name: check.observed for check in gate.checks}["vectors_misplaced"] == 12
