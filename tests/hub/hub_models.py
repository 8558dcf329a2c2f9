"""Tiny random models of exactly the classes and file layouts that the profiles name, made by the libraries."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from diffusers import AutoencoderKL, EulerDiscreteScheduler, PNDMScheduler, UNet2DConditionModel
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE

CELL = 32
"""Side that the tiny latent diffusion models work at, px."""
CATEGORIES = ["Cup", "Bottle", "Lamp", "Person"]
NORM = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
Layers = dict[str, Any]
LAYERS: Layers = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


def detector(folder: Path) -> None:
    """D-FINE with its HGNet backbone, as ustc-community has it."""
    backbone = transformers.HGNetV2Config(
        depths=[1, 1, 1, 1], embedding_size=8, hidden_sizes=[8, 8, 8, 8], stem_channels=[3, 8, 8],
        stage_in_channels=[8, 8, 8, 8], stage_mid_channels=[8, 8, 8, 8], stage_out_channels=[8, 8, 8, 8],
        stage_num_blocks=[1, 1, 1, 1], stage_numb_of_layers=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.DFineConfig(
        backbone_config=backbone, d_model=16, encoder_hidden_dim=16, encoder_in_channels=[8, 8, 8], encoder_ffn_dim=16,
        encoder_attention_heads=2, decoder_in_channels=[16, 16, 16], decoder_ffn_dim=16, decoder_layers=2,
        decoder_attention_heads=2, num_queries=20, num_denoising=0, lqe_hidden_dim=8, max_num_bins=8,
        id2label=dict(enumerate(CATEGORIES)), label2id={name: k for k, name in enumerate(CATEGORIES)},
    )  # fmt: skip
    model = transformers.DFineForObjectDetection(config)
    with torch.no_grad():  # as it starts, every box would be of one class and six pixels wide
        last = model.model.enc_bbox_head.layers[-1]
        last.weight.normal_(std=0.5)
        last.bias[2:] = 2.5
        model.model.enc_score_head.weight.normal_()
    model.save_pretrained(folder)
    processor = {
        "image_processor_type": "RTDetrImageProcessor", "do_resize": True, "do_rescale": True, "do_normalize": False,
        "do_pad": False, "size": {"height": 64, "width": 64}, "resample": 2, "rescale_factor": 1 / 255,
    }  # fmt: skip
    _write(folder / "preprocessor_config.json", processor)


def dinov2(folder: Path) -> None:
    """DINOv2, as facebook has it. Its weights are wider than those of training's start, so that pictures differ."""
    config = transformers.Dinov2Config(image_size=56, patch_size=14, mlp_ratio=2, initializer_range=0.3, **LAYERS)
    transformers.Dinov2Model(config).save_pretrained(folder)
    processor = {
        "image_processor_type": "BitImageProcessor", "do_resize": True, "size": {"shortest_edge": 64}, "resample": 3,
        "do_center_crop": True, "crop_size": {"height": 56, "width": 56}, "do_convert_rgb": True, "do_rescale": True,
        "rescale_factor": 1 / 255, "do_normalize": True, **NORM,
    }  # fmt: skip
    _write(folder / "preprocessor_config.json", processor)


def dino(folder: Path) -> None:
    """DINO's ViT, as facebook has it: without the pooler that the class has."""
    config = transformers.ViTConfig(image_size=48, patch_size=16, initializer_range=0.3, **LAYERS)
    transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    processor = {"feature_extractor_type": "ViTFeatureExtractor", "do_resize": True, "size": 48, "do_normalize": True}
    _write(folder / "preprocessor_config.json", processor | {"resample": 3, **NORM})


def clip(folder: Path) -> None:
    """CLIP with its tokenizer, as openai has it."""
    text = LAYERS | {
        "vocab_size": _tokenizer(folder, "CLIPTokenizer"),
        "max_position_embeddings": 77,
        "eos_token_id": 2,
    }
    vision = LAYERS | {"image_size": 48, "patch_size": 16}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16, initializer_factor=8.0)
    transformers.CLIPModel(config).save_pretrained(folder)
    processor = {
        "feature_extractor_type": "CLIPFeatureExtractor", "do_resize": True, "size": 48, "resample": 3,
        "do_center_crop": True, "crop_size": 48, "do_normalize": True, **NORM,
    }  # fmt: skip
    _write(folder / "preprocessor_config.json", processor)


