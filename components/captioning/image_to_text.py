"""Captions by an image-to-text model from transformers: BLIP, GIT, Florence-2, or any encoder-decoder pair."""

from collections.abc import Sequence
from typing import Any

import torch
import transformers
from PIL import Image

from components.captioning.params import Params
from components.captioning.texts import category_caption, clean
from components.common.computing import pick_device
from components.common.vision.models import from_pretrained, weights_digest


class ImageToTextCaptioner:
    """A generative model, decoded greedily: equal pictures in equal batches give equal words."""

    def __init__(self, params: Params):
        self.params, self.device = params, pick_device(params.device)
        self.processor, self.tokenizer, self.model = _load(params.captioner)
        self.model.to(self.device).eval()
        self.digest = weights_digest(params.captioner)

    def caption(self, pictures: Sequence[Image.Image], categories: Sequence[str]) -> list[str]:
        """See `Captioner`; if the model says nothing, the category is the caption."""
        size, longest = self.params.batch, self.params.max_characters
        texts = [text for start in range(0, len(pictures), size) for text in self._say(pictures[start : start + size])]
        return [
            clean(text, longest) or category_caption(category, longest)
            for text, category in zip(texts, categories, strict=True)
        ]

    @torch.inference_mode()
    def _say(self, pictures: Sequence[Image.Image]) -> list[str]:
        options: dict[str, Any] = {"images": [picture.convert("RGB") for picture in pictures], "return_tensors": "pt"}
        if self.params.prompt:
            options["text"] = [self.params.prompt] * len(pictures)
        inputs = self.processor(**options).to(self.device)
        inputs.pop("token_type_ids", None)  # BERT's tokenizer makes them, no captioner reads them, GIT refuses them
        tokens = self.model.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=self.params.max_tokens)
        return self.tokenizer.batch_decode(tokens, skip_special_tokens=True)


def _load(reference: str) -> tuple[Any, Any, Any]:
    """Processor, tokenizer and fp32 model. An encoder-decoder pair has no processor class of its own."""
    config = from_pretrained(transformers.AutoConfig, reference)
    if config.model_type == "vision-encoder-decoder":
        processor = from_pretrained(transformers.AutoImageProcessor, reference, backend="pil")
        tokenizer = from_pretrained(transformers.AutoTokenizer, reference)
        kind: Any = transformers.VisionEncoderDecoderModel
    else:
        processor = from_pretrained(transformers.AutoProcessor, reference)
        tokenizer, kind = processor.tokenizer, transformers.AutoModelForImageTextToText
    return processor, tokenizer, from_pretrained(kind, reference, dtype=torch.float32)
