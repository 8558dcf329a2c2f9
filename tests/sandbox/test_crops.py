"""Windows, augmented crops, dyes and batches of the tiny models' training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from components.common.data.sandbox import WORLD
from components.common.vision.geometry import Box
from components.sandbox.training.crops import (
    Augmentation,
    Product,
    SplitData,
    dyes,
    read_split,
    sample,
    windows,
)
from components.sandbox.training.train_ir import LOOKS, VIEWS, draw_batch

STILL = Augmentation(
    scale=(1, 1), shift=0, turn=0, squeeze=0, brightness=(1, 1), gain=0, gamma=0, blur=0, cutout=0, noise=0
)


def _one(box: Box) -> SplitData:
    """A black photograph, white inside the box."""
    photo = np.zeros((1, 128, 128, 3), np.uint8)
    photo[0, int(box.y) : int(box.y + box.h), int(box.x) : int(box.x + box.w)] = 255
    return SplitData(photo, (Product(0, box, "a", 0, "", {}, Path(), Path(), {}),))


def test_plain_crop_is_the_box() -> None:
    crop = sample(windows(_one(Box(40, 30, 48, 48)), 1.7, 80), 48, STILL, torch.Generator().manual_seed(0))
    assert crop.shape == (1, 3, 48, 48)
    assert crop[..., 3:-3, 3:-3].min() > 0.9


def test_crop_at_the_edge_moves_inside_the_photograph() -> None:
    """The box touches the left edge: a crop twice its size shows the photograph, not the repeated edge, to its left."""
    photo = _one(Box(0, 40, 30, 30))
    wide = Augmentation(**{**STILL.__dict__, "scale": (2, 2)})
    crop = sample(windows(photo, 3, 90), 60, wide, torch.Generator().manual_seed(1))[0, 0]
    white = (crop > 0).float()
    assert white.sum() == pytest.approx(900, rel=0.15)  # a quarter of the crop
    assert white[:, :4].sum() > 100 or white[:, -4:].sum() > 100  # it touches the side of the crop


def test_padded_crop_keeps_proportions() -> None:
    tall = Augmentation(**{**STILL.__dict__, "padded": 1.0})
    photo = _one(Box(50, 20, 20, 80))
    photo.photos[0, :, :, 0] = 255  # surroundings are red: padding must not show them
    crop = sample(windows(photo, 1.7, 80), 48, tall, torch.Generator().manual_seed(0))[0]
    assert crop[:, 24, 24].min() > 0.9 and crop[1, 24, 2] > 0.8


def test_coarse_crops_lose_only_detail() -> None:
    data = _one(Box(40, 30, 48, 48))
    data.photos[0, :, 40:88:2] = 0  # fine stripes
    coarse = Augmentation(**{**STILL.__dict__, "coarse": 1.0})
    sharp, soft = (
        sample(windows(data, 1.7, 80), 48, how, torch.Generator().manual_seed(0))[0, 0, 4:-4, 4:-4]
        for how in (STILL, coarse)
    )
    assert soft.std() < 0.7 * sharp.std()
    assert soft.mean() == pytest.approx(sharp.mean().item(), abs=0.05)


def test_crops_depend_only_on_the_generator() -> None:
    source = windows(_one(Box(40, 30, 48, 40)), 1.7, 80)
    one, two, other = (sample(source, 48, Augmentation(), torch.Generator().manual_seed(k)) for k in (5, 5, 6))
    assert torch.equal(one, two) and not torch.equal(one, other)


def test_dyes_keep_grey_and_turn_colours() -> None:
    matrices = dyes(50, 1.0, torch.Generator().manual_seed(0))
    grey = matrices @ torch.full((3,), 0.5)
    torch.testing.assert_close(grey, torch.full((50, 3), 0.5))
    red = matrices @ torch.tensor([1.0, 0, 0])
    torch.testing.assert_close(red.norm(dim=1), torch.ones(50))
    assert red.std(0).min() > 0.2
    assert torch.equal(dyes(9, 0.0, torch.Generator()), torch.eye(3).expand(9, 3, 3))


def test_batches_hold_whole_confuser_groups() -> None:
    codes = np.repeat(np.arange(90), 5)
    groups = codes // 3
    picks = draw_batch(codes, groups, np.random.default_rng(0))
    assert len(set(picks)) == len(picks) == LOOKS * VIEWS
    shown = {group: len(set(codes[picks][groups[picks] == group])) for group in set(groups[picks])}
    assert list(shown.values()) == [3] * (LOOKS // 3)
    assert set(shown) != set(groups[draw_batch(codes, groups, np.random.default_rng(1))])


def test_any_look_of_the_last_group_may_be_left_out() -> None:
    codes = np.repeat(np.arange(60), 4)
    groups = codes // 5
    left_out: set[int] = set()
    for seed in range(40):
        picks = draw_batch(codes, groups, np.random.default_rng(seed))
        shown = {group: set(codes[picks][groups[picks] == group].tolist()) for group in groups[picks].tolist()}
        cut = [group for group, looks in shown.items() if len(looks) < 5]
        assert len(cut) == 1 and sum(map(len, shown.values())) == LOOKS
        left_out |= {code % 5 for code in range(5 * cut[0], 5 * cut[0] + 5) if code not in shown[cut[0]]}
    assert left_out == set(range(5))


def test_near_duplicates_are_left_out() -> None:
    folder: Path = WORLD / "corpus"
    if not (folder / "annotations.json").is_file():
        pytest.skip("the packaged corpus is not rendered")
    data = read_split(folder)
    assert len(data.photos) < len(list((folder / "images").iterdir()))
