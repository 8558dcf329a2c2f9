"""The grid of latents: its layout, the scene's channels, and a wider first layer that changes nothing."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from components.common.diffusion import grid
from components.common.references import fill_references


def tiny_unet(in_channels: int = 4) -> UNet2DConditionModel:
    torch.manual_seed(1)
    return UNet2DConditionModel(
        sample_size=8, in_channels=in_channels, out_channels=4, layers_per_block=1, block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16, attention_head_dim=2, norm_num_groups=4,
    ).eval()  # fmt: skip


def test_target_is_the_bottom_right_cell() -> None:
    refs, target = torch.arange(3.0)[None, :, None, None, None].expand(2, 3, 4, 2, 2), torch.full((2, 4, 2, 2), 9.0)
    cells = grid.assemble(refs, target)
    assert cells.shape == (2, 4, 4, 4)
    assert cells[0, 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 9, 9], [2, 2, 9, 9]]
    assert torch.equal(grid.target_cell(cells), target)


def test_the_scene_is_in_the_target_cell_only() -> None:
    cells = grid.add_scene(torch.zeros(1, 4, 4, 4), torch.full((1, 4, 2, 2), 5.0), torch.ones(1, 1, 2, 2))
    assert cells.shape[1] == grid.scene_channels(4) == 9
    assert cells[0, 4].tolist() == [[0] * 4, [0] * 4, [0, 0, 5, 5], [0, 0, 5, 5]]
    assert cells[:, 4:].sum() == 4 * (4 * 5 + 1)


def test_zeros_in_new_channels_give_the_pretrained_output_bit_for_bit() -> None:
    unet, text, time = tiny_unet(), torch.randn(2, 8, 16), torch.tensor([10.0, 500.0])
    noisy = torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        before = unet(noisy, time, text, return_dict=False)[0]
        bias = unet.conv_in.bias.clone()
        grid.expand_conv_in(unet, 9)
        after = unet(torch.cat([noisy, torch.zeros(2, 5, 8, 8)], 1), time, text, return_dict=False)[0]
    assert torch.equal(before, after)
    assert torch.equal(unet.conv_in.bias, bias) and unet.config.in_channels == 9
    assert not unet.conv_in.weight[:, 4:].any()


def test_new_channels_can_learn() -> None:
    unet = tiny_unet()
    grid.expand_conv_in(unet, 9)
    unet(torch.randn(1, 9, 8, 8), torch.tensor([10.0]), torch.randn(1, 8, 16), return_dict=False)[0].sum().backward()
    assert unet.conv_in.weight.grad[:, 4:].abs().sum() > 0


def test_a_narrower_first_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 4"):
        grid.expand_conv_in(tiny_unet(9), 4)


@pytest.mark.parametrize(("kept", "filled"), [([7], [7, 7, 7]), ([7, 8], [7, 8, 7]), ([7, 8, 9], [7, 8, 9])])
def test_missing_references_repeat_kept_ones(kept: list[int], filled: list[int]) -> None:
    assert fill_references(kept) == filled


def test_no_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 3"):
        fill_references([])
