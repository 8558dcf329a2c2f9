"""The plan of each tuple, made from the tables before any pixel is read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.assembly.params import Params
from components.assembly.splits import TRAIN, held_out, split_of_groups
from components.common.data.reading import Dataset
from components.common.data.rejections import SET, rejection
from components.common.data.schemas import blob_columns
from components.common.data.seeds import derive, unit_interval
from components.common.references import REFERENCES

OBJECT_COLUMNS = ["object_id", "image_id", "x", "y", "w", "h"]
IMAGE_COLUMNS = ["image_id", "width", "height", *blob_columns("image")]
BACKGROUND_COLUMNS = ["row", *blob_columns("image")]
Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """One tuple to be cut. anchor, refs: rows of objects; background: row of backgrounds."""

    anchor: Row
    refs: tuple[Row, ...]
    background: Row
    caption: str
    group: int
    split: str


class Planner:
    """Plans the tuples of all sets, one part of the sets at a time."""

    def __init__(self, inputs: Mapping[str, Path], params: Params):
        self.params = params
        self.sets = Dataset(inputs["sets"]).table(["anchor", "views", "group"])
        self.objects = Dataset(inputs["objects"]).table(OBJECT_COLUMNS)
        self.backgrounds = {row["row"]: row for row in Dataset(inputs["backgrounds"]).rows(BACKGROUND_COLUMNS)}
        self.captions = {row["row"]: row["text"] for row in Dataset(inputs["captions"]).rows(["row", "text"])}
        groups = self.sets["group"].to_numpy()
        members, member_groups = _members(self.sets)
        self.splits = split_of_groups(groups, self.objects["object_id"], params)
        self.held_out = held_out(members, member_groups, self.objects["image_id"], self.splits)
        self.images = _photographs(Dataset(inputs["images"]), self.objects, np.unique(members))

    @property
    def parts(self) -> int:
        """The number of parts that the sets make."""
        return -(-self.sets.num_rows // self.params.part_rows)

    def part(self, index: int) -> tuple[list[Plan], list[Row]]:
        """The plans of one part's sets, and a row of `rejects` for each set that yields none."""
        rows = self.sets.slice(index * self.params.part_rows, self.params.part_rows).to_pylist()
        needed = sorted({row["anchor"] for row in rows} | {view for row in rows for view in row["views"]})
        object_rows = self.objects.take(pa.array(needed, pa.int64())).to_pylist()
        objects = {row: {"row": row, **columns} for row, columns in zip(needed, object_rows, strict=True)}
        plans, rejected = [], []
        for row in rows:
            training = self.splits[row["group"]] == TRAIN
            barred = self.held_out if training else set()
            anchor = objects[row["anchor"]]
            views = [objects[view] for view in row["views"] if objects[view]["image_id"] not in barred]
            too_few = anchor["image_id"] in barred or len(views) < REFERENCES
            reason = self._reason(row) or ("photograph-held-out" if too_few else "")
            reason = reason or ("not-drawn" if training and not self._drawn(anchor) else "")
            if reason:
                rejected.append(rejection("assembly", SET, anchor["object_id"], anchor["image_id"], reason))
            else:
                plans.append(self._plan(row, anchor, views))
        return plans, rejected

    def _reason(self, row: Row) -> str:
        """Why a set yields no tuple, whatever its split; empty if it may."""
        if row["anchor"] not in self.backgrounds:
            return "no-background"
        if not self.captions.get(row["anchor"], "").strip():
            return "no-caption"
        if len(row["views"]) < REFERENCES:
            return "too-few-views"
        return ""

    def _drawn(self, anchor: Row) -> bool:
        """Whether a training set is among those that give tuples, by a hash of its anchor that no share changes."""
        return unit_interval(self.params.seed, "training share", anchor["object_id"]) < self.params.training_share

    def _plan(self, row: Row, anchor: Row, views: Sequence[Row]) -> Plan:
        return Plan(
            anchor,
            self._references(anchor, views),
            self.backgrounds[row["anchor"]],
            self.captions[row["anchor"]].strip(),
            row["group"],
            self.splits[row["group"]],
        )

    def _references(self, anchor: Row, views: Sequence[Row]) -> tuple[Row, ...]:
        """Three views: whole ones before those that the frame may cut off, otherwise at random, since the most similar
        ones hardly differ from each other. The object itself three times if references are its own crops."""
        if self.params.references != "views":
            return (anchor,) * REFERENCES

        def order(view: Row) -> tuple[bool, int]:
            random_rank = derive(self.params.seed, "references", anchor["object_id"], view["object_id"])
            return self.at_border(view), random_rank

        return tuple(sorted(views, key=order)[:REFERENCES])

    def at_border(self, row: Row) -> bool:
        """Whether the object's box comes within `border` px of its photograph's edge."""
        photo, gap = self.images[row["image_id"]], self.params.border
        right, bottom = photo["width"] - row["x"] - row["w"], photo["height"] - row["y"] - row["h"]
        return min(row["x"], row["y"], right, bottom) <= gap


def _members(sets: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Object row and group of every member (anchor or view) of every set."""
    views = sets["views"]
    anchors, groups = sets["anchor"].to_numpy(), sets["group"].to_numpy()
    sizes = pc.list_value_length(views).to_numpy()
    return (
        np.concatenate([anchors, pc.list_flatten(views).to_numpy()]),
        np.concatenate([groups, np.repeat(groups, sizes)]),
    )


def _photographs(images: Dataset, objects: pa.Table, rows: np.ndarray) -> dict[str, Row]:
    """The photographs that these objects are in, by image_id."""
    wanted = pc.unique(objects["image_id"].take(pa.array(rows, pa.int64())))
    return dict(_by_id(images, wanted))


def _by_id(images: Dataset, wanted: pa.Array) -> Iterator[tuple[str, Row]]:
    for table in images.tables(IMAGE_COLUMNS):
        for row in table.filter(pc.is_in(table["image_id"], value_set=wanted)).to_pylist():
            yield row["image_id"], row
