"""The tail: it computes what the network computes, it learns, and what is stored of it is what was learnt."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from components.common.vision.encoders import load_encoder
from components.common.vision.lite import PROVIDED, model_folder, provided_backbone, read_backbone
from components.photos.labelled import Crop
from components.photos.recipe import HeadParams, Recipe, TailParams
from components.photos.tail import Pointwise, Tail, tail_features, tuned
from components.photos.views import embedding, seen

WIDE, NARROW, TOP, SIDE = 12, 6, 16, 3
PARTS = {
    "blocks.1.expansion.expand_conv": (WIDE, NARROW, 1, 1),
    "blocks.1.depthwise_conv.depthwise_conv": (WIDE, 1, 3, 3),
    "blocks.1.projection.project_conv": (NARROW, WIDE, 1, 1),
    "top_conv": (TOP, NARROW, 1, 1),
}
NORMS = ("expansion.expand_bn", "depthwise_conv.depthwise_norm", "projection.project_bn")
RECIPE = Recipe(head=HeadParams(trained=8, drop=0.0), tail=TailParams(steps=30, batch=32, lr=0.01, warm=2))


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    """A network whose tail is one small block, with random weights."""
    generator = torch.Generator().manual_seed(0)
    made = {f"encoder.{name}.weight": 0.5 * torch.randn(shape, generator=generator) for name, shape in PARTS.items()}
    widths = zip((*(f"blocks.1.{norm}" for norm in NORMS), "top_bn"), (WIDE, WIDE, NARROW, TOP), strict=True)
    for name, width in widths:
        for part in ("weight", "running_var"):
            made[f"encoder.{name}.{part}"] = 0.5 + torch.rand(width, generator=generator)
        for part in ("bias", "running_mean"):
            made[f"encoder.{name}.{part}"] = 0.1 * torch.randn(width, generator=generator)
    return made


def inside_of(subjects: int, each: int) -> tuple[np.ndarray, list[str]]:
    """What a tail is given of some crops in two views, float16 [N, 2, NARROW, SIDE, SIDE]: a pattern per subject under
    noise."""
    rng = np.random.default_rng(0)
    names = np.repeat(np.arange(subjects), each)
    patterns = rng.normal(size=(subjects, 1, NARROW, 1, 1))
    inside = patterns[names] + 1.5 * rng.normal(size=(len(names), 2, NARROW, SIDE, SIDE))
    return inside.astype(np.float16), [str(name) for name in names]


def learnt(tensors: dict[str, torch.Tensor], recipe: Recipe) -> dict[str, torch.Tensor]:
    inside, names = inside_of(6, 5)
    head = np.random.default_rng(1).normal(size=(recipe.head.trained, TOP)).astype(np.float32)
    return tuned(tensors, head, inside, names, recipe, first=1)


def closeness(features_NVD: np.ndarray, names: list[str]) -> float:
    """Mean cosine within products less that between them."""
    plain = embedding(features_NVD, np.eye(features_NVD.shape[2], dtype=np.float32))
    same = np.equal.outer(names, names) & ~np.eye(len(names), dtype=bool)
    cosines = plain @ plain.T
    return float(cosines[same].mean() - cosines[np.not_equal.outer(names, names)].mean())


def test_the_backward_pass_of_a_fixed_kernel_is_the_general_one(tensors: dict[str, torch.Tensor]) -> None:
    inside = torch.randn(2, NARROW, SIDE, SIDE, dtype=torch.float64, requires_grad=True)
    tail = Tail(tensors, first=1).double()
    assert torch.autograd.gradcheck(tail, inside)


def test_it_learns_repeats_and_depends_on_the_seed(tensors: dict[str, torch.Tensor]) -> None:
    first, again, other = (learnt(tensors, RECIPE.model_copy(update={"seed": seed})) for seed in (0, 0, 1))
    assert first.keys() == {f"encoder.{name}.weight" for name in PARTS if "depthwise" not in name}
    for name, tensor in first.items():
        assert tensor.dtype == torch.float16 and tensor.shape == tensors[name].shape
        assert torch.equal(tensor, again[name]) and not torch.equal(tensor, other[name])
    inside, names = inside_of(6, 5)
    before, after = (tail_features(Tail(each, first=1), inside, batch=7) for each in (tensors, {**tensors, **first}))
    assert closeness(after, names) > closeness(before, names) + 0.05


def test_what_hardly_learns_is_stored_as_it_was(tensors: dict[str, torch.Tensor]) -> None:
    still = learnt(tensors, RECIPE.model_copy(update={"tail": TailParams(steps=1, lr=1e-9, batch=8)}))
    assert all(torch.allclose(tensor.float(), tensors[name], atol=1e-3) for name, tensor in still.items())


def test_a_model_folder_computes_what_training_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    picture = Image.effect_noise((90, 60), 80).convert("RGB")
    recipe = Recipe(views=2)
    found = seen(provided_backbone("ir"), [Crop("one", picture, "a", "run")], recipe)
    again = seen(provided_backbone("ir"), [Crop("one", picture, "a", "run")], recipe)
    assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))
    tensors = read_backbone(PROVIDED["ir"])
    tail = Tail(tensors)
    assert np.abs(tail_features(tail, found.inside_NVCHW, batch=2) - found.features_NVD).max() < 2e-4
    generator = torch.Generator().manual_seed(0)
    for part in tail.modules():
        if isinstance(part, Pointwise):
            part.weight.data *= 1 + 0.05 * torch.randn(part.weight.shape, generator=generator)
    stored = tail.tensors()
    weight = np.random.default_rng(0).normal(size=(8, 1280)).astype(np.float32)
    head = {"classifier.weight": torch.from_numpy(weight), "classifier.bias": torch.zeros(8)}
    head |= {f"efficientnet.{name}": tensor for name, tensor in stored.items()}
    model_folder(tmp_path / "model", PROVIDED["ir"], head)
    features = tail_features(Tail({**tensors, **stored}), found.inside_NVCHW, batch=2)
    assert np.abs(features - found.features_NVD).max() > 1e-2
    mined = load_encoder(str(tmp_path / "model"), mirror=True).embed([picture])
    assert np.abs(mined - embedding(features, weight)).max() < 2e-3
