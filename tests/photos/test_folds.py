"""Folds over subjects and their figures, on galleries that can be counted by hand."""

import numpy as np
import pytest
from PIL import Image

from components.photos.folds import FOLDS, Learnt, by_folds, figures, fold_of
from components.photos.labelled import Crop

PICTURE = Image.new("RGB", (8, 8))


def at_angles(degrees: list[float]) -> np.ndarray:
    turned = np.deg2rad(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1)


def test_a_perfect_gallery() -> None:
    vectors = at_angles([0, 1, 2, 3, 90, 91, 92, 93])
    assert figures(vectors, ["a"] * 4 + ["b"] * 4) == (1.0, 1.0, 1.0)


def test_a_gallery_counted_by_hand() -> None:
    found = figures(at_angles([0, 1, 40, 42, 90]), ["a", "a", "a", "b", "b"])
    # The closest pairs are right, wrong, right, right, wrong, right: only the first alone is precise enough.
    assert found == pytest.approx((3 / 5, 1 / 4, 0.0))


def test_nothing_is_recalled_if_no_threshold_is_precise() -> None:
    assert figures(at_angles([0, 10, 1, 11]), ["a", "a", "b", "b"]) == (0.0, 0.0, 0.0)


def crops(subjects: list[str], run: str = "run") -> list[Crop]:
    return [Crop(f"{run}{place}", PICTURE, subject, run) for place, subject in enumerate(subjects)]


def test_a_subject_is_in_one_fold_and_what_never_recurs_in_none() -> None:
    names = [f"subject {number}" for number in range(10) for _ in range(3)] + ["alone", "lonely"]
    collection = crops(names, "one") + crops(names, "two")
    folds = fold_of(collection, seed=0)
    for run in ("one", "two"):
        sizes = [
            len(
                {
                    crop.subject
                    for crop, fold in zip(collection, folds, strict=True)
                    if fold == number and crop.run == run
                }
            )
            for number in range(FOLDS)
        ]
        assert sorted(sizes) == [2, 2, 3, 3]
    assert (folds[[30, 31]] == -1).all()
    assert len({int(fold) for crop, fold in zip(collection, folds, strict=True) if crop.subject == "subject 3"}) == 1


def test_a_fold_is_judged_by_what_never_saw_it() -> None:
    names = [f"subject {number}" for number in range(8) for _ in range(4)] + ["alone"]
    collection = crops(names)
    taught: list[set[str]] = []

    every = np.eye(len(names), dtype=np.float32)
    seen = every[:, None].repeat(2, axis=1)

    def train(places: np.ndarray) -> dict[str, Learnt]:
        taught.append({names[place] for place in places})
        return {"all": Learnt(seen, every), "first": Learnt(seen, every[:1])}

    results = by_folds(collection, train, seed=0)
    assert results.keys() == {("run", "all"), ("run", "first")}
    folds = fold_of(collection, seed=0)
    for fold, learnt in enumerate(taught):
        held = {names[place] for place in np.flatnonzero(folds == fold)}
        assert len(held) == 2 and not learnt & held and "alone" in learnt
    assert [len(found) for found in results.values()] == [FOLDS, FOLDS] and len(taught) == FOLDS
