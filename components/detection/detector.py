"""Boxes from a detector: any model that transformers loads for object detection (D-FINE, RT-DETR, YOLOS, DETR ...)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForObjectDetection

from components.common.computing import pick_device
from components.common.errors import UserError
from components.common.vision.geometry import Box
from components.common.vision.models import from_pretrained, weights_digest
from components.detection.annotations import Rejects
from components.detection.boxes import Candidate

SCORE_DIGITS = 4
"""Scores are rounded, because the last digits depend on how a batch is composed."""


class Detector:
    """A detector with its preprocessing. Made by `load_detector`."""

    def __init__(self, model: Any, processor: Any, digest: str, score: float, device: torch.device):
        self.model, self.processor, self.score, self.device = model, processor, score, device
        self.maker, self.contents, self.rejects = digest, {"detector": digest}, Rejects()

    def prepare(self, photo: Image.Image) -> torch.Tensor:
        """The model's input for one photograph [3, H, W]; its size may depend on the photograph's shape."""
        pixels_BCHW = self.processor(images=[photo], return_tensors="pt")["pixel_values"]
        return pixels_BCHW[0]

    def propose(self, rows: Sequence[Mapping[str, Any]], prepared: Sequence[torch.Tensor]) -> list[list[Candidate]]:
        """Boxes of confidence >= `score` of each photograph. Inputs of equal size share a forward pass, so that none
        is padded and boxes do not depend on the rest of the batch."""
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, pixels_CHW in enumerate(prepared):
            groups[tuple(pixels_CHW.shape)].append(index)
        proposed: list[list[Candidate]] = [[] for _ in rows]
        for indices in groups.values():
            pixels_BCHW = torch.stack([prepared[index] for index in indices])
            sizes = [(rows[index]["height"], rows[index]["width"]) for index in indices]
            for index, candidates in zip(indices, self.forward(pixels_BCHW, sizes), strict=True):
                proposed[index] = candidates
        return proposed

    @torch.inference_mode()
    def forward(self, pixels_BCHW: torch.Tensor, sizes: Sequence[tuple[int, int]]) -> list[list[Candidate]]:
        """Candidates of a batch; `sizes` are the photographs' (height, width) in px."""
        outputs = self.model(pixel_values=pixels_BCHW.to(self.device))
        detections = self.processor.post_process_object_detection(
            outputs, threshold=self.score, target_sizes=torch.tensor(sizes, device=self.device)
        )
        return [self._candidates(each) for each in detections]

    def _candidates(self, detected: Mapping[str, torch.Tensor]) -> list[Candidate]:
        names = self.model.config.id2label
        scores, labels, corners = (detected[key].tolist() for key in ("scores", "labels", "boxes"))
        return [
            Candidate(Box(x0, y0, x1 - x0, y1 - y0), names[label], round(score, SCORE_DIGITS))
            for score, label, (x0, y0, x1, y1) in zip(scores, labels, corners, strict=True)
        ]


def load_detector(reference: str, score: float, device: str) -> Detector:
    """A detector from `sandbox:NAME`, a folder or `owner/name@commit`, in fp32.

    Raises `UserError` if model, processor or device is not available, or the model has no trained detection head.
    """
    where = pick_device(device)
    model, loading = from_pretrained(
        AutoModelForObjectDetection, reference, output_loading_info=True, dtype=torch.float32
    )
    if loading["missing_keys"]:
        missing = min(loading["missing_keys"])
        raise UserError(f"the model {reference} has no weights for {missing}: it would detect with random numbers")
    processor = from_pretrained(AutoImageProcessor, reference, backend="pil")
    if not hasattr(processor, "post_process_object_detection"):
        raise UserError(f"the model {reference} has no image processor for detection: add its preprocessor_config.json")
    digest = weights_digest(reference)
    return Detector(model.eval().to(where), processor, digest, score, where)
