"""What mining and calibration read: objects, their vectors and their photographs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from components.common.data.digests import digest_value
from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.stage.shared import NearDuplicates
from components.common.vision.duplicates import Hashes, hashes_of
from components.common.vision.geometry import Box
from components.common.vision.images import stored_crop
from components.common.vision.moved import Scenes


@dataclass(frozen=True)
class Corpus:
    """Objects by row, 0..N-1. photo: int64 [N], each object's photograph as a row of `images`; vectors: fp16 [N, d]."""

    images: Dataset
    objects: Dataset
    embeddings: Dataset
    table: pa.Table
    image_ids: list[str]
    photo: np.ndarray
    vectors: np.ndarray
    photo_hashes: Hashes
    crop_hashes: Hashes
    scenes: Scenes

    def __len__(self) -> int:
        return len(self.photo)

    @cached_property
    def categories(self) -> np.ndarray:
        """The category of each object, str [N]."""
        return np.array(self.table["category"].to_pylist(), dtype=object)

    @cached_property
    def boxes(self) -> list[Box]:
        """The box of each object."""
        return [Box(*sides) for sides in zip(*(self.table[side].to_pylist() for side in "xywh"), strict=True)]

    def crop(self, row: int) -> Image.Image:
        """The crop of an object, RGB."""
        place = self.table.slice(row, 1).to_pylist()[0]
        return stored_crop(self.objects, place)

    @property
    def encoder(self) -> str:
        """What a similarity window depends on: the encoder's weights and preprocessing, whatever folder they are in."""
        return digest_value([self.embeddings.facts[key] for key in ("weights", "preprocess")])

    def nearly_repeat(self, src: np.ndarray, dst: np.ndarray, rules: NearDuplicates) -> np.ndarray:
        """Whether the photographs, or the crops, of objects src and dst [P] are near-duplicates: bool [P].

        Crops are not shifted against each other: the box follows the object, and two front views of one print would
        count as near-duplicates.
        """
        photos = self.photo_hashes.distance(self.photo[src], self.photo[dst])
        crops = self.crop_hashes.distance(src, dst)
        repeat = (photos <= rules.photo_bits) | (crops <= rules.crop_bits)
        rest = np.flatnonzero(~repeat)
        moved = self.scenes.correlation(self.photo[src[rest]], self.photo[dst[rest]])
        repeat[rest] = moved >= rules.moved_correlation
        return repeat


def load(inputs: Mapping[str, Path]) -> Corpus:
    """Opens images, objects and embeddings. Raises `UserError` if they do not belong together."""
    images, objects, embeddings = (Dataset(inputs[role]) for role in ("images", "objects", "embeddings"))
    if embeddings.manifest.inputs.get("objects") != objects.digest:
        raise UserError(f"{embeddings.folder} was not made from {objects.folder}: run embedding again")
    photos = images.table(["image_id", "dhash", "dhash_flipped"])
    table = objects.table()
    codes = pc.index_in(table["image_id"], value_set=photos["image_id"].combine_chunks())
    if codes.null_count:
        raise UserError(f"{objects.folder} names photographs that are not in {images.folder}: run detection again")
    return Corpus(
        images=images,
        objects=objects,
        embeddings=embeddings,
        table=table,
        image_ids=photos["image_id"].to_pylist(),
        photo=codes.to_numpy().astype(np.int64),
        vectors=embeddings.vectors(),
        photo_hashes=hashes_of(photos),
        crop_hashes=hashes_of(table),
        scenes=Scenes(images),
    )
