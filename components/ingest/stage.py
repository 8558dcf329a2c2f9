"""Ingest: a folder of photographs becomes the datasets `images`, `quarantine` and `subjects`."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from components.common.data.digests import digest_value
from components.common.data.labels import RIGHTS
from components.common.data.storage import Entry
from components.common.data.writing import Writer
from components.common.stage.progress import track
from components.common.stage.report import Report
from components.common.vision.formats import HEIF_ENDINGS, decoders
from components.common.vision.images import THUMBNAIL, Limits, Rejected
from components.ingest.intake import Photograph, take
from components.ingest.labels import Labels, read_labels, words
from components.ingest.listing import Listing, find, uri
from components.ingest.params import Params
from components.ingest.summary import summary

STAGE = "ingest"


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """Takes in every photograph at `params.images`.

    inputs: none. outputs: images, quarantine, subjects. Raises `UserError` if the place is missing, unreachable or
    empty, or the labels are not a table of labels.
    """
    listing = find(params.images)
    labels = read_labels(params.labels, listing.uris())
    with ThreadPoolExecutor(params.workers) as pool:
        contents = {"photographs": listing.digest(pool), "labels": labels.digest} | _decoder(listing)
        beside = {"passed_over": digest_value(listing.passed_over)}
        with (
            Writer(outputs["images"], "images", STAGE, inputs, params, contents) as images,
            Writer(outputs["quarantine"], "quarantine", STAGE, inputs, params, contents | beside) as quarantine,
            Writer(outputs["subjects"], "subjects", STAGE, inputs, params, contents) as subjects,
        ):
            intake = _Intake(listing, labels, params, images, quarantine)
            image_ids = intake.all_parts(pool)
            quarantine.facts = {"files": listing.files}
            subjects.write(0, labels.subjects(image_ids))
            subjects.facts = {"label_rows": len(labels.rows)}
    return summary(outputs, listing, labels)


@dataclass
class _Intake:
    """The loop over parts.

    kept: image_id -> uri. image_ids: uri -> image_id, duplicates included. rights: uri -> column -> value.
    """

    listing: Listing
    labels: Labels
    params: Params
    images: Writer
    quarantine: Writer
    kept: dict[str, str] = field(default_factory=dict)
    image_ids: dict[str, str] = field(default_factory=dict)
    rights: dict[str, dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.rights = self.labels.rights()

    def all_parts(self, pool: Executor) -> dict[str, str]:
        """Writes every part that does not exist yet; returns uri -> image_id of all photographs that were readable."""
        ticks = track(self.listing.entries, "photographs")
        index = -1
        for index, part in enumerate(self.listing.parts(self.params.part_rows, self.params.max_bytes)):
            if self.images.done(index) and self.quarantine.done(index):
                list(islice(ticks, len(part)))
            else:
                self._write(index, part, pool, ticks)
            self._remember(index)
        passed_over = [(name, "passed-over", why) for name, why in self.listing.passed_over]
        self.quarantine.write(index + 1, [_refusal(*refusal) for refusal in [*self.labels.refusals, *passed_over]])
        return self.image_ids

    def _write(self, index: int, part: list[Entry], pool: Executor, ticks: Iterator[Entry]) -> None:
        rows, blobs, thumbnails, refused, kept = [], [], [], [], dict(self.kept)
        for outcome, entry in zip(pool.map(self._take, part), ticks, strict=False):
            name = uri(entry)
            if isinstance(outcome, Rejected):
                refused.append(_refusal(name, outcome.reason, outcome.detail))
            elif outcome.image_id in kept:
                refused.append(_refusal(name, "duplicate", kept[outcome.image_id]))
            else:
                kept[outcome.image_id] = name
                rows.append({"uri": name, **outcome.columns, **self._columns(name)})
                blobs.append({"image": outcome.data})
                thumbnails.append(outcome.thumbnail)
        self.images.write(index, rows, blobs, np.array(thumbnails, np.uint8).reshape(-1, THUMBNAIL, THUMBNAIL))
        self.quarantine.write(index, refused)

    def _take(self, entry: Entry) -> Photograph | Rejected:
        signal = self.rights.get(uri(entry), {}).get("rights_signal", "")
        if words([signal]) & words(self.params.opt_out_signals):
            return Rejected("opted-out", f"rights signal '{signal}'")
        limits = Limits(self.params.max_bytes, self.params.max_pixels, self.params.min_side)
        return take(self.listing.store, entry, limits)

    def _columns(self, name: str) -> dict[str, Any]:
        known = {"licence": self.params.licence or None} | self.rights.get(name, {})
        return {column: known.get(column) for column in RIGHTS} | {"collection": self.params.collection}

    def _remember(self, index: int) -> None:
        """Reads back what a part holds, so that a resumed run knows as much as one that never stopped."""
        for row in self.images.table(index, ["image_id", "uri"]).to_pylist():
            self.kept[row["image_id"]] = row["uri"]
            self.image_ids[row["uri"]] = row["image_id"]
        for row in self.quarantine.table(index).to_pylist():
            if row["reason"] == "duplicate":  # the detail is the uri of the photograph that was kept
                self.image_ids[row["uri"]] = self.image_ids[row["detail"]]


def _decoder(listing: Listing) -> dict[str, str]:
    """Whether photographs of phones can be read here, which decides the result if there are any."""
    phones = any(name.lower().endswith(HEIF_ENDINGS) for name in listing.uris())
    return {"heif": "read" if "HEIF" in decoders() else "refused"} if phones else {}


def _refusal(name: str, reason: str, detail: str) -> dict[str, str]:
    return {"uri": name, "stage": STAGE, "reason": reason, "detail": detail}
