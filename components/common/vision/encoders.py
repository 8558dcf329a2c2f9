"""Image encoders: pictures in, unit vectors out. Mining, the metrics and the gates all embed through this module.

Any transformers vision model works; what counts as its embedding follows its published use (see `_features`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
import transformers
from PIL import Image
from torch.nn.functional import normalize

from components.common.computing import pick_device
from components.common.errors import UserError
from components.common.vision.geometry import padded_square
from components.common.vision.models import from_pretrained, weights_digest

Framing = Literal["pad", "squash"]
"""How a crop becomes a square. pad: whole crop, borders in its mean colour. squash: both sides stretched to fit."""

BATCH = 32


class Encoder:
    """A vision model with its preprocessing, made by `load_encoder`.

    dim: length of the vectors. digest: identity of the weights. side: px of the model's square input.
    """

    def __init__(
        self, model: Any, processor: Any, digest: str, device: torch.device, framing: Framing, mirror: bool, batch: int
    ):
        self.model, self.processor, self.digest, self.device = model, processor, digest, device
        self.framing, self.mirror, self.batch = framing, mirror, batch
        self.side = _input_side(processor, model.config)
        self.dim = self.embed([Image.new("RGB", (self.side, self.side))]).shape[1]

    @property
    def preprocess(self) -> dict[str, Any]:
        """What happens to a picture before the model sees it, JSON-able, for manifests and metric specs."""
        return {
            "framing": self.framing,
            "mirror": self.mirror,
            "side": self.side,
            "resample": "bicubic",
            "mean": list(self.processor.image_mean),
            "std": list(self.processor.image_std),
        }

    def embed(self, images: Iterable[Image.Image]) -> np.ndarray:
        """Unit vectors of pictures of any size and mode: float32 [N, dim], N = 0 included.

        Batches have a fixed size and follow the order of `images`; an iterator is read batch by batch.
        A row is NaN where the model's output is not finite or zero.
        """
        vectors = [self.embed_pixels(self.pixels(batch)) for batch in _batches(images, self.batch)]
        return np.concatenate(vectors) if vectors else np.zeros((0, self.dim), np.float32)

    def pixels(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """The model's input for some pictures: float32 [B, 3, side, side]."""
        squares = [self._square(image.convert("RGB")) for image in images]
        processed = self.processor(squares, do_resize=False, do_center_crop=False, return_tensors="pt")
        return processed["pixel_values"].to(torch.float32)

    def _square(self, image: Image.Image) -> Image.Image:
        if self.framing == "pad":
            return padded_square(image, self.side)
        return image.resize((self.side, self.side), Image.Resampling.BICUBIC)

    @torch.inference_mode()
    def embed_pixels(self, pixels_BCHW: torch.Tensor) -> np.ndarray:
        """Unit vectors [B, dim] of prepared input; with `mirror`, of the mean of the plain and the mirrored view."""
        pixels_BCHW = pixels_BCHW.to(self.device)
        features_BD = self._unit(pixels_BCHW)
        if self.mirror:
            features_BD = normalize(features_BD + self._unit(pixels_BCHW.flip(-1)), dim=1, eps=0.0)
        return features_BD.cpu().numpy()

    def _unit(self, pixels_BCHW: torch.Tensor) -> torch.Tensor:
        # eps = 0 turns a zero vector, which has no direction, into NaN.
        return normalize(_features(self.model, pixels_BCHW).float(), dim=1, eps=0.0)


def check_finite(vectors: np.ndarray, names: Sequence[str]) -> None:
    """Raises `UserError` naming the first object whose vector, of [N, d], is not finite: it would match nothing."""
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise UserError(
            f"the encoder gives no finite vector for object {names[bad[0]]}: "
            "look at its crop; if it is a picture, the model's weights are damaged"
        )


def load_encoder(
    reference: str,
    device: str = "cpu",
    framing: Framing = "pad",
    mirror: bool = False,
    batch: int = BATCH,
) -> Encoder:
    """Loads a model and its image processor from `sandbox:NAME`, a folder, or `owner/name@commit`.

    device: `cpu`, `cuda`, `cuda:1` or `auto`. mirror: average each picture with its mirror image, which makes the
    vectors blind to flips. batch: pictures per forward pass; part of the result's identity, since it may change the
    order in which kernels sum. Weights are fp32. Raises `UserError` if the model, processor or device is not available,
    or if the folder lacks weights that the embedding needs.
    """
    config = from_pretrained(transformers.AutoConfig, reference)
    model, loading = from_pretrained(_model_class(config), reference, output_loading_info=True, dtype=torch.float32)
    # A ViT's pooler is often absent from checkpoints, and is not used here.
    missing = sorted(key for key in loading["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise UserError(f"the model {reference} has no weights for {missing[0]}: it would embed with random numbers")
    processor = from_pretrained(transformers.AutoImageProcessor, reference, backend="pil")
    where = pick_device(device)
    return Encoder(model.eval().to(where), processor, weights_digest(reference), where, framing, mirror, batch)


def _model_class(config: Any) -> Any:
    """Classifiers and projections use their own class, since AutoModel would drop their last layer."""
    architecture = (config.architectures or [""])[0]
    if architecture.endswith("ForImageClassification"):
        return transformers.AutoModelForImageClassification
    if architecture.endswith("WithProjection"):
        return getattr(transformers, architecture)
    return transformers.AutoModel


def _features(model: Any, pixels_BCHW: torch.Tensor) -> torch.Tensor:
    """[B, D]. Classifier: logits, since instance-retrieval heads are linear layers (GUIE's 64-d fc1, arXiv 2210.08473).

    CLIP and SigLIP: projected image features. DINO, DINOv2, ViT: the CLS token after the last norm. Convolutional
    backbones and towers without a CLS token: their pooled output.
    """
    if hasattr(model, "get_image_features"):
        return model.get_image_features(pixel_values=pixels_BCHW).pooler_output
    output = model(pixel_values=pixels_BCHW)
    for name in ("logits", "image_embeds"):
        if name in output:
            return output[name]
    has_cls = output.last_hidden_state.ndim == 3 and not model.config.model_type.startswith("siglip")
    return output.last_hidden_state[:, 0] if has_cls else output.pooler_output.flatten(1)


def _input_side(processor: Any, config: Any) -> int:
    """Side of the square input, px: the processor's crop or resize, else the size that the model was built for."""
    sizes = [processor.crop_size] if getattr(processor, "do_center_crop", False) else []
    for size in (*sizes, processor.size):
        side = size and (size.height or size.shortest_edge)
        if side:
            return int(side)
    vision = getattr(config, "vision_config", config)
    if isinstance(getattr(vision, "image_size", None), int):
        return vision.image_size
    raise UserError("the model's preprocessor_config.json names no input size: add size to it")


def _batches(images: Iterable[Image.Image], size: int) -> Iterator[list[Image.Image]]:
    batch: list[Image.Image] = []
    for image in images:
        batch.append(image)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
