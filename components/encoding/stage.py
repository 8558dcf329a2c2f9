"""Tuples -> latents: one .safetensors per part with target, background, refs, mask and text, fp16; see `ARRAYS`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file
from transformers import CLIPTextModel, PreTrainedTokenizerBase

from components.common.computing import pick_device
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.diffusion import bases
from components.common.diffusion.pipeline import (
    Autoencoder,
    encode_pixels,
    encode_text,
    latent_masks,
    pixels,
    pixels_per_latent,
)
from components.common.errors import UserError
from components.common.references import REFERENCE_NAMES, VALIDATION
from components.common.stage.progress import track
from components.common.stage.report import Report
from components.common.vision.images import stored_picture
from components.common.vision.models import weights_digest
from components.encoding.params import Params

ARRAYS = ("target", "background", "refs", "mask", "text")
"""[N, C, H, W], [N, C, H, W], [N, 3, C, H, W], [N, 1, H, W] in 0..1 and [N, T, D]."""
CELLS = ("target", "background", *REFERENCE_NAMES)


@dataclass(frozen=True)
class Encoders:
    """The frozen parts of the base model."""

    vae: Autoencoder
    text_encoder: CLIPTextModel
    tokenizer: PreTrainedTokenizerBase

    @property
    def factor(self) -> int:
        """Pixels per latent, along one side."""
        return pixels_per_latent(self.vae)


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """tuples -> latents. Raises `UserError` if the base model is absent or the cell is not a multiple of its factor."""
    tuples = Dataset(inputs["tuples"])
    cell = tuples.facts["cell"]
    encoders = _load(params, cell)
    rows = tuples.rows()
    starts = range(0, len(rows), params.part_rows)
    digests = {part: weights_digest(params.base_generation, part) for part in ("vae", "text_encoder")}
    with Writer(outputs["latents"], "latents", "encoding", inputs, params, digests) as out:
        out.facts = {"cell": cell, "scaling_factor": encoders.vae.config.scaling_factor}
        for index, start in enumerate(track(starts, "encoding")):
            if not out.done(index):
                part = rows[start : start + params.part_rows]
                out.write(index, _table(part, start), arrays=_arrays(tuples, part, encoders, params.batch))
    return _report(Dataset(outputs["latents"]), encoders)


def _load(params: Params, cell: int) -> Encoders:
    base = params.base_generation
    device = pick_device(params.device)
    text_encoder = bases.load_text_encoder(base)
    text_encoder.to(device)  # type: ignore[arg-type]  # transformers wraps Module.to
    encoders = Encoders(bases.load_vae(base).to(device), text_encoder, bases.load_tokenizer(base))
    if cell % encoders.factor:
        raise UserError(f"crops.cell = {cell} is not a multiple of {encoders.factor}, which {base} needs")
    return encoders


def _table(rows: Sequence[Mapping[str, Any]], start: int) -> list[dict[str, Any]]:
    keys = ("tuple_id", "split", "group")
    return [{key: row[key] for key in keys} | {"row": start + k} for k, row in enumerate(rows)]


def _arrays(
    tuples: Dataset, rows: Sequence[Mapping[str, Any]], encoders: Encoders, batch: int
) -> dict[str, np.ndarray]:
    """The arrays of one part, encoded in batches with fixed boundaries."""
    cell = tuples.facts["cell"]
    batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    encoded = [_encode(tuples, chunk, encoders, cell) for chunk in batches]
    return {name: np.concatenate([chunk[name] for chunk in encoded]) for name in ARRAYS}


def _encode(tuples: Dataset, rows: Sequence[Mapping[str, Any]], encoders: Encoders, cell: int) -> dict[str, np.ndarray]:
    def pictures(name: str) -> list[Image.Image]:
        return [stored_picture(tuples, row, name) for row in rows]

    # One list of single cells: the autoencoder never sees two cells side by side.
    cells_BCHW = pixels([picture for name in CELLS for picture in pictures(name)], cell)
    target, background, *refs = encode_pixels(encoders.vae, cells_BCHW).chunk(len(CELLS))
    latents = {
        "target": target,
        "background": background,
        "refs": torch.stack(refs, dim=1),
        "mask": latent_masks(pictures("mask"), cell // encoders.factor),
        "text": encode_text(encoders.tokenizer, encoders.text_encoder, [row["caption"] for row in rows]),
    }
    return {name: value.cpu().to(torch.float16).numpy() for name, value in latents.items()}


def _report(latents: Dataset, encoders: Encoders) -> Report:
    splits = latents.table(["split"])["split"].to_pylist()
    metrics: dict[str, float] = {"tuples": len(latents), "validation_tuples": splits.count(VALIDATION)}
    if splits:
        first = load_file(latents.files(".safetensors")[0])["target"].astype(np.float32)
        metrics |= {"latent_mean": round(float(first.mean()), 4), "latent_std": round(float(first.std()), 4)}
    size = sum(path.stat().st_size for path in latents.files(".safetensors"))
    return Report(metrics=metrics | {"megabytes": round(size / 2**20, 2)})
