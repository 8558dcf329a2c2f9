"""The CSV of labels: what it may look like, and the errors if it is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ingest_data import Ingested, jpeg, store

from components.common.errors import UserError
from components.ingest.labels import parse

Ingest = Callable[..., Ingested]


@pytest.fixture
def collection(tmp_path: Path, ingest: Ingest) -> Callable[..., Ingested]:
    """Ingests photographs a/0.jpg .. a/3.jpg with labels given as text."""
    folder = store(tmp_path / "in", {f"a/{n}.jpg": jpeg(n) for n in range(4)})

    def call(labels: str, **params: object) -> Ingested:
        path = store(tmp_path, {"labels.csv": labels.encode()}) / "labels.csv"
        return ingest(folder, labels=str(path), **params)

    return call


def test_boxes_subjects_and_duplicates(collection: Callable[..., Ingested]) -> None:
    report, made = collection(
        "path,subject,x,y,w,h,duplicate_of\n"
        "a/1.jpg,mug,1,2,10,11.5,\na/1.jpg,jar,3,4,5,6,\na/0.jpg,,,,,,\na/2.jpg,mug,,,,,a/1.jpg\n"
    )
    ids = {row["uri"]: row["image_id"] for row in made["images"].rows()}
    rows = made["subjects"].rows()
    assert [(row["image_id"], row["subject"]) for row in rows] == [
        (ids["a/1.jpg"], "mug"),
        (ids["a/1.jpg"], "jar"),
        (ids["a/0.jpg"], ""),
        (ids["a/2.jpg"], "mug"),
    ]
    assert [rows[0][side] for side in "xywh"] == [1, 2, 10, 11.5] and rows[2]["x"] is None
    assert report.metrics["without_subject"] == 1
    assert any("1 of 4 label rows name no subject" in note for note in report.notes)
    assert [row["duplicate_of"] for row in rows] == [None, None, None, ids["a/1.jpg"]]


@pytest.mark.parametrize("prefix", ["a/", "", "./a/", "a\\"])
def test_paths_may_start_at_another_folder(collection: Callable[..., Ingested], prefix: str) -> None:
    _, made = collection("path,subject\n" + "".join(f"{prefix}{n}.jpg,mug\n" for n in range(4)))
    assert len(made["subjects"]) == 4 and len(made["quarantine"]) == 0


def test_paths_of_another_folder_do_not_match(collection: Callable[..., Ingested]) -> None:
    _, made = collection("path,subject\n" + "".join(f"b/{n}.jpg,mug\n" for n in range(4)))
    assert len(made["subjects"]) == 0 and {row["reason"] for row in made["quarantine"].rows()} == {"missing"}


def test_labelled_paths_that_do_not_exist_are_quarantined_as_missing(collection: Callable[..., Ingested]) -> None:
    report, made = collection("path,subject\na/0.jpg,mug\na/9.jpg,mug\na/9.jpg,jar\n../../etc/passwd,x\n")
    assert [(row["uri"], row["reason"]) for row in made["quarantine"].rows()] == [
        ("a/9.jpg", "missing"),
        ("../../etc/passwd", "missing"),
    ]
    assert (
        len(made["subjects"]) == 1
        and "Names in the labels that fit no photograph: 2, a/9.jpg, ../../etc/passwd (named in the labels, but not "
        "there; quarantined as 'missing')."
        in report.notes
    )


def test_names_may_be_spelled_as_other_programs_spell_them(collection: Callable[..., Ingested]) -> None:
    _, made = collection(
        "path,subject,duplicate_of\n/home/me/in/a/0.jpg,mug,\ns3://bucket/in/a/1.jpg,mug,\n"
        "file:///home//me/in/a/2.jpg,jar,\n"
    )
    assert [row["subject"] for row in made["subjects"].rows()] == ["mug", "mug", "jar"]
    assert len(made["quarantine"]) == 0


def test_a_name_that_fits_two_photographs_is_refused_and_counted(tmp_path: Path, ingest: Ingest) -> None:
    folder = store(tmp_path / "in", {"train/0.jpg": jpeg(0), "val/0.jpg": jpeg(1), "val/1.jpg": jpeg(2)})
    labels = store(tmp_path, {"l.csv": b"path,subject,duplicate_of\n0.jpg,mug,\n1.jpg,mug,9.jpg\n"}) / "l.csv"
    report, made = ingest(folder, labels=str(labels))
    assert [row["subject"] for row in made["subjects"].rows()] == ["mug"]
    assert [(row["uri"], row["reason"], row["detail"]) for row in made["quarantine"].rows()] == [
        ("9.jpg", "missing", "named in the labels, but not there"),
        ("0.jpg", "ambiguous", "this name in the labels could mean train/0.jpg or val/0.jpg"),
    ]
    assert any(
        "write more of their paths: 1, 0.jpg (this name in the labels could mean" in note for note in report.notes
    )


def test_a_rights_signal_that_fits_two_photographs_stops_the_run(tmp_path: Path, ingest: Ingest) -> None:
    folder = store(tmp_path / "in", {"train/0.jpg": jpeg(0), "val/0.jpg": jpeg(1)})
    labels = store(tmp_path, {"l.csv": b"path,subject,rights_signal\n0.jpg,,noai\n"}) / "l.csv"
    with pytest.raises(UserError, match=r"line 2 gives '0.jpg' a rights signal, but it could mean train/0.jpg or val"):
        ingest(folder, labels=str(labels))


def test_two_subjects_for_one_place_are_both_refused(collection: Callable[..., Ingested]) -> None:
    report, made = collection(
        "path,subject,x,y,w,h\na/0.jpg,mug\na/0.jpg,jar\na/1.jpg,mug,1,2,9,9\na/1.jpg,jar,5,2,9,9\n"
        "a/2.jpg,mug\na/2.jpg,mug\na/3.jpg,\na/3.jpg,mug\n"
    )
    names = {row["image_id"]: row["uri"] for row in made["images"].rows()}
    assert [(names[row["image_id"]], row["subject"]) for row in made["subjects"].rows()] == [
        ("a/1.jpg", "mug"),
        ("a/1.jpg", "jar"),
        ("a/2.jpg", "mug"),
        ("a/3.jpg", ""),
        ("a/3.jpg", "mug"),
    ]
    assert [(row["uri"], row["reason"], row["detail"]) for row in made["quarantine"].rows()] == [
        ("a/0.jpg", "conflict", "labelled as 'mug' (line 2) and as 'jar' (line 3)")
    ]
    assert report.metrics["quarantined_conflict"] == 1
    assert any("labelled as two subjects, of which none is used: 1" in note for note in report.notes)


def test_rights_follow_the_photograph(collection: Callable[..., Ingested]) -> None:
    report, made = collection(
        "Path, Subject ,license,credit,source_url,rights_signal\n"
        "a/0.jpg,mug,CC-BY-4.0,Ann,https://x.org/0,\na/1.jpg,mug,,,,NoAI\na/2.jpg,mug,,,,\n",
        licence="CC0-1.0",
        collection="shop",
    )
    rows = {row["uri"]: row for row in made["images"].rows()}
    first = rows["a/0.jpg"]
    assert (first["licence"], first["attribution"], first["source_url"]) == ("CC-BY-4.0", "Ann", "https://x.org/0")
    assert rows["a/2.jpg"]["licence"] == rows["a/3.jpg"]["licence"] == "CC0-1.0"
    assert {row["collection"] for row in rows.values()} == {"shop"}
    assert [(row["uri"], row["reason"]) for row in made["quarantine"].rows()] == [("a/1.jpg", "opted-out")]
    assert report.metrics["without_licence"] == 0


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("", "noai", True),
        ("tdm-reservation", "NOAI", True),
        ("noai, noimageai", "", True),
        ("all,NoImageAI ", "", True),
        ("tdm-reservation", "allowed, noaim", False),
    ],
)
def test_any_opt_out_of_any_row_wins(
    collection: Callable[..., Ingested], first: str, second: str, refused: bool
) -> None:
    labels = f'path,subject,rights_signal,licence\na/1.jpg,mug,"{first}",\na/1.jpg,mug,"{second}",MIT\n'
    for signals in (("noai", "noimageai"), ("NoAI", " NOIMAGEAI")):
        _, made = collection(labels, name=signals[0], opt_out_signals=signals)
        assert [row["reason"] for row in made["quarantine"].rows()] == ["opted-out"] * refused
    if not refused:
        kept = next(row for row in made["images"].rows() if row["uri"] == "a/1.jpg")
        assert kept["licence"] == "MIT" and [row["value"] for row in made["rights"].rows()] == [first, second]


def test_unknown_licences_are_null_and_reported(collection: Callable[..., Ingested]) -> None:
    report, made = collection("path,subject\na/0.jpg,mug\n")
    assert {row["licence"] for row in made["images"].rows()} == {None}
    assert "4 photographs have no known licence." in report.notes


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "l.csv has no column 'path'"),
        (b"path,label\na.jpg,x\n", "l.csv has no column 'subject': its first line must name path, subject"),
        (
            b"path,subject,x,y,w,h\n\na.jpg,m,1,2,3,\n",
            r"no row of l.csv can be used, beginning with line 3, which has no valid box \(1, 2, 3, \): give",
        ),
        (
            b"path,subject,x,y,w,h\na.jpg,m,1,2,wide,3\n",
            "l.csv can be used, beginning with line 2, which has no valid box",
        ),
        (
            b"path,subject,x,y,w,h\na.jpg,m,1,2,-3,3\n",
            "l.csv can be used, beginning with line 2, which has no valid box",
        ),
        (
            b"path,subject,x,y,w,h\na.jpg,m,1,nan,3,3\n",
            "l.csv can be used, beginning with line 2, which has no valid box",
        ),
        (
            b"path,subject,x,y,w,h\na.jpg,m,0.1,0.1,0.8,0.8\n",
            "line 2, .* in px, not in shares of the sides, w and h at",
        ),
        (
            b"path,subject\na.jpg,Milk, 3 % fat\nb.jpg,Milk, 3 % fat\n",
            "line 2, which has 3 cells, but the header names 2 columns: put cells that contain the separator in double",
        ),
        (b"path,subject,subject\na.jpg,m,n\n", "l.csv has several columns 'subject': keep one of them"),
        (b"path,subject,licence,license\na.jpg,m,n,n\n", "l.csv has several columns 'licence'"),
        (b"path,subject\n,mug\n", "line 2, which names no path: fill it in or remove the line"),
        (
            b"path,subject\n\xff\xfe,mug\n",
            r"not a CSV file in UTF-8 \(line 2 .* such as Windows-1252\): save .* UTF-8'",
        ),
        (b'path,subject\n"a.jpg,mug\n\nb.jpg,jar\n', "l.csv line 2 opens a double quote: close it in the same cell"),
        (b"PK\x03\x04not really", r"l.csv is neither a CSV file nor an Excel workbook \("),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "l.csv is a workbook in an old Excel format: save it again as 'CSV UTF-8'"),
        (
            b"path,subject,rights_signal\na.jpg,mug,\nb.jpg,Milk, 3 %,noai\n",
            "line 3 may forbid the use of a photograph, but it has 4 cells",
        ),
        (b"path,subject,rights_signal\na.jpg,mug,\n,mug,noai\n", "line 3 may forbid .* names no path"),
    ],
)
def test_mistakes_are_one_sentence(text: bytes, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        parse(text, "l.csv")


def test_spreadsheets_bom_quotes_and_short_rows_are_fine() -> None:
    rows = parse('\ufeffpath,subject,x,y,w,h\n"a,1.jpg","=cmd()"\n'.encode(), "l.csv")
    assert (rows[0].path, rows[0].subject, rows[0].box) == ("a,1.jpg", "=cmd()", None)
    assert parse(b"path,subject,,\na.jpg,mug,,,,\n", "l.csv")[0].subject == "mug"


def test_missing_labels_are_one_sentence(tmp_path: Path, ingest: Ingest) -> None:
    folder = store(tmp_path / "in", {"0.jpg": jpeg(0)})
    with pytest.raises(UserError, match=r"nolabels\.csv"):
        ingest(folder, labels=str(tmp_path / "nolabels.csv"))
