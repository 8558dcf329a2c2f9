"""Tiny random models of the classes that removers use."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel, UNet2DModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from components.removal.residual import IN_CHANNELS, OUT_CHANNELS


@pytest.fixture(scope="session")
def residual_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained residual UNet: its corrections are noise."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("residual")
    UNet2DModel(
        in_channels=IN_CHANNELS,
        out_channels=OUT_CHANNELS,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
        attention_head_dim=4,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session", params=[4, 9])
def inpaint_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained Stable Diffusion inpainting pipeline whose UNet takes 4 or 9 channels."""
    torch.manual_seed(0)
    folder: Path = tmp_path_factory.mktemp("inpaint")
    parts: dict[str, Any] = {
        "vae": AutoencoderKL(
            block_out_channels=(8, 8), latent_channels=4, norm_num_groups=4, layers_per_block=1,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        ),
        "unet": UNet2DConditionModel(
            in_channels=request.param, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
            norm_num_groups=4, cross_attention_dim=16, attention_head_dim=4, sample_size=16,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        "text_encoder": CLIPTextModel(CLIPTextConfig(
            vocab_size=3, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=8, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )),
        "tokenizer": CLIPTokenizer(
            vocab={"<|startoftext|>": 0, "<|endoftext|>": 1, "!": 2}, merges=[], model_max_length=8
        ),
        "scheduler": DDIMScheduler(steps_offset=1, clip_sample=False),
    }  # fmt: skip
    extras = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    StableDiffusionInpaintPipeline(**parts, **extras).save_pretrained(folder)
    return folder
