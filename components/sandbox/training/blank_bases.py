"""Makes blank base models to train, and packs trained ones with a card: before and after the training stage."""

import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, UNet2DConditionModel
from transformers import AutoTokenizer, CLIPTextModel

from components.common.diffusion.grid import scene_channels
from components.common.diffusion.pipeline import GridPipeline
from components.common.vision.models import from_pretrained
from components.sandbox.training.autoencoder import CELL, CHANNELS
from components.sandbox.training.fit import write_card

CLIP = "sandbox:clip"
INSERTION_CHANNELS = scene_channels(CHANNELS)
WIDTHS = (32, 64, 112)
SHIFT = 2.5
"""Shift of the noise levels. Far above it a model learns what the references show but never draws it sharply; at 1,
small latents hide too little for the references to matter."""
ABOUT = (
    "Base model for {task}: a folder for `components.common.diffusion.pipeline.GridPipeline`, whose UNet draws the "
    "bottom right cell of a 2x2 grid of 32-px cells from three references{scene}. The default run starts from it and "
    "trains on its own mined tuples."
)


def blank_unet(in_channels: int, text_width: int, seed: int = 0) -> UNet2DConditionModel:
    """The untrained UNet, with self- and text attention at the two lower levels of the 32x32 latent grid."""
    torch.manual_seed(seed)
    return UNet2DConditionModel(
        sample_size=CELL, in_channels=in_channels, out_channels=CHANNELS, layers_per_block=1,
        block_out_channels=WIDTHS, norm_num_groups=8, attention_head_dim=4, cross_attention_dim=text_width,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip


def scheduler() -> DPMSolverMultistepScheduler:
    """A flow that predicts the picture, with steps and training shifted towards noise.

    Where little of the picture is left, the references decide.
    """
    return DPMSolverMultistepScheduler(prediction_type="sample", use_flow_sigmas=True, flow_shift=SHIFT, solver_order=1)


def save_base(folder: Path, vae: AutoencoderTiny, unet: UNet2DConditionModel, clip: str = CLIP) -> None:
    """Writes a pipeline folder of these parts and the text tower of a CLIP folder."""
    tower = from_pretrained(CLIPTextModel, clip, dtype=torch.float32)
    tokenizer = from_pretrained(AutoTokenizer, clip)
    pipeline = GridPipeline(vae, unet, tower, tokenizer, scheduler(), cell=CELL)
    pipeline.save_pretrained(folder)


def text_width(clip: str = CLIP) -> int:
    """Width of a CLIP folder's text embeddings."""
    return from_pretrained(CLIPTextModel, clip).config.hidden_size


def without_scene(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """The insertion UNet as a start for generation: without the input channels of background and mask."""
    old = unet.conv_in
    new = torch.nn.Conv2d(CHANNELS, old.out_channels, old.kernel_size, old.stride, old.padding)
    new.load_state_dict({"weight": old.weight[:, :CHANNELS].detach().clone(), "bias": old.bias.detach().clone()})
    unet.conv_in = new
    unet.register_to_config(in_channels=CHANNELS)
    return unet


def pack(trained: Path, task: str, facts: dict[str, object], metrics: dict[str, float], models: Path) -> Path:
    """Copies a trained pipeline to `models/base_TASK` and writes its card."""
    target = models / f"base_{task}"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(trained, target)
    scene = ", the clean scene and a mask" if task == "insertion" else " and a caption"
    write_card(
        target, f"Grid UNet for {task} of rendered products", ABOUT.format(task=task, scene=scene), facts, metrics
    )
    return target
