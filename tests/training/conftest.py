"""A tiny random base model of the real classes, and a latents dataset made of random numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, UNet2DConditionModel
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from components.common.data.writing import Writer
from components.common.diffusion.pipeline import GridPipeline
from components.common.stage.params import StageParams
from components.common.vision.models import weights_digest

WORDS = ["<pad>", "<unk>", "a", "red", "blue", "mug", "box", "on", "wood"]
SIDE, CHANNELS, TOKENS, WIDTH = 4, 4, 8, 16
"""Latents of a cell, their channels, tokens of a caption and its width."""


def tiny_vae() -> AutoencoderKL:
    return AutoencoderKL(
        latent_channels=CHANNELS, block_out_channels=(8, 8), norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, sample_size=8,
    )  # fmt: skip


def tiny_unet(in_channels: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=2 * SIDE, in_channels=in_channels, out_channels=CHANNELS, layers_per_block=1,
        block_out_channels=(8, 16), down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=WIDTH, attention_head_dim=2,
        norm_num_groups=4,
    )  # fmt: skip


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", model_max_length=TOKENS
    )


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline folder like Stable Diffusion's: its UNet takes only the noisy latents."""
    torch.manual_seed(0)
    text = CLIPTextConfig(
        vocab_size=len(WORDS), hidden_size=WIDTH, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=TOKENS, pad_token_id=0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("base")
    GridPipeline(
        tiny_vae(), tiny_unet(CHANNELS), CLIPTextModel(text), tiny_tokenizer(), FlowMatchEulerDiscreteScheduler(),
        cell=2 * SIDE,
    ).save_pretrained(folder)  # fmt: skip
    return folder


class Nothing(StageParams):
    """Parameters of the made-up dataset."""


@pytest.fixture(scope="session")
def latents(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 tuples in two parts, every fifth one held out; each group's references contain its own constant."""
    folder, rng = tmp_path_factory.mktemp("latents"), np.random.default_rng(0)
    digests = {part: weights_digest(str(base), part) for part in ("vae", "text_encoder")}
    cell = (CHANNELS, SIDE, SIDE)
    with Writer(folder, "latents", "encoding", {}, Nothing(), digests) as out:
        out.facts = {"cell": 2 * SIDE, "scaling_factor": 1.0}
        for part, rows in enumerate((range(24), range(24, 40))):
            n = len(rows)
            level = np.asarray([(row % 10) / 5 - 1 for row in rows])
            target = np.broadcast_to(level[:, None, None, None], (n, *cell))
            arrays = {
                "target": target,
                "background": rng.normal(size=(n, *cell)) * 0.1,
                "refs": np.repeat(target[:, None], 3, 1) + rng.normal(size=(n, 3, *cell)) * 0.1,
                "mask": np.ones((n, 1, SIDE, SIDE)),
                "text": rng.normal(size=(n, TOKENS, WIDTH)),
            }
            table = [
                {"tuple_id": str(r), "row": r, "split": "train" if r % 5 else "validation", "group": r % 10}
                for r in rows
            ]
            out.write(part, table, arrays={name: value.astype(np.float16) for name, value in arrays.items()})
    return folder
