"""Ingest: a folder of photographs becomes the datasets `images`, `rights`, `quarantine` and `subjects`."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from components.common.data.digests import digest_value
from components.common.data.labels import RIGHTS
from components.common.data.schemas import REASONS
from components.common.data.storage import Entry
from components.common.data.writing import Writer
from components.common.stage.progress import track
from components.common.stage.report import Report
from components.common.vision.formats import HEIF_ENDINGS, decoders
from components.common.vision.images import THUMBNAIL, Limits, Rejected
from components.ingest.denied import DenyList, read_denied
from components.ingest.intake import Photograph, take
from components.ingest.labels import Labels, read_labels
from components.ingest.listing import Listing, find, uri
from components.ingest.params import Params
from components.ingest.rights.gathering import Outside, gather
from components.ingest.rights.policy import refusal_of
from components.ingest.rights.signals import Signal, as_row, train_ai
from components.ingest.summary import summary

STAGE = "ingest"


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """Takes in every photograph at `params.images`.

    inputs: none. outputs: images, quarantine, subjects, rights. Raises `UserError` if the place is missing, unreachable
    or empty, or the labels are not a table of labels.
    """
    listing = find(params.images)
    labels = read_labels(params.labels, listing.uris())
    denied = read_denied(params.denied)
    with ThreadPoolExecutor(params.workers) as pool:
        versions = listing.versions(pool)
        contents = listing.digests(versions) | {"labels": labels.digest} | _decoder(listing)
        contents |= {"denied": denied.digest} if denied.entries else {}
        outside = gather(listing, labels, versions, params, pool)
        beside = {"passed_over": digest_value(listing.passed_over)}
        with (
            Writer(outputs["images"], "images", STAGE, inputs, params, contents) as images,
            Writer(outputs["quarantine"], "quarantine", STAGE, inputs, params, contents | beside) as quarantine,
            Writer(outputs["subjects"], "subjects", STAGE, inputs, params, contents) as subjects,
            Writer(outputs["rights"], "rights", STAGE, inputs, params, contents) as rights,
        ):
            intake = _Intake(listing, labels, denied, outside, params, images, quarantine, rights)
            image_ids = intake.all_parts(pool)
            quarantine.facts = {"files": listing.files, "read_beside": outside.read}
            subjects.write(0, labels.subjects(image_ids))
            subjects.facts = {"label_rows": len(labels.rows)}
    return summary(outputs, listing, labels, outside)


class _Taken(NamedTuple):
    """What became of a file, what is said about its use, and its identity if it was read."""

    outcome: Photograph | Rejected
    signals: list[Signal]
    image_id: str | None = None


@dataclass
class _Intake:
    """The loop over parts.

    kept: image_id -> uri. image_ids: uri -> image_id, duplicates included.
    """

    listing: Listing
    labels: Labels
    denied: DenyList
    outside: Outside
    params: Params
    images: Writer
    quarantine: Writer
    rights: Writer
    kept: dict[str, str] = field(default_factory=dict)
    image_ids: dict[str, str] = field(default_factory=dict)

    def all_parts(self, pool: Executor) -> dict[str, str]:
        """Writes every part that does not exist yet; returns uri -> image_id of all photographs that were readable."""
        ticks = track(self.listing.entries, "photographs")
        index = -1
        for index, part in enumerate(self.listing.parts(self.params.part_rows, self.params.max_bytes)):
            if all(out.done(index) for out in (self.images, self.quarantine, self.rights)):
                list(islice(ticks, len(part)))
            else:
                self._write(index, part, pool, ticks)
            self._remember(index)
        passed_over = [(name, "passed-over", why) for name, why in self.listing.passed_over]
        others = [*self.labels.refusals, *passed_over, *self.outside.refusals]
        self.quarantine.write(index + 1, [_refusal(*refusal) for refusal in others])
        return self.image_ids

    def _write(self, index: int, part: list[Entry], pool: Executor, ticks: Iterator[Entry]) -> None:
        rows, blobs, thumbnails, refused, statements, kept = [], [], [], [], [], dict(self.kept)
        for (outcome, signals, image_id), entry in zip(pool.map(self._take, part), ticks, strict=False):
            name = uri(entry)
            statements += [as_row(signal, name, image_id) for signal in signals]
            if isinstance(outcome, Rejected):
                refused.append(_refusal(name, outcome.reason, outcome.detail))
            elif outcome.image_id in kept:
                refused.append(_refusal(name, "duplicate", kept[outcome.image_id]))
            else:
                kept[outcome.image_id] = name
                rows.append({"uri": name, **outcome.columns, **self._columns(name), "train_ai": train_ai(signals)})
                blobs.append({"image": outcome.data})
                thumbnails.append(outcome.thumbnail)
        self.images.write(index, rows, blobs, np.array(thumbnails, np.uint8).reshape(-1, THUMBNAIL, THUMBNAIL))
        self.quarantine.write(index, refused)
        self.rights.write(index, statements)

    def _take(self, entry: Entry) -> _Taken:
        signals = self.outside.signals.get(uri(entry), [])
        if barring := self.outside.barring.get(uri(entry)):
            return _Taken(Rejected("opted-out", str(barring)), signals)
        limits = Limits(self.params.max_bytes, self.params.max_pixels, self.params.min_side)
        outcome = take(self.listing.store, entry, limits, self.denied)
        if isinstance(outcome, Rejected):
            return _Taken(outcome, signals)
        signals = [*signals, *outcome.signals]
        return _Taken(refusal_of(signals, self.params.use) or outcome, signals, outcome.image_id)

    def _columns(self, name: str) -> dict[str, Any]:
        known = {"licence": self.params.licence or None} | self.outside.columns.get(name, {})
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
    """Whether phones' HEIF photographs can be read here, which decides the result if there are any."""
    phones = any(name.lower().endswith(HEIF_ENDINGS) for name in listing.uris())
    return {"heif": "read" if "HEIF" in decoders() else "refused"} if phones else {}


def _refusal(name: str, reason: str, detail: str) -> dict[str, str]:
    """A row of the quarantine. Raises `ValueError` for a reason that is not explained."""
    if reason not in REASONS:
        raise ValueError(f"{reason} is not a reason for which ingest refuses")
    return {"uri": name, "stage": STAGE, "reason": reason, "detail": detail}
