"""The parts of a pre-trained latent diffusion model, one by one; `base` is a model reference (`vision.models`)."""

from typing import Any

import diffusers
import torch
from diffusers import AutoModel, DDPMScheduler, SchedulerMixin, UNet2DConditionModel
from transformers import AutoTokenizer, CLIPTextModel, PreTrainedTokenizerBase

from components.common.diffusion.pipeline import Autoencoder
from components.common.errors import UserError
from components.common.vision.models import at_hand, from_pretrained, locate

FULL: dict[str, Any] = {"dtype": torch.float32, "low_cpu_mem_usage": False}
"""`low_cpu_mem_usage=True` needs accelerate and gains nothing below a few billion parameters."""


def load_vae(base: str) -> Autoencoder:
    """The autoencoder, of the class that its config names, frozen, in float32."""
    vae = from_pretrained(AutoModel, base, subfolder="vae", **FULL)
    return vae.requires_grad_(False).eval()


def load_unet(base: str) -> UNet2DConditionModel:
    """The UNet in float32: master weights are never narrower, whatever the training precision."""
    return from_pretrained(UNet2DConditionModel, base, subfolder="unet", **FULL)


def load_text_encoder(base: str) -> CLIPTextModel:
    """The text encoder, frozen, in float32."""
    encoder = from_pretrained(CLIPTextModel, base, subfolder="text_encoder", dtype=torch.float32)
    return encoder.requires_grad_(False).eval()


def load_tokenizer(base: str) -> PreTrainedTokenizerBase:
    """The text encoder's tokenizer."""
    return from_pretrained(AutoTokenizer, base, subfolder="tokenizer")


def load_scheduler(base: str) -> SchedulerMixin:
    """The sampler, of the class that its config names."""
    located, revision = locate(base)
    where, options = at_hand(located, revision), {"subfolder": "scheduler", "revision": revision}
    try:
        name = DDPMScheduler.load_config(where, **options)["_class_name"]
        return getattr(diffusers, name).from_pretrained(where, **options)
    except (OSError, KeyError, AttributeError) as error:
        raise UserError(f"{base} has no scheduler/scheduler_config.json that diffusers knows") from error
