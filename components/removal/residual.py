"""A small UNet that corrects the classical fill: it starts from Telea's result and learns what Telea cannot know.

Input (space-to-depth by 2): the photograph, the filled picture and the two areas, 8 x 4 = 32 channels; output: what to
add to the filled picture, 12 channels. The network sees the full photograph, since that shows shadows and reflections.
"""

from typing import Any

import numpy as np
import torch
from diffusers import UNet2DModel
from PIL import Image
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from components.common.computing import pick_device
from components.common.errors import UserError
from components.common.vision.geometry import Box
from components.common.vision.models import from_pretrained, weights_digest
from components.removal.areas import Areas, Framing, fill_window
from components.removal.classical import classical_fill

FOLD = 2  # space-to-depth factor
IN_CHANNELS, OUT_CHANNELS = 8 * FOLD**2, 3 * FOLD**2


def network_input(picture: np.ndarray, filled: np.ndarray, areas: Areas) -> torch.Tensor:
    """Photograph, filled picture (float32 [S, S, 3], 0..1) and areas as float32 [8, S, S], pictures in -1..1."""
    planes = np.concatenate(
        [2 * picture - 1, 2 * filled - 1, areas.erased_HW[..., None], areas.weight_HW[..., None]],
        axis=2,
        dtype=np.float32,
    )
    return torch.from_numpy(planes.transpose(2, 0, 1))


def corrected(unet: Any, inputs_BCHW: torch.Tensor) -> torch.Tensor:
    """The clean pictures, [B, 3, S, S], roughly in -1..1: filled picture + weight x residual."""
    filled_BCHW, weight_BCHW = inputs_BCHW[:, 3:6], inputs_BCHW[:, 7:8]
    folded_BCHW = unet(pixel_unshuffle(inputs_BCHW, FOLD), torch.zeros((), device=inputs_BCHW.device)).sample
    return filled_BCHW + weight_BCHW * pixel_shuffle(folded_BCHW, FOLD).float()


class ResidualRemover:
    """Telea's fill, corrected by a UNet2DModel."""

    def __init__(self, framing: Framing, reference: str, device: str):
        self.framing, self.device = framing, pick_device(device)
        self.unet = from_pretrained(UNet2DModel, reference, dtype=torch.float32, low_cpu_mem_usage=False)
        self.unet.to(self.device).eval()
        channels = (self.unet.config.in_channels, self.unet.config.out_channels)
        if channels != (IN_CHANNELS, OUT_CHANNELS):
            raise UserError(
                f"the model {reference} has {channels[0]} input and {channels[1]} output channels; "
                f"a residual remover has {IN_CHANNELS} and {OUT_CHANNELS}"
            )
        self.digest = weights_digest(reference)

    def remove(self, image: Image.Image, box: Box, key: str) -> tuple[Image.Image, Image.Image]:
        """See `Remover`; nothing is random here, so `key` is not used."""
        return fill_window(image, box, self.framing, self._fill)

    @torch.inference_mode()
    def _fill(self, picture: np.ndarray, areas: Areas) -> np.ndarray:
        inputs_CHW = network_input(picture, classical_fill(picture, areas.erased_HW), areas)
        clean_CHW = corrected(self.unet, inputs_CHW[None].to(self.device))[0].cpu()
        return (clean_CHW.permute(1, 2, 0).numpy() + 1) / 2