def encoder(folder: Path) -> None:
    """What the profile `paper` mines with: a CLIP tower whose projection gives 64 values."""
    config = transformers.CLIPVisionConfig(image_size=56, patch_size=14, projection_dim=64, **LAYERS)
    config.initializer_factor = 8.0
    transformers.CLIPVisionModelWithProjection(config).save_pretrained(folder)
    size = {"height": 56, "width": 56}
    processor = {"image_processor_type": "CLIPImageProcessor", "size": size, "crop_size": size, **NORM}
    _write(folder / "preprocessor_config.json", processor)


def florence(folder: Path) -> None:
    """Florence-2 of transformers' own class, as florence-community has it."""
    vocabulary = _tokenizer(folder, "BartTokenizer", extra={"image_token": "<image>"})
    vision = {
        "depths": [1, 1, 1, 1], "embed_dim": [8, 8, 8, 16], "num_heads": [1, 1, 1, 2], "num_groups": [1, 1, 1, 2],
        "projection_dim": 16, "window_size": 2,
    }  # fmt: skip
    text = {
        "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "vocab_size": vocabulary, "model_type": "bart",
        "max_position_embeddings": 64,
    }  # fmt: skip
    image_token = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]["<image>"]
    config = transformers.Florence2Config(text_config=text, vision_config=vision, image_token_id=image_token)
    transformers.Florence2ForConditionalGeneration(config).save_pretrained(folder)
    processor = {
        "image_processor_type": "CLIPImageProcessor", "processor_class": "Florence2Processor", "image_seq_length": 5,
        "do_resize": True, "size": {"height": 64, "width": 64}, "crop_size": {"height": 64, "width": 64},
        "do_center_crop": False, "resample": 3, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
        **NORM,
    }  # fmt: skip
    _write(folder / "preprocessor_config.json", processor)
    _write(folder / "processor_config.json", {"processor_class": "Florence2Processor"})


def stable_diffusion(folder: Path) -> None:
    """Stable Diffusion 1.5, with the parts that its repository has and no stage loads."""
    _autoencoder(folder / "vae", 0.18215)
    vocabulary = _tokenizer(folder / "tokenizer", "CLIPTokenizer")
    _text_encoder(folder / "text_encoder", vocabulary, transformers.CLIPTextModel)
    _unet(folder / "unet", 4, cross_attention_dim=16)
    PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True,
                  set_alpha_to_one=False, steps_offset=1).save_pretrained(folder / "scheduler")  # fmt: skip
    _write(folder / "safety_checker" / "config.json", {"architectures": ["StableDiffusionSafetyChecker"]})
    _write(folder / "feature_extractor" / "preprocessor_config.json", {})
    (folder / "safety_checker" / "model.safetensors").write_bytes(b"a filter that no stage loads")
    (folder / "v1-5-pruned.safetensors").write_bytes(b"all of it in one file")
    _index(folder, "StableDiffusionPipeline", {
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    })  # fmt: skip


