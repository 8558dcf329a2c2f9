"""The parts of a pre-trained latent diffusion model (`sandbox:NAME`, a pipeline folder or a hub id), one by one."""

from typing import Any

import diffusers
import torch
from diffusers import AutoModel, DDPMScheduler, SchedulerMixin, UNet2DConditionModel
from transformers import AutoTokenizer, CLIPTextModel, PreTrainedTokenizerBase

from components.common.diffusion.pipeline import Autoencoder
from components.common.errors import UserError
from components.common.vision.models import from_pretrained, resolve, weights_digest

FULL: dict[str, Any] = {"dtype": torch.float32, "low_cpu_mem_usage": False}
"""The other way of loading needs accelerate and gains nothing below a few billion parameters."""


def load_vae(base: str, revision: str | None) -> Autoencoder:
    """The autoencoder, of the class that its config names, frozen, in float32."""
    vae = from_pretrained(AutoModel, base, revision, subfolder="vae", **FULL)
    return vae.requires_grad_(False).eval()


def load_unet(base: str, revision: str | None) -> UNet2DConditionModel:
    """The UNet in float32: master weights are never narrower, whatever the precision of the training."""
    return from_pretrained(UNet2DConditionModel, base, revision, subfolder="unet", **FULL)


def load_text_encoder(base: str, revision: str | None) -> CLIPTextModel:
    """The text encoder, frozen, in float32."""
    encoder = from_pretrained(CLIPTextModel, base, revision, subfolder="text_encoder", dtype=torch.float32)
    return encoder.requires_grad_(False).eval()


def load_tokenizer(base: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The text encoder's tokenizer."""
    return from_pretrained(AutoTokenizer, base, revision, subfolder="tokenizer")


def load_scheduler(base: str, revision: str | None) -> SchedulerMixin:
    """The sampler, of the class that its config names."""
    options: dict[str, Any] = {"subfolder": "scheduler", "revision": revision}
    try:
        name = DDPMScheduler.load_config(resolve(base), **options)["_class_name"]
        return getattr(diffusers, name).from_pretrained(resolve(base), **options)
    except (OSError, KeyError, AttributeError) as error:
        raise UserError(f"{base} has no scheduler/scheduler_config.json that diffusers knows") from error


def part_digest(base: str, part: str, revision: str | None) -> str:
    """The identity of one part, such as `vae`."""
    return weights_digest(f"{resolve(base)}/{part}", revision)
