"""Files beside the photographs: passed over with a reason and by name; no photograph is, whatever it is called."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ingest_data import Ingested, jpeg, store

from components.gates.intake import intake
from components.gates.params import Intake
from components.ingest.listing import RESOURCE_FORK, why_passed_over

Ingest = Callable[..., Ingested]
NAMES = (
    "licence.jpg",
    "README.jpg",
    "a/NOTICE.PNG",
    ".hidden.jpg",
    ".jpg",
    "._x.jpeg",
    "thumbs.db.webp",
    "copying.HEIC",
)


def test_a_photograph_is_taken_in_whatever_its_name_is(tmp_path: Path, ingest: Ingest) -> None:
    _, made = ingest(store(tmp_path / "in", {name: jpeg(n) for n, name in enumerate(NAMES)}))
    assert sorted(row["uri"] for row in made["images"].rows()) == sorted(NAMES) and len(made["quarantine"]) == 0


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("README", "documents and data"),
        ("a/labels.csv", "documents and data"),
        ("labels.XLSX", "documents and data"),
        ("1.jpg.xmp", "documents and data"),
        ("IMG_1.AAE", "documents and data"),
        (".DS_Store", "hidden files"),
        (".thumbnails/1.jpg", "in the hidden folder .thumbnails"),
        ("a/.git/objects/ab/cdef", "in the hidden folder .git"),
        ("@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "in @eaDir, which a system keeps for itself"),
        ("__MACOSX/._1.jpg", "in __MACOSX, which a system keeps for itself"),
        ("hash0123", ""),
        ("a.folder/1.jpg", ""),
    ],
)
def test_each_kind_has_its_reason(name: str, why: str) -> None:
    assert why_passed_over(name) == why


def test_what_is_passed_over_is_told_by_name_and_listed_in_the_quarantine(tmp_path: Path, ingest: Ingest) -> None:
    git = {f".git/objects/{n:02d}": b"x" for n in range(30)}
    files = git | {"._1.jpg": RESOURCE_FORK + bytes(99), "labels.csv": b"x", "__MACOSX/1.jpg": jpeg(2)}
    report, made = ingest(store(tmp_path / "in", {"1.jpg": jpeg(1), "bad.jpg": b"?", "worse.jpg": b"!"} | files))
    assert [row["uri"] for row in made["images"].rows()] == ["1.jpg"]
    rows = {row["uri"]: (row["reason"], row["detail"]) for row in made["quarantine"].rows()}
    assert rows.keys() == files.keys() | {"bad.jpg", "worse.jpg"}
    assert rows["._1.jpg"] == ("passed-over", "macOS resource forks")
    assert (report.metrics["passed_over"], report.metrics["quarantined"]) == (len(files), 2)
    assert "quarantined_passed_over" not in report.metrics and report.metrics["quarantined_share"] == 2 / 3
    assert report.notes[:2] == [
        "Refused as not-an-image: 2 files, bad.jpg (no known image format), worse.jpg.",
        "Passed over: 33 files, 30 in the hidden folder .git (.git/objects/00, .git/objects/01, .git/objects/02 and 27 "
        "more); 1 documents and data (labels.csv); 1 in __MACOSX, which a system keeps for itself (__MACOSX/1.jpg); "
        "1 macOS resource forks (._1.jpg).",
    ]
    gate = intake({role: data.folder for role, data in made.items()}, Intake())
    assert next(check.measured for check in gate.checks if check.name == "quarantined_share") == 2 / 3
