"""A small drawn benchmark, tiny random encoders, and the parameters that name them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image, ImageDraw
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    AutoTokenizer,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextModel,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)

from components.common.data.writing import Writer
from components.common.diffusion.pipeline import GridPipeline
from components.common.stage.params import StageParams
from components.evaluation.params import Params

SUBJECTS = {"red-disc": "red", "blue-disc": "blue", "lime-disc": "lime"}
FLOORS = ("tan", "grey", "white", "olive")
WORDS = ["a", "red-disc", "blue-disc", "lime-disc", "on", "tan", "grey", "white", "olive", "floor"]
SIDE, PHOTO = 24, 60


@pytest.fixture(scope="session")
def benchmark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three discs on four floors each: photographs, clean plates and annotations."""
    folder = tmp_path_factory.mktemp("benchmark")
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (subject, colour) in enumerate(SUBJECTS.items()):
        # Each disc is on three of the four floors, so that prompts can name one it was never on.
        for view, floor in enumerate(FLOORS[k] for k in (number, number, number + 1, (number + 2) % 4)):
            key = len(images) + 1
            plate = Image.new("RGB", (PHOTO, PHOTO), floor)
            plate.save(folder / f"{key}_plate.png")
            box = [8 + 3 * view, 10 + 2 * number, 16 + view, 16]
            photograph = plate.copy()
            ImageDraw.Draw(photograph).ellipse((box[0], box[1], box[0] + box[2] - 1, box[1] + box[3] - 1), fill=colour)
            photograph.save(folder / f"{key}.png")
            caption = f"a {subject} on a {floor} floor"
            images.append({"id": key, "file_name": f"{key}.png", "width": PHOTO, "height": PHOTO, "caption": caption})
            annotations.append({"image_id": key, "bbox": box, "design": subject, "plate": f"{key}_plate.png",
                                "caption": caption})  # fmt: skip
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    return folder


@pytest.fixture(scope="session")
def encoder_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Random CLIP (with tokenizer), ViT and ResNet models of a few thousand weights, as transformers folders."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("encoders")
    size = {"height": 16, "width": 16}
    layers = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vocabulary = {word: k for k, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *WORDS])}
    text = layers | {"vocab_size": len(vocabulary), "max_position_embeddings": 12, "eos_token_id": 2}
    vision = layers | {"image_size": 16, "patch_size": 4}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)).save_pretrained(root / "clip")
    CLIPImageProcessor(size=size, crop_size=size).save_pretrained(root / "clip")
    words = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
                            unk_token="<unk>").save_pretrained(root / "clip")  # fmt: skip
    ViTModel(ViTConfig(image_size=16, patch_size=4, **layers)).save_pretrained(root / "dino")
    for name in ("ir", "second_ir"):
        config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=8)
        ResNetForImageClassification(config).save_pretrained(root / name)
    for name in ("dino", "ir", "second_ir"):
        ViTImageProcessor(size=size).save_pretrained(root / name)
    return {name: str(root / name) for name in ("clip", "dino", "ir", "second_ir")}


@pytest.fixture
def params(benchmark_folder: Path, encoder_folders: dict[str, str]) -> Params:
    """A small run on the discs."""
    return Params(benchmark=str(benchmark_folder), cell=SIDE, steps=2, batch=5, generation_crop=0.7, **encoder_folders)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, encoder_folders: dict[str, str]) -> dict[str, Path]:
    """Two model datasets with tiny random grid pipelines."""
    root = tmp_path_factory.mktemp("models")
    for task, channels in (("insertion", 9), ("generation", 4)):
        with Writer(root / task, "model", "training", {}, StageParams()) as out:
            _pipeline(channels, encoder_folders["clip"]).save_pretrained(root / task / "pipeline")
            out.write(0, [{"path": "pipeline/model_index.json", "bytes": 1, "sha256": task}])
    return {task: root / task for task in ("insertion", "generation")}


def _pipeline(channels: int, clip: str) -> GridPipeline:
    torch.manual_seed(channels)
    down, up = ("DownEncoderBlock2D",) * 2, ("UpDecoderBlock2D",) * 2
    vae = AutoencoderKL(down_block_types=down, up_block_types=up, block_out_channels=(4, 4), norm_num_groups=2)
    unet = UNet2DConditionModel(
        sample_size=SIDE, in_channels=channels, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16, attention_head_dim=4,
    )  # fmt: skip
    text, tokenizer = CLIPTextModel.from_pretrained(clip), AutoTokenizer.from_pretrained(clip)
    return GridPipeline(vae, unet, text, tokenizer, DDIMScheduler(), cell=SIDE)
