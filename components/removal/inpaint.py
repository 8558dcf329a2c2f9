"""Removal with a diffusers inpainting pipeline (RORem on SDXL, Stable Diffusion, ...) and an empty prompt."""

from typing import Any

import numpy as np
import torch
from diffusers import AutoPipelineForInpainting, UNet2DConditionModel
from PIL import Image

from components.common.computing import pick_device
from components.common.data.digests import digest_value
from components.common.data.seeds import torch_generator
from components.common.vision.geometry import Box
from components.common.vision.models import from_pretrained, weights_digest
from components.removal.areas import Areas, Framing, fill_window
from components.removal.params import Params

FILTERS = ("safety_checker", "feature_extractor")
"""Parts of some pipelines that check the result and may silently blacken it; left out."""


class InpaintRemover:
    """An inpainting pipeline on the window around the object."""

    def __init__(self, framing: Framing, params: Params):
        self.framing, self.params = framing, params
        device = pick_device(params.device)
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.pipeline = _pipeline(params, dtype).to(device)
        self.pipeline.set_progress_bar_config(disable=True)
        self.digest = _digest(params)

    def remove(self, image: Image.Image, box: Box, key: str) -> tuple[Image.Image, Image.Image]:
        """See `Remover`; the noise is a function of the seed and `key`."""
        return fill_window(image, box, self.framing, lambda picture, areas: self._fill(picture, areas, key))

    def _fill(self, picture: np.ndarray, areas: Areas, key: str) -> np.ndarray:
        params = self.params
        output = self.pipeline(
            prompt="",
            image=Image.fromarray(np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)),
            mask_image=Image.fromarray(255 * areas.erased_HW.astype(np.uint8)),
            height=params.size,
            width=params.size,
            num_inference_steps=params.steps,
            guidance_scale=params.guidance,
            strength=params.strength,
            generator=torch_generator(params.seed, "removal", key),
            output_type="np",
        )
        return output.images[0].astype(np.float32)


def _pipeline(params: Params, dtype: torch.dtype) -> Any:
    parts: dict[str, Any] = dict.fromkeys(FILTERS)
    if params.remover_unet:
        parts["unet"] = from_pretrained(UNet2DConditionModel, params.remover_unet, dtype=dtype)
    return from_pretrained(AutoPipelineForInpainting, params.remover, dtype=dtype, **parts)


def _digest(params: Params) -> str:
    pipeline = weights_digest(params.remover)
    return digest_value([pipeline, weights_digest(params.remover_unet)]) if params.remover_unet else pipeline
