"""Finds the objects of a dataset that look most like the one in a photograph, with a faiss index.

The photograph is cropped and embedded exactly as the dataset's own objects were. Up to FLAT objects, all are compared;
beyond that, an inverted file is searched, which is kept on disk, since making it takes far longer than a search. What
the index proposes is scored again in fp32, as in the join.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from PIL import Image

from components.common.data.files import inside
from components.common.data.reading import Dataset, is_complete
from components.common.errors import UserError
from components.common.join.scores import row_products
from components.common.stage.params import collect
from components.common.stage.shared import Miner
from components.common.stage.yaml_text import read_yaml
from components.common.vision.corpus import Corpus, load
from components.common.vision.encoders import check_finite, load_encoder
from components.common.vision.geometry import Box, checked_box, object_crop
from components.common.vision.images import Rejected, decode
from components.common.vision.models import locate
from components.common.vision.sheets import Cell, sheet
from components.mining.approximate import file_rows, find_centroids
from components.mining.tiles import Window

FLAT = 1_000_000  # up to this many objects, all are compared; more are filed in lists
NPROBE = 64  # lists that are searched if there are lists
ACROSS = 6  # crops in a row of the sheet


@dataclass(frozen=True)
class Hit:
    """An object that was found. similarity: cosine, fp32. inside: whether it is in the window; None without one."""

    row: int
    similarity: float
    object_id: str
    uri: str
    box: Box
    inside: bool | None


@dataclass(frozen=True)
class Answer:
    """hits: most similar first. searched: objects in the dataset. lists: (searched, total), None if every object was
    compared. window: the calibrated one, None if none fits the encoder. sheet: the query, then the hits."""

    hits: list[Hit]
    searched: int
    lists: tuple[int, int] | None
    window: Window | None
    sheet: Image.Image


def find(photo: Path, box: Box | None, top: int, data: Path) -> Answer:
    """The `top` objects in the datasets below `data` that are most similar to what a photograph shows.

    box: the object's, px of the upright photograph; None for the whole photograph. Raises `UserError` if the photograph
    cannot be read, the box is not inside it, or a dataset or the encoder of the embeddings is missing.
    """
    query = _read(photo)
    roles = ("images", "objects", "embeddings")
    corpus = load({role: data / role for role in roles})
    if not len(corpus):
        raise UserError(f"{data / 'objects'} has no objects: there is nothing to find")
    cut = _cut(query, box, corpus.objects.manifest.params)
    vector = _embed(cut, corpus.embeddings, data.parent)
    index = _open_index(corpus, data / "index")
    _, rows = index.search(vector[None], min(top, len(corpus)))
    window = _window(data / "calibration", corpus)
    hits = _hits(corpus, vector, rows[0][rows[0] >= 0], window)
    lists = (min(index.nprobe, index.nlist), index.nlist) if isinstance(index, faiss.IndexIVF) else None
    return Answer(hits, len(corpus), lists, window, _sheet(corpus, cut, hits))


def _read(photo: Path) -> Image.Image:
    try:
        return decode(photo.read_bytes())
    except OSError as error:
        raise UserError(f"the photograph {photo} cannot be read: {error.strerror}") from None
    except Rejected as error:
        raise UserError(f"{photo} is not a usable photograph: {error}") from None


def _cut(photo: Image.Image, box: Box | None, detection: dict[str, Any]) -> Image.Image:
    """The object's crop, cut as by detection with these parameters."""
    box = checked_box(box or (0, 0, *photo.size), photo.size, "the photograph")
    return object_crop(photo, box, detection["crop_scale"], detection["crop_side"])


def _embed(cut: Image.Image, embeddings: Dataset, root: Path) -> np.ndarray:
    """Unit vector, float32 [d], from the encoder of the embeddings.

    root: the workspace. Its params.yaml says where the encoder is; the embeddings record only its weights' digest.
    """
    facts, how = embeddings.facts, embeddings.facts["preprocess"]
    named = collect(Miner, read_yaml(root / "params.yaml"), str(root / "params.yaml")).ir
    where, revision = locate(named, root)
    source = where if revision is None else named
    encoder = load_encoder(source, "cpu", how["framing"], how["mirror"])
    if (encoder.digest, encoder.preprocess) != (facts["weights"], how):
        raise UserError(
            f"{source} is not the encoder that {embeddings.folder} was made with: restore it, name it as models.ir, or "
            "run the embedding stage again"
        )
    vectors = encoder.embed([cut])
    check_finite(vectors, ["in the photograph"])
    return vectors[0]


def _open_index(corpus: Corpus, folder: Path) -> faiss.Index:
    """An index of all objects by inner product: flat, or from `folder`, where it is made if necessary."""
    vectors = corpus.vectors
    if len(vectors) <= FLAT:
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors.astype(np.float32))
        return flat
    path = inside(folder, f"{corpus.embeddings.digest}.faiss")
    if not path.is_file():
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{os.getpid()}.tmp"
        faiss.write_index(file_rows(vectors, find_centroids(vectors), NPROBE).index, str(temporary))
        temporary.replace(path)
    return faiss.read_index(str(path))


def _window(calibration: Path, corpus: Corpus) -> Window | None:
    if not is_complete(calibration):
        return None
    facts = Dataset(calibration).facts
    return Window(facts["low"], facts["high"]) if facts["encoder"] == corpus.encoder else None


def _hits(corpus: Corpus, vector: np.ndarray, rows: np.ndarray, window: Window | None) -> list[Hit]:
    proposed = torch.from_numpy(corpus.vectors[rows].astype(np.float32))
    similarity = row_products(proposed, torch.from_numpy(vector)[None]).numpy()
    order = np.lexsort((rows, -similarity))
    objects = corpus.table.select(["object_id"]).take(rows[order]).to_pylist()
    photographs = corpus.images.table(["uri"])["uri"].take(corpus.photo[rows[order]]).to_pylist()
    return [
        Hit(
            row=int(rows[at]),
            similarity=float(similarity[at]),
            object_id=named["object_id"],
            uri=uri,
            box=corpus.boxes[rows[at]],
            inside=None if window is None else bool(window.low <= similarity[at] <= window.high),
        )
        for at, named, uri in zip(order, objects, photographs, strict=True)
    ]


def _sheet(corpus: Corpus, query: Image.Image, hits: list[Hit]) -> Image.Image:
    """The query in the first column, next to it the crops found, with rank and similarity."""
    cells = [(corpus.crop(hit.row), f"{rank}: {hit.similarity:.3f}") for rank, hit in enumerate(hits, start=1)]
    rows: list[list[Cell]] = [["", *cells[start : start + ACROSS]] for start in range(0, len(cells), ACROSS)]
    rows[0][0] = query
    return sheet(rows, ["looked for", *["found"] * min(ACROSS, len(cells))])
