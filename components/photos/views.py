"""What the backbone sees of a crop, plain and augmented, as pooled features: they are computed once and trained on."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

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

PLAIN = 2
"""The first views: the crop and its mirror image, whose mean is the embedding."""
TURN = 25  # degrees to either side
LEAST = 0.55  # share of the crop's area that is left
STRETCH = 0.25  # of the aspect ratio, natural logarithm
LIGHT = 0.35  # of brightness, contrast and saturation
TINT = 0.12  # of each colour channel
PART = 16
LAYOUT = 1
"""Changes with how views are made, so that no older features are used."""
BLUR = (0.3, 1.5)  # px, in three of ten views


def features(backbone: Path, crops: Sequence[Crop], views: int, seed: int, device: str) -> np.ndarray:
    """Unit features, float32 [N, views, D]: the crop, its mirror image, then augmented ones.

    backbone: a model folder. The augmentation depends on the seed and the object alone. What is computed stays in the
    user's cache, PART crops a file: a training that was stopped, or that takes other subjects, goes on from there.
    """
    encoder = load_encoder(str(backbone), device, batch=views)
    made = [encoder.digest, encoder.preprocess, views, seed]
    parts = [crops[start : start + PART] for start in range(0, len(crops), PART)]
    return np.concatenate([_part(encoder, part, made) for part in track(parts, f"parts of {PART} crops seen")])


def _part(encoder: Encoder, crops: Sequence[Crop], made: list[Any]) -> np.ndarray:
    *_, views, seed = made
    pixels = [sha256(crop.picture.tobytes()).hexdigest() for crop in crops]
    name = digest_value([LAYOUT, *made, pixels, [crop.object_id for crop in crops]])
    path = user_cache() / "features" / f"{name}.npy"
    try:
        return np.load(path)
    except (FileNotFoundError, ValueError, EOFError):  # not there yet, or cut off: it is made again
        pass
    seen = np.stack([encoder.embed(_views(crop, views, seed)) for crop in crops]).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.save(file, seen)
    return seen


def _views(crop: Crop, views: int, seed: int) -> Iterable[Image.Image]:
    rng = numpy_rng(seed, "views", crop.object_id)
    yield crop.picture
    yield ImageOps.mirror(crop.picture)
    for _ in range(views - PLAIN):
        yield augmented(crop.picture, rng)


def augmented(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture turned, cut, in another light, sometimes blurred or mirrored."""
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
