"""The backbone's output for plain and augmented crops: pooled features and its tail's inputs, computed once."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch.nn.functional import normalize

from components.common.data.digests import digest_value
from components.common.data.files import replacing
from components.common.data.seeds import numpy_rng
from components.common.stage.progress import track
from components.common.vision.encoders import Encoder, load_encoder
from components.common.vision.lite import user_cache
from components.photos.labelled import Crop
from components.photos.recipe import Recipe
from components.photos.tail import FIRST

PLAIN = 2
"""The first views: the crop and its mirror image, whose mean is the embedding."""
TURN = 25  # degrees to either side
LEAST = 0.55  # share of the crop's area that is left
STRETCH = 0.25  # of the aspect ratio, natural logarithm
LIGHT = 0.35  # of brightness, contrast and saturation
TINT = 0.12  # of each colour channel
LAYOUT = 2
"""Increase it when views are made differently, so that older features are not used."""
BLUR = (0.3, 1.5)  # px, in three of ten views


class Seen(NamedTuple):
    """A network's output for N crops in V views: the crop, its mirror image, then augmented ones.

    features: unit features, float32 [N, V, D]. inside: input of its tail's first block, float16 [N, V, C, H, W].
    """

    features_NVD: np.ndarray
    inside_NVCHW: np.ndarray


def seen(backbone: Path, crops: Sequence[Crop], recipe: Recipe) -> Seen:
    """The output of the backbone, a model folder, for crops.

    The augmentation depends on the seed and the object alone. The output stays in the user's cache, one file per crop:
    a training that was stopped, or that takes other subjects, reuses it.
    """
    encoder = load_encoder(str(backbone), recipe.device)
    by_crop = [_seen(encoder, crop, recipe) for crop in track(crops, f"crops seen in {recipe.views} views")]
    return Seen(*(np.stack(arrays) for arrays in zip(*by_crop, strict=True)))


def _seen(encoder: Encoder, crop: Crop, recipe: Recipe) -> Seen:
    pixels = sha256(crop.picture.tobytes()).hexdigest()
    origin = [LAYOUT, FIRST, encoder.digest, encoder.preprocess, recipe.views, recipe.seed, pixels, crop.object_id]
    path = user_cache() / "features" / f"{digest_value(origin)}.npz"
    try:
        with np.load(path) as file:
            return Seen(file["features"], file["inside"])
    except (FileNotFoundError, ValueError, EOFError, BadZipFile):  # not there yet, or cut off: it is made again
        pass
    computed = _computed(encoder, list(_views(crop, recipe.views, recipe.seed)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez(file, features=computed.features_NVD, inside=computed.inside_NVCHW)
    return computed


@torch.inference_mode()
def _computed(encoder: Encoder, views: list[Image.Image]) -> Seen:
    """Of one crop: features [V, D], inside [V, C, H, W]."""
    output = encoder.model(encoder.pixels(views).to(encoder.device), output_hidden_states=True)
    features = normalize(output.pooler_output.flatten(1), dim=1)
    return Seen(features.cpu().numpy(), output.hidden_states[FIRST].half().cpu().numpy())


def _views(crop: Crop, views: int, seed: int) -> Iterable[Image.Image]:
    rng = numpy_rng(seed, "views", crop.object_id)
    yield crop.picture
    yield ImageOps.mirror(crop.picture)
    for _ in range(views - PLAIN):
        yield augmented(crop.picture, rng)


def augmented(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture rotated, cropped, in another light, sometimes blurred or mirrored."""
    mean = tuple(int(value) for value in np.asarray(picture).reshape(-1, 3).mean(0))
    turned = picture.rotate(rng.uniform(-TURN, TURN), Image.Resampling.BILINEAR, fillcolor=mean)
    seen = _cut(turned, rng)
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        seen = change(seen).enhance(rng.uniform(1 - LIGHT, 1 + LIGHT))
    tinted = np.asarray(seen, np.float32) * rng.uniform(1 - TINT, 1 + TINT, 3)
    seen = Image.fromarray(np.clip(tinted, 0, 255).astype(np.uint8))
    if rng.random() < 0.3:
        seen = seen.filter(ImageFilter.GaussianBlur(rng.uniform(*BLUR)))
    return ImageOps.mirror(seen) if rng.random() < 0.5 else seen


def _cut(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    side, stretch = rng.uniform(LEAST, 1) ** 0.5, np.exp(rng.uniform(-STRETCH, STRETCH) / 2)
    width = min(picture.width, max(round(picture.width * side * stretch), 1))
    height = min(picture.height, max(round(picture.height * side / stretch), 1))
    x, y = int(rng.integers(picture.width - width + 1)), int(rng.integers(picture.height - height + 1))
    return picture.crop((x, y, x + width, y + height))


def embedding(features_NVD: np.ndarray, weight_KD: np.ndarray) -> np.ndarray:
    """Unit vectors, float32 [N, K], as the pipeline embeds: the mean of the plain and the mirrored view's."""
    plain = torch.from_numpy(features_NVD[:, :PLAIN] @ weight_KD.T)
    return normalize(normalize(plain, dim=-1).mean(1), dim=-1).numpy()