def inpainting(folder: Path) -> None:
    """SDXL for inpainting, with the half-precision copies that its repository has."""
    _autoencoder(folder / "vae", 0.13025)
    for number, kind in (("", transformers.CLIPTextModel), ("_2", transformers.CLIPTextModelWithProjection)):
        vocabulary = _tokenizer(folder / f"tokenizer{number}", "CLIPTokenizer")
        _text_encoder(folder / f"text_encoder{number}", vocabulary, kind)
    remover_unet(folder / "unet")
    shutil.copy(folder / "unet" / "diffusion_pytorch_model.safetensors",
                folder / "unet" / "diffusion_pytorch_model.fp16.safetensors")  # fmt: skip
    scheduler = EulerDiscreteScheduler(beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1)
    scheduler.save_pretrained(folder / "scheduler")
    _index(folder, "StableDiffusionXLInpaintPipeline", {
        "scheduler": ["diffusers", "EulerDiscreteScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
        "force_zeros_for_empty_prompt": True, "requires_aesthetics_score": False,
    })  # fmt: skip


def remover_unet(folder: Path) -> None:
    """RORem's UNet: SDXL's, with the nine channels of inpainting."""
    _unet(
        folder, 9, cross_attention_dim=32, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 16, transformer_layers_per_block=1, use_linear_projection=True,
    )  # fmt: skip


MAKERS: Mapping[str, Callable[[Path], None]] = {
    "ustc-community/dfine-large-obj365": detector,
    "facebook/dinov2-large": dinov2,
    "facebook/dinov2-base": dinov2,
    "facebook/dino-vits16": dino,
    "openai/clip-vit-base-patch32": clip,
    "florence-community/Florence-2-base": florence,
    "stable-diffusion-v1-5/stable-diffusion-v1-5": stable_diffusion,
    "diffusers/stable-diffusion-xl-1.0-inpainting-0.1": inpainting,
    "LetsThink/RORem": remover_unet,
}
CARDS: Mapping[str, dict[str, Any]] = {
    "openai/clip-vit-base-patch32": {"license": None},
    "florence-community/Florence-2-base": {"license": "mit"},
    "stable-diffusion-v1-5/stable-diffusion-v1-5": {"license": "creativeml-openrail-m"},
    "diffusers/stable-diffusion-xl-1.0-inpainting-0.1": {
        "license": "openrail++", "base_model": "stabilityai/stable-diffusion-xl-base-1.0"
    },
}  # fmt: skip


def make(model: str, seed: int = 0) -> dict[str, bytes]:
    """The files of a model's repository. seed: of its random weights; two models of one class have different ones."""
    import tempfile

    torch.manual_seed(seed + sum(model.encode()))
    with tempfile.TemporaryDirectory() as root:
        MAKERS[model](Path(root))
        (Path(root) / "README.md").write_text(f"# {model.partition('/')[2]}\n")
        paths = [path for path in sorted(Path(root).rglob("*")) if path.is_file()]
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _autoencoder(folder: Path, scaling: float) -> None:
    AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8), norm_num_groups=4, latent_channels=4, sample_size=CELL, scaling_factor=scaling,
    ).save_pretrained(folder)  # fmt: skip


def _unet(folder: Path, channels: int, **options: Any) -> None:
    UNet2DConditionModel(
        sample_size=CELL // 8, in_channels=channels, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
        norm_num_groups=4, attention_head_dim=8, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **options,
    ).save_pretrained(folder)  # fmt: skip


def _text_encoder(folder: Path, vocabulary: int, kind: Any) -> None:
    config = transformers.CLIPTextConfig(vocab_size=vocabulary, projection_dim=16, eos_token_id=2, **LAYERS)
    kind(config).save_pretrained(folder)


def _tokenizer(folder: Path, kind: str, extra: Mapping[str, str] | None = None) -> int:
    """A byte-level BPE tokenizer without merges, in all the files that such repositories have; its number of words."""
    clip_like = kind == "CLIPTokenizer"
    special = {
        "bos_token": "<|startoftext|>" if clip_like else "<s>", "eos_token": "<|endoftext|>" if clip_like else "</s>",
        "unk_token": "<|endoftext|>" if clip_like else "<unk>", "pad_token": "<|endoftext|>" if clip_like else "<pad>",
    }  # fmt: skip
    named = list(dict.fromkeys([*special.values(), *(extra or {}).values()]))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*named, *letters, *(f"{letter}</w>" for letter in letters if clip_like)]
    vocabulary = {word: number for number, word in enumerate(words)}
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n")
    _write(folder / "special_tokens_map.json", special)
    settings = {"tokenizer_class": kind, "model_max_length": 77, **special, "extra_special_tokens": dict(extra or {})}
    _write(folder / "tokenizer_config.json", settings)
    suffix = {"end_of_word_suffix": "</w>"} if clip_like else {}
    whole = Tokenizer(BPE(vocabulary, [], unk_token=special["unk_token"], **suffix))
    whole.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    whole.add_special_tokens(named)
    whole.save(str(folder / "tokenizer.json"))
    return len(vocabulary)


def _index(folder: Path, name: str, parts: Mapping[str, Any]) -> None:
    _write(folder / "model_index.json", {"_class_name": name, "_diffusers_version": "0.22.0.dev0", **parts})


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2))
