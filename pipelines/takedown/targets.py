"""Which photographs a takedown is about: by sha256, name, address, value or picture, singly or as a list."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from components.common.data.schemas import blob_columns
from components.common.errors import UserError
from components.common.vision.images import Rejected, decode
from components.common.vision.looks import Look, look_of
from components.ingest.denied import REASON, Denied, read_denied
from components.lineage.find import find
from components.lineage.identify import candidates
from components.lineage.rows import Run
from pipelines.engines.workspace import Workspace
from pipelines.takedown.repair import deny_list

SHA256 = re.compile("[0-9a-f]{64}")
EVERY = 1 << 40


@dataclass(frozen=True)
class Targets:
    """image_ids: sha256 of each named photograph, sorted. absent: those that the run does not have."""

    image_ids: Sequence[str]
    absent: Sequence[str]


def read_targets(run: Run, asked: Iterable[str]) -> Targets:
    """The named photographs.

    asked: each a sha256, the first digits of one, a photograph's name or address, `column=value` of images or
    subjects, or a picture's file. Raises `UserError` if there is none, or for a text that names no photograph, or is
    ambiguous.
    """
    image_ids: set[str] = set()
    for text in asked:
        image_ids |= _meant(run, text.strip())
    if not image_ids:
        raise UserError("no photograph is named: give its name, its sha256, its address or a picture of it")
    present = {row["image_id"] for row in run["images"].at(run["images"].where("image_id", image_ids))}
    return Targets(sorted(image_ids), sorted(image_ids - present))


def read_list(path: Path) -> list[str]:
    """The lines of a list of photographs, without empty ones and those that start with #."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"the list {path} cannot be read ({error}): name a text file, one photograph per line"
        ) from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def deny(run: Run, targets: Targets, takedown: str) -> list[Denied]:
    """The entries for the deny list, with the look (local features) of each photograph that the run has."""
    images = run["images"]
    looks: dict[str, Look] = {}
    columns = images.dataset.table(["image_id", *blob_columns("image")])
    for at in images.where("image_id", targets.image_ids):
        [row] = columns.slice(at, 1).to_pylist()
        looks[row["image_id"]] = look_of(decode(images.dataset.blob(row, "image")))
    return [Denied(image_id, takedown, looks.get(image_id)) for image_id in targets.image_ids]


def _meant(run: Run, text: str) -> set[str]:
    if text.startswith(("http://", "https://", "s3://")):
        return (
            _with_value(run, f"images.source_url={text}") or _with_value(run, f"images.uri={text}") or _none(run, text)
        )
    if re.match(r"(images\.|subjects\.)?\w+=", text):
        return _with_value(run, text) or _none(run, text)
    places = candidates(run, text).places
    if len(places) == 1 and places[0].dataset == "images":
        [row] = run["images"].at([places[0].position])
        return {row["image_id"]}
    if not places and SHA256.fullmatch(text):
        return {text}
    if not places:
        return _none(run, text)
    raise UserError(f"{text} means {len(places)} rows of {places[0].dataset}: name one photograph, or its sha256")


def _with_value(run: Run, question: str) -> set[str]:
    answers = [answer for answer in find(run.data, question, EVERY) if answer.dataset in ("images", "subjects")]
    return {row["image_id"] for answer in answers for row in answer.rows}


def _none(run: Run, text: str) -> set[str]:
    if before := _taken_down(run, text):
        raise UserError(
            f"{text} was taken down already ({before}): `objectmate takedown verify` with its name searches again"
        )
    raise UserError(f"{text} names no photograph of this run: give its sha256 to keep it out anyway")


def _taken_down(run: Run, text: str) -> str:
    """Which takedown took the photograph of this name, or in this file; empty if none did."""
    quarantine = run["quarantine"].dataset.rows(["uri", "reason", "detail"]) if "quarantine" in run.datasets else []
    details = [str(row["detail"]) for row in quarantine if row["uri"] == text and row["reason"] == REASON]
    if details or not Path(text).is_file():
        return "".join(details[:1])
    data = Path(text).read_bytes()
    try:
        read_denied(deny_list(Workspace(run.data.parent))).check(sha256(data).hexdigest(), decode(data))
    except Rejected as refused:
        return refused.detail if refused.reason == REASON else ""
    return ""
