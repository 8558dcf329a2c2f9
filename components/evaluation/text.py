"""The text side of CLIP, for the similarity of a generated picture to its prompt (CLIP-T)."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import AutoTokenizer, CLIPModel

from components.common.vision.models import from_pretrained


class ClipText:
    """Unit text vectors of a CLIP model, in the space of its image vectors."""

    def __init__(self, reference: str, device: str = "cpu", batch: int = 64):
        """Raises `UserError` if the model or its tokenizer is missing, or it is not a CLIP model."""
        self.model = from_pretrained(CLIPModel, reference, dtype=torch.float32).to(device).eval()
        self.tokenizer = from_pretrained(AutoTokenizer, reference)
        self.device, self.batch = device, batch

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [N, d], rows of unit length. Texts beyond the model's context are cut."""
        rows = []
        limit = self.model.config.text_config.max_position_embeddings
        for start in range(0, len(texts), self.batch):
            chunk = list(texts[start : start + self.batch])
            tokens = self.tokenizer(chunk, padding=True, max_length=limit, truncation=True, return_tensors="pt")
            features = self.model.get_text_features(
                input_ids=tokens["input_ids"].to(self.device), attention_mask=tokens["attention_mask"].to(self.device)
            ).pooler_output
            rows.append(torch.nn.functional.normalize(features.float(), dim=-1).cpu().numpy())
        return np.concatenate(rows)
