"""Tiny random captioners of the classes that are used in production."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipProcessor,
    CLIPImageProcessorPil,
    GitConfig,
    GitForCausalLM,
    GitProcessor,
    GPT2Config,
    PreTrainedTokenizerFast,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
)
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

WORDS = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "[DEC]", "a", "red", "disc", "mug", "on", "floor")
SIDE = {"height": 32, "width": 32}


@pytest.fixture(scope="session", params=["blip", "git", "pair"])
def captioner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained captioner: BLIP, GIT or a pair of ViT and GPT-2."""
    torch.manual_seed(0)
    folder: Path = tmp_path_factory.mktemp(request.param)
    {"blip": _blip, "git": _git, "pair": _pair}[request.param](folder)
    return folder


def _bert_tokenizer() -> BertTokenizer:
    return BertTokenizer(vocab={word: k for k, word in enumerate(WORDS)})


def _blip(folder: Path) -> None:
    text = {"vocab_size": len(WORDS), "hidden_size": 16, "encoder_hidden_size": 16, "intermediate_size": 16,
            "num_hidden_layers": 1, "num_attention_heads": 2, "projection_dim": 16, "max_position_embeddings": 40,
            "bos_token_id": 5, "eos_token_id": 2, "sep_token_id": 2, "pad_token_id": 0}  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8}  # fmt: skip
    BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    BlipProcessor(BlipImageProcessorPil(size=SIDE), _bert_tokenizer()).save_pretrained(folder)


def _git(folder: Path) -> None:
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8}  # fmt: skip
    config = GitConfig(vision_config=vision, vocab_size=len(WORDS), hidden_size=16, intermediate_size=16,
                       num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=40,
                       bos_token_id=1, eos_token_id=2, pad_token_id=0)  # fmt: skip
    GitForCausalLM(config).save_pretrained(folder)
    pixels = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=SIDE)
    GitProcessor(pixels, _bert_tokenizer()).save_pretrained(folder)


def _pair(folder: Path) -> None:
    encoder = ViTConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                        image_size=32, patch_size=8)  # fmt: skip
    decoder = GPT2Config(vocab_size=len(WORDS), n_positions=40, n_embd=16, n_layer=1, n_head=2,
                         bos_token_id=1, eos_token_id=2, pad_token_id=0)  # fmt: skip
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        encoder, decoder, decoder_start_token_id=1, pad_token_id=0, eos_token_id=2
    )
    VisionEncoderDecoderModel(config).save_pretrained(folder)
    core = Tokenizer(WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="[UNK]"))
    core.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="[PAD]", bos_token="[CLS]", eos_token="[SEP]")
    tokenizer.save_pretrained(folder)
    ViTImageProcessorPil(size=SIDE).save_pretrained(folder)
