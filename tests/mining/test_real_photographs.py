"""Near-duplicates in real photographs: no set holds a picture twice, whatever the encoder thinks of it."""

from pathlib import Path

import numpy as np
import pytest
from mining_data import cluster_vectors, make_corpus
from PIL import Image, ImageOps

from components.common.datasets import Dataset
from components.common.images import decode
from components.mining.params import Params
from components.mining.stage import run

pytestmark = pytest.mark.photos
ANY_VECTOR = Params(window="explicit", low=0.3, high=0.99999)


def read(folder: Path, subject: str) -> list[Image.Image]:
    """A subject's photographs at no more than 320 px."""
    pictures = [decode(path.read_bytes()) for path in sorted((folder / subject).glob("*.jpg"))]
    for picture in pictures:
        picture.thumbnail((320, 320))
    return pictures


def sets_of(folder: Path, names: list[str], pictures: list[Image.Image], calibration: Path) -> list[set[int]]:
    """Each set as rows: whole photographs as objects, vectors in the window wherever the subject is the same."""
    vectors = cluster_vectors(names, noise=0.4)
    paths = make_corpus(folder, [[name] for name in names], vectors, pictures) | {"calibration": calibration}
    inputs = {role: paths[role] for role in ("images", "objects", "embeddings", "calibration")}
    run(inputs, {"pairs": folder / "pairs", "sets": folder / "sets"}, ANY_VECTOR)
    return [{row["anchor"], *row["views"]} for row in Dataset(folder / "sets").rows()]


def test_repeated_photographs_are_one_view(photos, tmp_path, fixed_window):
    clocks, backpacks = (read(photos / "dreambooth", name) for name in ("clock", "backpack"))
    flips = [ImageOps.mirror(clocks[2]), ImageOps.mirror(backpacks[3])]
    pictures = [*clocks, flips[0], *backpacks, flips[1]]
    names = ["clock"] * (len(clocks) + 1) + ["backpack"] * (len(backpacks) + 1)
    found = sets_of(tmp_path, names, pictures, fixed_window)
    first = len(clocks) + 1
    repeated = [{0, 1}, {2, len(clocks)}, {first, first + 1}, {first + 3, len(pictures) - 1}]
    assert len(found) == len(pictures)  # everything still recurs: the traps cost views, not sets
    assert not [(rows, twice) for rows in found for twice in repeated if twice <= rows]


def test_shop_photographs_keep_their_views(photos, tmp_path, fixed_window):
    """Near-duplicate rules must not eat honest views: 20 photographs of a product keep most of theirs."""
    names = ["Arla-Sour-Milk", "Tropicana-Apple-Juice"]
    pictures = [picture for name in names for picture in read(photos / "grocery", name)]
    found = sets_of(tmp_path, np.repeat(names, 20).tolist(), pictures, fixed_window)
    assert len(found) == 40
    assert min(len(rows) for rows in found) == 11  # the anchor and max_views others
