"""The 2x2 grid of latents: three clean reference cells and, at the bottom right, the target cell.

ObjectMate section 4: an unmodified text-to-image UNet sees references and target as one picture, so that its own
self-attention carries the identity across. Each cell is encoded alone and tiled afterwards; otherwise the autoencoder's
convolutions would leak the target into its neighbours. Shape suffixes: B batch, K references, C latent channels, H and
W sides of a cell; a grid's sides are 2H and 2W.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel


def assemble(refs_BKCHW: torch.Tensor, target_BCHW: torch.Tensor) -> torch.Tensor:
    """The grid: references at the top left, top right and bottom left, the target at the bottom right."""
    top = torch.cat([refs_BKCHW[:, 0], refs_BKCHW[:, 1]], dim=-1)
    bottom = torch.cat([refs_BKCHW[:, 2], target_BCHW], dim=-1)
    return torch.cat([top, bottom], dim=-2)


def target_cell(grid_BCHW: torch.Tensor) -> torch.Tensor:
    """The bottom-right quarter of a grid."""
    return grid_BCHW[..., grid_BCHW.shape[-2] // 2 :, grid_BCHW.shape[-1] // 2 :]


def add_scene(grid_BCHW: torch.Tensor, background_BCHW: torch.Tensor, mask_B1HW: torch.Tensor) -> torch.Tensor:
    """The grid with background and mask as extra channels: set in the target cell, zero in the reference cells."""
    scene = torch.cat([background_BCHW, mask_B1HW], dim=1)
    height, width = scene.shape[-2:]
    return torch.cat([grid_BCHW, nn.functional.pad(scene, (width, 0, height, 0))], dim=1)


def scene_channels(latent_channels: int) -> int:
    """Input channels of an insertion UNet: noisy latents, background latents and mask (9 for 4 latent channels)."""
    return 2 * latent_channels + 1


def expand_conv_in(unet: "UNet2DConditionModel", in_channels: int) -> None:
    """Adds input channels to a UNet in place, without changing what it computes from the old ones.

    Weight and bias are copied and the new weights are zero: with zeros in the new channels the output is bit-equal.
    Raises `ValueError` if the UNet already has more channels than asked for.
    """
    old: Any = unet.conv_in
    if old.in_channels == in_channels:
        return
    if old.in_channels > in_channels:
        raise ValueError(f"the UNet has {old.in_channels} input channels, more than {in_channels}")
    new: Any = nn.Conv2d(in_channels, old.out_channels, old.kernel_size, old.stride, old.padding)
    new = new.to(old.weight.device, old.weight.dtype)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, : old.in_channels] = old.weight
        new.bias.copy_(old.bias)
    assert not new.weight[:, old.in_channels :].any() and torch.equal(new.bias, old.bias)
    unet.conv_in = new
    unet.register_to_config(in_channels=in_channels)
