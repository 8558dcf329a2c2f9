"""The tiny autoencoder of the base models: 32-px cells to 16x16 latents of eight channels.

`AutoencoderTiny` rather than `AutoencoderKL`: without normalisation layers it reaches a given sharpness in a tenth of
the time, and sharpness matters most for pictures of this size.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch import Tensor

from components.common.data.seeds import numpy_rng
from components.sandbox.training.crops import SplitData, read_split
from components.sandbox.training.fit import draws, fit

CELL, CHANNELS, WIDTH = 32, 8, 32
BATCH, LR = 16, 4e-3
LATENT_NOISE, SIZE_WEIGHT = 0.02, 1e-4
"""Noise on the latents in training keeps the decoder smooth; the penalty keeps them from outgrowing it."""
SIDES = (28, 112)
"""Sides of the training crops in the photograph, px: from tighter than any window to most of a photograph."""


def build() -> AutoencoderTiny:
    """The untrained model."""
    return AutoencoderTiny(
        latent_channels=CHANNELS, encoder_block_out_channels=(WIDTH,) * 2, decoder_block_out_channels=(WIDTH,) * 2,
        num_encoder_blocks=(1, 2), num_decoder_blocks=(2, 1),
    )  # fmt: skip


def train(world: Path, steps: int, seed: int = 0) -> AutoencoderTiny:
    """Trains on random recoloured crops of a split's photographs; latents are scaled to a unit standard deviation."""
    photos_NCHW = torch.from_numpy(read_split(world).photos).permute(0, 3, 1, 2)
    torch.manual_seed(seed)
    vae = build()

    def loss_at(step: int) -> Tensor:
        pixels_BCHW = crops(photos_NCHW, BATCH, numpy_rng(seed, "vae", step))
        latents_BCHW = vae.encode(pixels_BCHW).latents
        noise_BCHW = torch.randn(latents_BCHW.shape, generator=draws(seed, "vae", step))
        drawn_BCHW = vae.decode(latents_BCHW + LATENT_NOISE * noise_BCHW).sample
        return (drawn_BCHW - pixels_BCHW).abs().mean() + SIZE_WEIGHT * (latents_BCHW**2).mean()

    fit(vae, loss_at, steps, LR, "training the autoencoder", weight_decay=0.0)
    with torch.no_grad():
        latents_BCHW = vae.encode(crops(photos_NCHW, 512, numpy_rng(seed, "vae", "scale"))).latents
    vae.register_to_config(scaling_factor=round(1 / float(latents_BCHW.std()), 4))
    return vae


def crops(photos_NCHW: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """Random squares of random photographs, channels permuted, [count, 3, CELL, CELL] in -1..1."""
    squares = []
    for _ in range(count):
        side = int(rng.integers(*SIDES))
        y, x = rng.integers(0, photos_NCHW.shape[-1] - side + 1, 2)
        photo_CHW = photos_NCHW[int(rng.integers(len(photos_NCHW)))][rng.permutation(3).tolist()]
        square = Image.fromarray(photo_CHW[:, y : y + side, x : x + side].permute(1, 2, 0).numpy())
        squares.append(np.asarray(square.resize((CELL, CELL), Image.Resampling.BICUBIC), np.float32))
    pixels_BCHW = torch.as_tensor(np.stack(squares)).permute(0, 3, 1, 2) / 127.5 - 1
    return pixels_BCHW.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def psnr(vae: AutoencoderTiny, data: SplitData, count: int = 256) -> float:
    """Mean peak signal-to-noise ratio (dB) of random cells of a split, encoded and decoded."""
    pixels_BCHW = crops(torch.from_numpy(data.photos).permute(0, 3, 1, 2), count, numpy_rng(0, "psnr"))
    drawn_BCHW = vae.decode(vae.encode(pixels_BCHW).latents).sample.clamp(-1, 1)
    error_B = ((drawn_BCHW - pixels_BCHW) ** 2).mean(dim=(1, 2, 3))
    return float((10 * torch.log10(4 / error_B)).mean())
