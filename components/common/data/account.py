"""The account of a run: what became of every file, photograph, object and set, as equations that must hold exactly.

Each equation splits a whole into what went on and what a named rule rejected: every row of the whole must be in exactly
one part. The last two say where each object and photograph ended: the furthest step that it reached.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.data.rejections import OBJECT, PHOTOGRAPH, REJECTIONS, SET
from components.common.data.schemas import OF_LABELS

USED = "used in tuples"
REJECTING = tuple(REJECTIONS)
ROLES = (
    *("images", "quarantine", "objects", "sets", "backgrounds", "captions", "tuples"),
    *(f"{stage}_rejects" for stage in REJECTING),
)
"""The datasets of a run that the account reads."""


@dataclass(frozen=True)
class Equation:
    """whole = the sum of its parts. parts: what became of the rows -> how many. astray: number of rows that are in no
    part, in several, or in a part but not in the whole. first: the first of them and what is wrong, or empty."""

    whole: str
    total: int
    parts: dict[str, int]
    astray: int = 0
    first: str = ""

    def __str__(self) -> str:
        parts = " + ".join(f"{count:,} {name}" for name, count in self.parts.items() if count) or "0"
        return f"{self.total:,} {self.whole} = {parts}" + (f", but {self.first}" if self.first else "")


def account(folders: Mapping[str, Path]) -> list[Equation]:
    """The equations of a run, from the datasets of `ROLES`. Memory: a few hundred bytes per object."""
    datasets = {role: Dataset(folders[role]) for role in ROLES}
    objects = datasets["objects"].table(["object_id", "image_id"])
    photographs, object_ids = datasets["images"].table(["image_id"])["image_id"], objects["object_id"]
    anchors = _anchors(datasets["sets"], object_ids)
    accepted = {
        "photographs": ("with objects", pc.unique(objects["image_id"])),
        "objects": ("anchors of a set", anchors),
        "plates": ("with a clean plate", datasets["backgrounds"].table(["object_id"])["object_id"]),
        "captions": ("with a caption", datasets["captions"].table(["object_id"])["object_id"]),
        "tuples": ("made into tuples", _anchors(datasets["tuples"], object_ids)),
    }
    return [
        _files(datasets["images"], datasets["quarantine"]),
        _split("photographs", photographs, accepted["photographs"], datasets["detection_rejects"], PHOTOGRAPH),
        _split("objects", object_ids, accepted["objects"], datasets["mining_rejects"], OBJECT),
        _split("sets", anchors, accepted["plates"], datasets["removal_rejects"], SET),
        _split("sets", anchors, accepted["captions"], datasets["captioning_rejects"], SET),
        _split("sets", anchors, accepted["tuples"], datasets["assembly_rejects"], SET),
        *_ends(datasets, photographs, objects),
    ]


def _files(images: Dataset, quarantine: Dataset) -> Equation:
    """Every file that ingest listed. Rows of labels in the quarantine are not files."""
    refused = quarantine.table(["uri", "reason"])
    refused = refused.filter(pc.invert(pc.is_in(refused["reason"], value_set=pa.array([*OF_LABELS]))))
    names = Counter(images.table(["uri"])["uri"].to_pylist() + refused["uri"].to_pylist())
    parts = {"photographs": len(images), **dict(sorted(Counter(refused["reason"].to_pylist()).items()))}
    parts["read for what they say about photographs"] = quarantine.facts["read_beside"]
    total, several = quarantine.facts["files"], [name for name, count in names.items() if count > 1]
    off = total - sum(parts.values())
    first = f"{several[0]} is counted twice" if several else ""
    if off:
        first = first or f"ingest listed {abs(off):,} {'more' if off > 0 else 'fewer'}"
    return Equation("files", total, parts, max(len(several), abs(off)), first)


def _split(
    whole: str, keys: pa.ChunkedArray, accepted: tuple[str, pa.ChunkedArray], rejects: Dataset, subject: str
) -> Equation:
    """The equation of one stage. keys: of the rows that came in; accepted: the name and keys of those that went on."""
    name, ids = accepted
    rejected = _rejected(rejects, subject)
    names = [name, *(f"{_stage(rejects)}: {reason}" for reason in _words(rejected["reason"]))]
    codes = np.concatenate([np.zeros(len(ids), np.int64), 1 + _codes(rejected["reason"])])
    at = np.concatenate([_places(ids, keys), _places(rejected["key"], keys)])
    counts = np.bincount(at[at >= 0], minlength=len(keys))
    wrong = np.flatnonzero(counts != 1)
    first = ""
    if (at < 0).any():
        stranger = np.flatnonzero(at < 0)[0]
        key = ids[int(stranger)] if stranger < len(ids) else rejected["key"][int(stranger - len(ids))]
        first = f"{key} is not among them"
    elif len(wrong):
        first = f"{keys[int(wrong[0])]} is in {'none of these' if not counts[wrong[0]] else 'several of these'}"
    return Equation(whole, len(keys), _counted(names, codes), len(wrong) + int((at < 0).sum()), first)


def _ends(datasets: Mapping[str, Dataset], photographs: pa.ChunkedArray, objects: pa.Table) -> list[Equation]:
    """Where every object and every photograph ended: in a tuple, or at the furthest rule that it reached."""
    names, end, rank = [USED], np.full(len(objects), -1), np.zeros(len(objects), np.int64)
    for depth, (stage, subject) in enumerate((("mining", OBJECT), ("assembly", SET)), 1):
        rejected = _rejected(datasets[f"{stage}_rejects"], subject)
        at = _places(rejected["key"], objects["object_id"])
        end[at[at >= 0]] = len(names) + _codes(rejected["reason"])[at >= 0]
        rank[at[at >= 0]] = depth
        names += [f"{stage}: {reason}" for reason in _words(rejected["reason"])]
    tuples = datasets["tuples"].table(["parents", "sources"])
    used = _places(pc.list_flatten(tuples["parents"]), objects["object_id"])
    end[used[used >= 0]], rank[used[used >= 0]] = 0, 3
    photo = _places(objects["image_id"], photographs)
    order = np.lexsort((-rank, photo))
    seen, first = np.unique(photo[order], return_index=True)
    last = np.full(len(photographs), -1)
    last[seen[seen >= 0]] = end[order][first[seen >= 0]]
    rejected = _rejected(datasets["detection_rejects"], PHOTOGRAPH)
    at = _places(rejected["key"], photographs)
    last[at[at >= 0]] = len(names) + _codes(rejected["reason"])[at >= 0]
    sources = _places(pc.list_flatten(tuples["sources"]), photographs)
    last[sources[sources >= 0]] = 0
    of_photographs = [*names, *(f"detection: {reason}" for reason in _words(rejected["reason"]))]
    return [
        _ended("objects", objects["object_id"], names, end),
        _ended("photographs", photographs, of_photographs, last),
    ]


def _ended(whole: str, keys: pa.ChunkedArray, names: Sequence[str], end: np.ndarray) -> Equation:
    """end: int64 [N], the position in `names` of each key's end, -1 if unknown."""
    lost = np.flatnonzero(end < 0)
    first = f"nothing says what became of {keys[int(lost[0])]}" if len(lost) else ""
    return Equation(whole, len(keys), _counted(names, end[end >= 0]), len(lost), first)


