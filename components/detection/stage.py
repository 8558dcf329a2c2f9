"""Detection: every photograph's boxes, checked, cut out and hashed."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from PIL import Image

from components.common.data.digests import content_key
from components.common.data.reading import Dataset
from components.common.data.rejections import BOX, PHOTOGRAPH, rejection
from components.common.data.schemas import blob_columns
from components.common.data.writing import Writer
from components.common.stage.progress import track
from components.common.stage.report import Report
from components.common.vision.geometry import Box, object_crop
from components.common.vision.images import decode, dhashes, encode_png
from components.detection.boxes import Candidate, Choice, choose
from components.detection.params import Params
from components.detection.sources import Row, Source, open_source
from components.detection.summary import summary

Item = TypeVar("Item")
Result = TypeVar("Result")
Rows = list[dict[str, Any]]
COLUMNS = ["image_id", "uri", "width", "height", *blob_columns("image")]


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """Finds and cuts out the objects of every photograph.

    inputs: images. outputs: objects, in the order of the photographs, most certain first within one; rejects: every box
    that does not count, every photograph without an object, and the annotations that cannot be used. Raises `UserError`
    if the annotations or the model cannot be read.
    """
    images = Dataset(inputs["images"])
    photographs = images.rows(COLUMNS)
    source = open_source(params, photographs)
    with (
        ThreadPoolExecutor(params.workers) as pool,
        Writer(outputs["objects"], "objects", "detection", inputs, params, source.contents) as objects,
        Writer(outputs["rejects"], "rejects", "detection", inputs, params, source.contents) as rejects,
    ):
        _Cutter(images, source, params, pool, objects, rejects).all_parts(photographs)
        rejects.facts = {"missing_unlisted": source.rejects.unlisted}
    return summary(images, Dataset(outputs["objects"]), Dataset(outputs["rejects"]), source.rejects)


class _Searched(NamedTuple):
    """A photograph with its chosen objects."""

    row: Row
    photo: Image.Image
    choice: Choice


@dataclass
class _Cutter:
    """The loop over parts: threads decode, this thread detects, threads cut, all in the photographs' order."""

    images: Dataset
    source: Source
    params: Params
    pool: Executor
    objects: Writer
    rejects: Writer

    def all_parts(self, photographs: list[dict[str, Any]]) -> None:
        """Writes every part that does not exist yet."""
        ticks, size = track(photographs, "photographs searched"), self.params.part_rows
        for index, start in enumerate(range(0, len(photographs), size)):
            part = photographs[start : start + size]
            if self.objects.done(index) and self.rejects.done(index):
                list(islice(ticks, len(part)))
            else:
                self._write(index, part, ticks)

    def _write(self, index: int, part: list[dict[str, Any]], ticks: Iterator[dict[str, Any]]) -> None:
        rows: list[dict[str, Any]] = []
        blobs: list[dict[str, bytes]] = []
        rejects = self.source.rejects.rows() if index == 0 else []  # these belong to no part, so the first has them
        for (cut, rejected), _ in zip(self._objects(part), ticks, strict=False):
            rejects += rejected
            rows += [row for row, _ in cut]
            blobs += [{"crop.png": png} for _, png in cut]
        self.objects.write(index, rows, blobs)
        self.rejects.write(index, rejects)

    def _objects(self, part: list[dict[str, Any]]) -> Iterator[tuple[list[tuple[dict[str, Any], bytes]], Rows]]:
        """For each photograph its objects (row and crop), and rows of `rejects`."""
        ahead = 2 * self.params.batch
        opened = in_order(self.pool, self._open, part, ahead)
        return in_order(self.pool, self._cut, self._detect(part, opened), ahead)

    def _open(self, row: Row) -> tuple[Image.Image, Any]:
        photo = decode(self.images.blob(row, "image"))
        return photo, self.source.prepare(photo)

    def _detect(self, part: list[dict[str, Any]], opened: Iterator[tuple[Image.Image, Any]]) -> Iterator[_Searched]:
        for start in range(0, len(part), self.params.batch):
            rows = part[start : start + self.params.batch]
            photos, prepared = zip(*islice(opened, len(rows)), strict=True)
            for row, photo, candidates in zip(rows, photos, self.source.propose(rows, prepared), strict=True):
                yield _Searched(row, photo, choose(candidates, photo.width, photo.height, self.params))

    def _cut(self, searched: _Searched) -> tuple[list[tuple[dict[str, Any], bytes]], Rows]:
        objects = [self._object(searched.row, searched.photo, candidate) for candidate in searched.choice.kept]
        return objects, _rejections(searched.row["image_id"], searched.choice)

    def _object(self, row: Row, photo: Image.Image, candidate: Candidate) -> tuple[dict[str, Any], bytes]:
        box = candidate.box
        part = object_crop(photo, box, self.params.crop_scale, self.params.crop_side)
        plain, flipped = dhashes(part)
        columns = {
            "object_id": content_key(row["image_id"], [int(side) for side in box], self.source.maker),
            "image_id": row["image_id"],
            **box._asdict(),
            "category": candidate.category,
            "score": candidate.score,
            "dhash": plain,
            "dhash_flipped": flipped,
        }
        return columns, encode_png(part)


def _rejections(image_id: str, choice: Choice) -> Rows:
    """The rows of `rejects` of one photograph: its boxes that do not count, and itself if it has no object."""
    rows = [
        rejection("detection", BOX, _sides(box), image_id, reason, f"{category}, score {score:.3g}")
        for (box, category, score, _), reason in choice.rejected
    ]
    if not choice.kept:
        counts = Counter(reason for _, reason in choice.rejected)
        detail = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
        reason = "no-box-kept" if counts else "no-box"
        rows.append(rejection("detection", PHOTOGRAPH, image_id, image_id, reason, detail))
    return rows


def _sides(box: Box) -> str:
    return " ".join(f"{side:.6g}" for side in box)


def in_order(pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """`work` on the items in the pool's threads, results in order, at most `ahead` of them waiting."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
