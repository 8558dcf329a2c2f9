"""The trained model as a diffusers pipeline: references (and a scene, or a prompt) in, pictures out.

>>> pipeline = GridPipeline.from_pretrained("data/model_insertion/pipeline")
>>> picture = pipeline([view], background, mask, seeds=[0])[0]

A pipeline folder holds vae, unet, text_encoder, tokenizer and scheduler, as Stable Diffusion's do.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, DiffusionPipeline, SchedulerMixin, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextModel, PreTrainedTokenizerBase

from components.common.data.seeds import torch_generator
from components.common.diffusion import grid
from components.common.references import GUIDANCE, GUIDANCE_TEXT, REFERENCES, STEPS, fill_references

References = Sequence[Image.Image]
Autoencoder: TypeAlias = AutoencoderKL | AutoencoderTiny


LOADING_KEYS = ("_name_or_path", "is_local", "local_files_only")
"""Config keys in which transformers and diffusers record how a model was loaded, not what it is."""


class GridPipeline(DiffusionPipeline):
    """Draws the target cell of a 2x2 grid whose other cells are references (`components.common.diffusion.grid`).

    cell: side of a cell, px. The UNet's input channels determine the task: with background and mask it inserts, without
    them it generates from a prompt.
    """

    def __init__(
        self,
        vae: Autoencoder,
        unet: UNet2DConditionModel,
        text_encoder: CLIPTextModel,
        tokenizer: PreTrainedTokenizerBase,
        scheduler: SchedulerMixin,
        cell: int = 256,
    ):
        super().__init__()
        self.register_modules(vae=vae, unet=unet, text_encoder=text_encoder, tokenizer=tokenizer, scheduler=scheduler)
        self.register_to_config(cell=cell)

    @classmethod
    def from_pretrained(cls, *args: Any, **options: Any) -> "GridPipeline":
        """As in diffusers; weights are widened to float32 unless `dtype` says otherwise."""
        return super().from_pretrained(*args, **{"dtype": torch.float32, "low_cpu_mem_usage": False} | options)

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> None:
        """As in diffusers, but the configs omit where the parts came from, so that equal models give equal bytes."""
        super().save_pretrained(save_directory, **options)
        for path in Path(save_directory).rglob("*.json"):
            values = json.loads(path.read_text(encoding="utf-8"))
            kept = {key: value for key, value in values.items() if key not in LOADING_KEYS}
            if len(kept) < len(values):
                path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")

    @property
    def cell(self) -> int:
        """Side of a cell, px."""
        return self.config.cell

    @property
    def inserts(self) -> bool:
        """Whether the UNet takes a background and a mask."""
        return self.unet.config.in_channels > self.vae.config.latent_channels

    @torch.no_grad()
    def __call__(
        self,
        references: References | Sequence[References],
        background: Image.Image | Sequence[Image.Image] | None = None,
        mask: Image.Image | Sequence[Image.Image] | None = None,
        prompt: str | Sequence[str] | None = None,
        num_inference_steps: int = STEPS,
        guidance_refs: float = GUIDANCE,
        guidance_text: float = GUIDANCE_TEXT,
        seeds: Sequence[int] | None = None,
        batch: int = 16,
        on_step: Callable[[], object] | None = None,
    ) -> list[Image.Image]:
        """One picture per sample, cell x cell px.

        references: one to three pictures of the object; for several samples, a list of these.
        background, mask: the scene without the object and where it goes (white), needed if `inserts`; all pictures
        are squashed to the cell. prompt: what to draw, for a generating model. num_inference_steps: sampler steps.
        guidance_refs, guidance_text: weights of the references and of the prompt (1 = none beyond the model's own;
        defaults from Alterbute). seeds: one per sample (default 0, 1, ...): a sample's noise depends on its seed alone.
        batch: samples at a time. on_step: called after each sampler step. Raises `ValueError` if the inputs do not fit
        the task or each other.
        """
        samples: list[list[Image.Image]] = _samples(references)
        count = len(samples)
        seeds = [*(range(count) if seeds is None else seeds)]
        scenes, masks = _listed(background, count), _listed(mask, count)
        prompts = _listed(prompt, count) or [""] * count
        if self.inserts and not (scenes and masks):
            raise ValueError("this model inserts: give a background and a mask")
        if len(seeds) != count:
            raise ValueError(f"{len(seeds)} seeds for {count} samples")
        pictures: list[Image.Image] = []
        for start in self.progress_bar(range(0, count, batch)):
            part = slice(start, start + batch)
            refs_BKCHW = self.encode_references(samples[part])
            background_BCHW = self.encode(scenes[part]) if self.inserts and scenes else None
            mask_B1HW = self.encode_masks(masks[part]) if self.inserts and masks else None
            text_BTD = self.encode_text(prompts[part])
            latents_BCHW = self.denoise(
                refs_BKCHW, background_BCHW, mask_B1HW, text_BTD, self.noise(seeds[part]),
                num_inference_steps, guidance_refs, guidance_text, on_step,
            )  # fmt: skip
            pictures += self.decode(latents_BCHW)
        return pictures

    def noise(self, seeds: Sequence[int]) -> torch.Tensor:
        """Initial noise [B, C, H, W], each sample from its own seed."""
        side = self.unet.config.sample_size // 2
        shape = (self.vae.config.latent_channels, side, side)
        return torch.stack([torch.randn(shape, generator=torch_generator(seed, "sample")) for seed in seeds])

    @torch.no_grad()
    def denoise(
        self,
        refs_BKCHW: torch.Tensor,
        background_BCHW: torch.Tensor | None,
        mask_B1HW: torch.Tensor | None,
        text_BTD: torch.Tensor,
        noise_BCHW: torch.Tensor,
        steps: int,
        guidance_refs: float = 1.0,
        guidance_text: float = 1.0,
        on_step: Callable[[], object] | None = None,
    ) -> torch.Tensor:
        """Target latents [B, C, H, W] from noise, with the pipeline's scheduler."""
        device, dtype = self.unet.device, self.unet.dtype
        self.scheduler.set_timesteps(steps, device=device)
        latents_BCHW = noise_BCHW.to(device, dtype) * getattr(self.scheduler, "init_noise_sigma", 1.0)
        null_BTD = self.encode_text([""]).to(text_BTD).expand_as(text_BTD)
        for t in self.scheduler.timesteps:
            scaled_BCHW = latents_BCHW
            if hasattr(self.scheduler, "scale_model_input"):
                scaled_BCHW = self.scheduler.scale_model_input(latents_BCHW, t)

            def predict(
                refs: torch.Tensor, text: torch.Tensor, noisy: torch.Tensor = scaled_BCHW, t: torch.Tensor = t
            ) -> torch.Tensor:
                cells = grid.assemble(refs.to(device, dtype), noisy)
                if background_BCHW is not None and mask_B1HW is not None:
                    cells = grid.add_scene(cells, background_BCHW.to(device, dtype), mask_B1HW.to(device, dtype))
                return grid.target_cell(self.unet(cells, t, text.to(device, dtype), return_dict=False)[0])

            guided_BCHW = guide(predict, refs_BKCHW, text_BTD, null_BTD, guidance_refs, guidance_text)
            latents_BCHW = self.scheduler.step(guided_BCHW, t, latents_BCHW, return_dict=False)[0]
            if on_step:
                on_step()
        return latents_BCHW

    def encode_references(self, samples: Sequence[References]) -> torch.Tensor:
        """Latents [B, 3, C, H, W] of one to three references per sample, each encoded alone."""
        filled = [picture for refs in samples for picture in fill_references(refs)]
        return self.encode(filled).unflatten(0, (len(samples), REFERENCES))

    def encode(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        """Latents [B, C, H, W] of pictures."""
        return encode_pixels(self.vae, pixels([*pictures], self.cell))

    def encode_masks(self, masks: Sequence[Image.Image]) -> torch.Tensor:
        """Masks [B, 1, H, W] in 0..1: which share of each latent's pixels is masked."""
        return latent_masks([*masks], self.unet.config.sample_size // 2)

    def encode_text(self, prompts: Sequence[str]) -> torch.Tensor:
        """Text embeddings [B, T, D]."""
        return encode_text(self.tokenizer, self.text_encoder, prompts)

    def decode(self, latents_BCHW: torch.Tensor) -> list[Image.Image]:
        """The pictures that latents encode."""
        config = self.vae.config
        latents = latents_BCHW.to(self.vae.device, self.vae.dtype) / config.scaling_factor + (config.shift_factor or 0)
        pixels_BCHW = self.vae.decode(latents, return_dict=False)[0]
        scaled = ((pixels_BCHW.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return [Image.fromarray(array) for array in scaled.permute(0, 2, 3, 1).cpu().numpy()]


def guide(
    predict: Any,
    refs_BKCHW: torch.Tensor,
    text_BTD: torch.Tensor,
    null_BTD: torch.Tensor,
    guidance_refs: float,
    guidance_text: float,
) -> torch.Tensor:
    """Dual classifier-free guidance: references first, then text on top of them (InstructPix2Pix section 3.2.1).

    Null references are zero cells, as in training. A weight of 1 costs no extra forward pass; guiding by text does
    nothing if the prompt is the null prompt.
    """
    full_BCHW = predict(refs_BKCHW, text_BTD)
    has_text = not torch.equal(text_BTD, null_BTD)
    use_text, use_refs = has_text and guidance_text != 1, guidance_refs != 1
    if not (use_text or use_refs):
        return full_BCHW
    refs_only_BCHW = predict(refs_BKCHW, null_BTD) if has_text else full_BCHW
    guided_BCHW = refs_only_BCHW + guidance_text * (full_BCHW - refs_only_BCHW)
    if use_refs:
        nothing_BCHW = predict(torch.zeros_like(refs_BKCHW), null_BTD)
        guided_BCHW = guided_BCHW + (guidance_refs - 1) * (refs_only_BCHW - nothing_BCHW)
    return guided_BCHW


def pixels(pictures: list[Image.Image], side: int) -> torch.Tensor:
    """Pictures squashed to side x side px as [B, 3, side, side] in -1..1."""
    size = (side, side)
    arrays = [np.asarray(p.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.float32) for p in pictures]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2) / 127.5 - 1


def latent_masks(masks: list[Image.Image], side: int) -> torch.Tensor:
    """Masks as [B, 1, side, side] in 0..1, averaged over the pixels of each latent."""
    arrays = [np.asarray(m.convert("L").resize((side, side), Image.Resampling.BOX), np.float32) for m in masks]
    return torch.from_numpy(np.stack(arrays))[:, None] / 255


@torch.no_grad()
def encode_pixels(vae: Autoencoder, pixels_BCHW: torch.Tensor) -> torch.Tensor:
    """Scaled latents: the mode of a variational autoencoder's posterior, so that nothing is random."""
    encoded = vae.encode(pixels_BCHW.to(vae.device, vae.dtype))
    latents_BCHW = encoded.latents if isinstance(vae, AutoencoderTiny) else encoded.latent_dist.mode()
    return (latents_BCHW - (vae.config.shift_factor or 0)) * vae.config.scaling_factor


def pixels_per_latent(vae: Autoencoder) -> int:
    """The factor by which the autoencoder shrinks each side."""
    levels = (
        vae.config.encoder_block_out_channels if isinstance(vae, AutoencoderTiny) else vae.config.block_out_channels
    )
    return 2 ** (len(levels) - 1)


@torch.no_grad()
def encode_text(tokenizer: PreTrainedTokenizerBase, encoder: CLIPTextModel, prompts: Sequence[str]) -> torch.Tensor:
    """The text encoder's last hidden states [B, T, D], padded to its full length."""
    length = encoder.config.max_position_embeddings
    tokens = tokenizer([*prompts], padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    return encoder(tokens.input_ids.to(encoder.device)).last_hidden_state


def _samples(references: Any) -> list[list[Image.Image]]:
    """One sample's references, or a list of these, as a list of lists."""
    one = not references or isinstance(references[0], Image.Image)
    return [[*references]] if one else [[*refs] for refs in references]


def _listed(value: Any, count: int) -> list[Any] | None:
    """One value or a sequence of them as a list of `count`."""
    if value is None:
        return None
    values = [value] if isinstance(value, str | Image.Image) else [*value]
    if len(values) != count:
        raise ValueError(f"{len(values)} values for {count} samples: give one per sample")
    return values
