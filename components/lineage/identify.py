"""What a person means by an id, a name, a path or a picture: the row or the dataset of a run."""

import re
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from components.common.data.digests import digest_file, short
from components.common.errors import UserError
from components.common.vision.images import Rejected
from components.lineage.pictures import find_copies
from components.lineage.references import IDS
from components.lineage.rows import Rows, Run
from components.lineage.trace import Place, key_of

LEAST_DIGITS = 6
POSITION = re.compile("[0-9]{1,18}")
SHOWN = 10


class Meant(NamedTuple):
    """The rows that a person may mean, or a dataset. how: the way they were found, in words."""

    places: list[Place]
    dataset: str = ""
    how: str = ""


def identify(run: Run, text: str) -> Meant:
    """The one row or dataset meant. Raises `UserError` if there is none or more than one.

    text: a dataset's name or digest, `dataset:position`, an id (its first six digits or more will do), a photograph's
    name as in the collection or the end of it, or a picture's file, which is found by its bytes or by its look.
    """
    meant = candidates(run, text)
    if not meant.places and not meant.dataset:
        here = "" if is_file(text) else ", nor a file here"
        raise UserError(f"{text} is not an id, name or picture of this run{here}{_refused(run, text)}")
    if len(meant.places) > 1:
        shown = ", ".join(_named(run, place) for place in meant.places[:SHOWN])
        raise UserError(f"{text} may mean {len(meant.places)} rows, name one of them: {shown}")
    return meant


def candidates(run: Run, text: str) -> Meant:
    """Everything that a person may mean by `text`."""
    meant = named(run, text)
    found = meant.places or meant.dataset or not is_file(text)
    return meant if found else pictured(run, Path(text))


def named(run: Run, text: str) -> Meant:
    """The same for a person elsewhere: files on this machine are not considered."""
    name, colon, position = text.rpartition(":")
    if text in run.datasets:
        return Meant([], text, "name of a dataset")
    if colon and name in run.datasets and POSITION.fullmatch(position) and int(position) < len(run[name]):
        return Meant([Place(name, int(position))], how="position in a dataset")
    if len(text) >= LEAST_DIGITS and re.fullmatch(r"[0-9a-f]+", text):
        datasets = [rows.name for rows in run.datasets.values() if rows.dataset.digest.startswith(text)]
        if datasets:
            return Meant([], datasets[0], "digest of a dataset")
        if places := _with_id(run, text):
            return Meant(places, how="id")
    places = _with_name(run, text)
    return Meant(places, how="name of a photograph" if places else "")


def pictured(run: Run, path: Path) -> Meant:
    """The photographs of the run with the same bytes as a picture's file, or else those that it is a copy of."""
    images = run["images"]
    if same := images.where("image_id", [digest_file(path)]):
        return Meant([Place("images", at) for at in same], how="found by its bytes")
    try:
        return Meant([Place("images", at) for at in find_copies(path, images.dataset)], how="found by its look")
    except Rejected as reason:
        raise UserError(f"{path} is not a picture ({reason}): name a picture, an id or a photograph's name") from None


def is_file(text: str) -> bool:
    """Whether a file is there by this name, which may be any text."""
    try:
        return Path(text).is_file()
    except OSError:  # the system refuses the name
        return False


def _with_id(run: Run, prefix: str) -> list[Place]:
    known = {name: column for name, column in IDS.items() if name in run.datasets}
    return [Place(name, at) for name, column in known.items() for at in run[name].beginning(column, prefix)]


def _with_name(run: Run, text: str) -> list[Place]:
    """Photographs by their name in the collection, or by the part of it after a slash."""
    uris = run["images"].dataset.table(["uri"])["uri"]
    exact = pc.equal(uris, text)
    chosen = exact if pc.any(exact).as_py() else pc.ends_with(uris, f"/{text}")
    return [Place("images", at) for at in pc.indices_nonzero(chosen).to_pylist()]


def _refused(run: Run, text: str) -> str:
    """What ingest says about a file of this name that it refused."""
    if "quarantine" not in run.datasets:
        return ""
    rows = [row for row in run["quarantine"].dataset.rows() if text in (row["uri"], Path(row["uri"]).name)]
    return f", but ingest refused {rows[0]['uri']} as {rows[0]['reason']} ({rows[0]['detail']})" if rows else ""


def _named(run: Run, place: Place) -> str:
    rows: Rows = run[place.dataset]
    [row] = rows.at([place.position])
    return (
        f"{row['uri']} ({short(key_of(rows, row, place.position))})"
        if "uri" in row
        else key_of(rows, row, place.position)
    )