def _anchors(dataset: Dataset, object_ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The object_id of the anchor of each row of sets or tuples."""
    return object_ids.take(dataset.table(["anchor"])["anchor"])


def _rejected(rejects: Dataset, subject: str) -> pa.Table:
    """The rejects of a kind whose reason is a rule of their stage: a row without a rule explains nothing."""
    table = rejects.table(["subject", "key", "reason"])
    rules = pa.array(list(REJECTIONS[_stage(rejects)]))
    return table.filter(pc.and_(pc.equal(table["subject"], subject), pc.is_in(table["reason"], value_set=rules)))


def _stage(rejects: Dataset) -> str:
    return rejects.manifest.stage


def _words(reasons: pa.ChunkedArray) -> list[Any]:
    """The different reasons, in alphabetical order."""
    return sorted(pc.unique(reasons).to_pylist())


def _codes(reasons: pa.ChunkedArray) -> np.ndarray:
    """The position of each reason in `_words`: int64 [N]."""
    return _places(reasons, pa.chunked_array([_words(reasons)], pa.string()))


def _places(keys: pa.ChunkedArray, among: pa.ChunkedArray) -> np.ndarray:
    """The position of each key in `among`, -1 if it is absent: int64 [N]."""
    places = pc.index_in(keys, value_set=among.combine_chunks())
    return pc.fill_null(places, -1).to_numpy().astype(np.int64)


def _counted(names: Sequence[str], codes: np.ndarray) -> dict[str, int]:
    return dict(zip(names, np.bincount(codes, minlength=len(names)).tolist(), strict=True))
