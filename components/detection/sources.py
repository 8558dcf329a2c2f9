"""Where candidates come from. Each source proposes boxes for photographs; `boxes` decides which of them count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from components.detection.annotations import Annotations, Rejects
from components.detection.boxes import PRODUCT, Candidate, whole
from components.detection.coco import read_coco
from components.detection.label_boxes import read_label_boxes
from components.detection.open_images import read_open_images
from components.detection.params import Params

Row = Mapping[str, Any]
"""A row of the `images` dataset."""


class Source(Protocol):
    """Proposes boxes.

    maker: part of object_id; the digest of a detector's weights, or the name of any other source, so that an object
    keeps its identity when other objects are annotated. contents: name -> digest of everything that decides the
    proposals. rejects: annotations that it cannot use.
    """

    @property
    def maker(self) -> str: ...

    @property
    def contents(self) -> dict[str, str]: ...

    @property
    def rejects(self) -> Rejects: ...

    def prepare(self, photo: Image.Image) -> Any:
        """What `propose` needs from a photograph; called in threads."""

    def propose(self, rows: Sequence[Row], prepared: Sequence[Any]) -> list[list[Candidate]]:
        """Candidates of each photograph of a batch."""


@dataclass(frozen=True)
class Annotated:
    """Boxes that people drew."""

    maker: str
    annotations: Annotations

    @property
    def contents(self) -> dict[str, str]:
        return self.annotations.contents

    @property
    def rejects(self) -> Rejects:
        return self.annotations.rejects

    def prepare(self, photo: Image.Image) -> None:
        """Nothing: the photograph is not needed."""

    def propose(self, rows: Sequence[Row], prepared: Sequence[Any]) -> list[list[Candidate]]:
        return [self.annotations.boxes.get(row["image_id"], []) for row in rows]


@dataclass(frozen=True)
class Whole:
    """One box per photograph, without `inset` of the side at each edge: for photographs of single products."""

    inset: float
    maker: str = "whole"

    @property
    def contents(self) -> dict[str, str]:
        return {}

    @property
    def rejects(self) -> Rejects:
        return Rejects()

    def prepare(self, photo: Image.Image) -> None:
        """Nothing: the photograph is not needed."""

    def propose(self, rows: Sequence[Row], prepared: Sequence[Any]) -> list[list[Candidate]]:
        return [[Candidate(whole(row["width"], row["height"], self.inset), PRODUCT, 1.0)] for row in rows]


def open_source(params: Params, photographs: Sequence[Row]) -> Source:
    """The source that `params` name, for these photographs.

    Raises `UserError` if the annotations or the model cannot be read, or no annotation can be used.
    """
    if params.source == "whole":
        return Whole(params.inset)
    if params.source == "salient":
        from components.detection.salient import Salient  # the other sources do without OpenCV

        return Salient(params.min_share, params.max_share, params.inset)
    if params.source == "detector":
        from components.detection.detector import load_detector  # torch and transformers take seconds to import

        return load_detector(params.detector, params.score, params.device)
    if params.source == "labels":
        return Annotated("labels", read_label_boxes(params.annotations, photographs, params.inset))
    if params.source == "coco":
        return Annotated("coco", read_coco(params.annotations, photographs))
    return Annotated("open_images", read_open_images(params.annotations, params.class_names, photographs))
