"""Near-duplicates in real photographs: no set contains a picture twice, whatever the encoder says."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mining_data import cluster_vectors, make_corpus, with_window
from PIL import Image, ImageOps

from components.common.data.reading import Dataset
from components.common.vision.images import decode
from components.mining.params import Params
from components.mining.stage import run

pytestmark = pytest.mark.photos
WINDOW = (0.6, 0.99999)
NATURAL = {  # near-duplicates found by eye: the indices of two photographs
    "dreambooth/clock": (0, 1),
    "dreambooth/backpack": (0, 1),
    "dreambooth/cat": (2, 3),
    "dreambooth/berry_bowl": (3, 4),
    "grocery/Arla-Sour-Milk": (6, 10),
    "grocery/Arla-Ecological-Medium-Fat-Milk": (18, 19),
    "grocery/Oatly-Natural-Oatghurt": (1, 4),
}


def read(folder: Path, most: int | None = None) -> list[Image.Image]:
    """A subject's photographs, or the first of them, at no more than 320 px."""
    pictures = [decode(path.read_bytes()) for path in sorted(folder.glob("*.jpg"))[:most]]
    for picture in pictures:
        picture.thumbnail((320, 320))
    return pictures


def sets_of(
    folder: Path, names: list[str], pictures: list[Image.Image], params: Params | None = None
) -> list[set[int]]:
    """Each set as rows: objects are whole photographs, vectors are in the window if the subject is the same."""
    vectors = cluster_vectors(names, noise=0.4, dim=128)
    paths = make_corpus(folder, [[name] for name in names], vectors, pictures)
    inputs = with_window(paths, folder, *WINDOW)
    run(inputs, {"pairs": folder / "pairs", "sets": folder / "sets", "rejects": folder / "rejects"}, params or Params())
    return [{row["anchor"], *row["views"]} for row in Dataset(folder / "sets").rows()]


def cut(picture: Image.Image, share: float, right: float, down: float) -> Image.Image:
    """A frame of 1 - share of each side, moved to the right and down by these shares (0..1) of the room there is."""
    width, height = (round(side * (1 - share)) for side in picture.size)
    x, y = round((picture.width - width) * right), round((picture.height - height) * down)
    return picture.crop((x, y, x + width, y + height))


def coarse(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=30)
    return decode(buffer.getvalue())


def burst(picture: Image.Image) -> Image.Image:
    """The next of a burst: moved a little, darker, and with other noise."""
    moved = np.asarray(cut(picture, 0.03, 1, 0.5), np.float64)
    noise = np.random.default_rng(0).normal(0, 6, moved.shape)
    return Image.fromarray((moved * 0.85 + noise).clip(0, 255).astype(np.uint8))


def shift(share: float, right: float, down: float) -> Callable[[Image.Image], tuple[Image.Image, Image.Image]]:
    """Two frames of a photograph, one moved against the other by `share` of its side."""
    lost = share / (1 + share)
    return lambda picture: (cut(picture, lost, 0, 0), cut(picture, lost, right, down))


PLANTED: dict[str, Callable[[Image.Image], tuple[Image.Image, Image.Image]]] = {
    "flip": lambda picture: (picture, ImageOps.mirror(picture)),
    "JPEG at quality 30": lambda picture: (picture, coarse(picture)),
    "half the size": lambda picture: (picture, picture.reduce(2)),
    "burst": lambda picture: (cut(picture, 0.03, 0, 0), burst(picture)),
    "shift by 5 %": shift(0.05, 1, 0),
    "shift by 10 %": shift(0.10, 0, 1),
    "shift by 20 %": shift(0.20, 1, 0),
    "cut by 10 %": lambda picture: (picture, cut(picture, 0.10, 0.3, 0.9)),
    "cut by 20 %": lambda picture: (picture, cut(picture, 0.20, 0.8, 0.2)),
    "mirrored shift by 15 %": lambda picture: (
        cut(picture, 0.13, 0, 0),
        ImageOps.mirror(cut(picture, 0.13, 1, 1)),
    ),
    "mirrored cut by 20 %": lambda picture: (picture, ImageOps.mirror(cut(picture, 0.20, 0, 0.6))),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_repeat_is_not_a_second_view(photos, tmp_path, kind):
    """Each photograph shares a product only with its repeat: a set of them could only contain both."""
    folders = sorted(folder for folder in photos.glob("*/*") if folder.is_dir() and folder.name != "_distractors")
    pictures = [
        frame for folder in folders for photograph in read(folder, most=1) for frame in PLANTED[kind](photograph)
    ]
    names = [f"product-{index // 2}" for index in range(len(pictures))]
    assert len(folders) == 31
    assert sets_of(tmp_path, names, pictures, Params(min_views=1)) == []


@pytest.mark.parametrize("subject", NATURAL)
def test_a_natural_repeat_is_not_a_second_view(photos, tmp_path, subject):
    pictures = read(photos / subject)
    sets = sets_of(tmp_path, ["product"] * len(pictures), pictures)
    assert len(sets) == len(pictures)  # everything still recurs: repeats cost views, not sets
    assert not [rows for rows in sets if set(NATURAL[subject]) <= rows]


def test_photographs_of_subjects_keep_their_views(photos, tmp_path):
    """Every photograph of every DreamBooth subject has all the others as views, except the repeats."""
    folders = sorted(folder for folder in (photos / "dreambooth").iterdir() if folder.is_dir())
    subjects = {folder.name: read(folder) for folder in folders}
    names = [name for name, pictures in subjects.items() for _ in pictures]
    everything = [picture for pictures in subjects.values() for picture in pictures]
    sets = sets_of(tmp_path, names, everything)
    assert len(sets) == len(everything)
    distinct = {name: len(pictures) - (f"dreambooth/{name}" in NATURAL) for name, pictures in subjects.items()}
    assert [len(rows) for rows in sets] == [distinct[name] for name in names]


def test_shop_photographs_keep_their_views(photos, tmp_path):
    """Near-duplicate rules must not remove real views: 20 photographs of a product keep most of theirs."""
    names = ["Arla-Sour-Milk", "Tropicana-Apple-Juice"]
    pictures = [picture for name in names for picture in read(photos / "grocery" / name)]
    sets = sets_of(tmp_path, np.repeat(names, 20).tolist(), pictures)
    assert len(sets) == 40
    assert min(len(rows) for rows in sets) == 11  # the anchor and max_views others
