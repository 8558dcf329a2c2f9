"""Labels as spreadsheets and programs save them; a damaged row is refused, the others count."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ingest_data import Ingested, jpeg, store
from openpyxl import Workbook

from components.common.data.labels import Label, parse
from components.common.errors import UserError

Ingest = Callable[..., Ingested]
ROWS = 'path,subject,x,y,w,h\r\na.jpg,"Müsli, 1",1,2,30,40\r\nb.jpg,=jar,,,,\r\n'
WANTED = [("a.jpg", "Müsli, 1", (1, 2, 30, 40)), ("b.jpg", "=jar", None)]


def workbook(rows: list[list[object]]) -> bytes:
    book, buffer = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


def plain(labels: list[Label]) -> list[tuple[object, ...]]:
    return [(label.path, label.subject, label.box) for label in labels]


@pytest.mark.parametrize(
    "data",
    [
        ROWS.encode(),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("utf-16"),
        "\ufeff".encode("utf-16-be") + ROWS.encode("utf-16-be"),
        ("sep=,\r\n" + ROWS).encode(),
        b"sep=;\r\n" + "path;subject;x;y;w;h\na.jpg;Müsli, 1;1,0;2;30;40\nb.jpg;=jar;;;;\n".encode(),
        "path;subject;x;y;w;h\na.jpg;Müsli, 1;1;2,00;30;40\nb.jpg;=jar;;;;\n".encode(),
        "\ufeffpath\tsubject\tx\ty\tw\th\na.jpg\tMüsli, 1\t1\t2\t30\t40\nb.jpg\t=jar\n".encode("utf-16-le"),
        "Path|SUBJECT \u00a0|x|y|w|h\n\n a.jpg |Müsli, 1|1|2|30|40\nb.jpg|=jar\u00a0\n".encode(),
        ROWS.replace("\r\n", "\r").encode(),
    ],
    ids=["csv", "bom", "utf-16", "utf-16-be", "sep", "sep-semicolon", "semicolon", "excel-text", "bars", "old-mac"],
)
def test_separators_and_encodings(data: bytes) -> None:
    assert plain(parse(data, "l.csv")) == WANTED


def test_a_workbook_is_read_like_a_csv() -> None:
    data = workbook([["Path", "subject", "x", "y", "w", "h"], ["a.jpg", "Müsli, 1", 1, 2.0, 30, 40], ["b.jpg", "=jar"]])
    labels = parse(data, "l.xlsx")
    assert (
        plain(labels)[0] == WANTED[0] and labels[1].path == "b.jpg"
    )  # the second subject is a formula without a value
    assert parse(workbook([["path", "subject"], ["a.jpg", 7], [None, None], ["b.jpg", -1]]), "l.xlsx")[1].line == 4


def test_a_workbook_without_its_reader_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match=r"l.xlsx is a workbook: pip install 'objectmate\[xlsx\]', or save it again as"):
        parse(workbook([["path", "subject"]]), "l.xlsx")


def test_a_comma_that_may_part_thousands_is_no_number() -> None:
    assert parse(b'path,subject,x,y,w,h\na,m,"1,5",0,"20,25",30\nb,m\n', "l.csv")[0].box == (1.5, 0, 20.25, 30)
    assert "has no valid box" in parse(b'path,subject,x,y,w,h\na,m,0,0,"1,500",30\nb,m\n', "l.csv")[0].flaw


def test_a_damaged_row_is_refused_and_the_others_count(tmp_path: Path, ingest: Ingest) -> None:
    folder = store(tmp_path / "in", {f"{n}.jpg": jpeg(n) for n in range(6)})
    table = (
        "path,subject,x,y,w,h,licence\n"
        "0.jpg,mug,,,,,MIT\n"
        "1.jpg,Milk, 3 %,1,2,9,9,MIT\n"
        "2.jpg,mug,0.1,0.1,0.8,0.8,MIT\n"
        ",mug\n"
        '3.jpg,"mug"s\n'
        "4.jpg,mug,1,,9,9\n"
        '5.jpg,"mug\n'
    )
    report, made = ingest(folder, labels=str(store(tmp_path, {"l.csv": table.encode()}) / "l.csv"))
    assert [row["subject"] for row in made["subjects"].rows()] == ["mug"]
    licences = {row["uri"]: row["licence"] for row in made["images"].rows()}
    assert licences["0.jpg"] == licences["2.jpg"] == "MIT" and licences["1.jpg"] is None
    rows = [(row["uri"], row["detail"].partition(":")[0]) for row in made["quarantine"].rows()]
    assert {row["reason"] for row in made["quarantine"].rows()} == {"damaged"}
    assert rows == [
        ("line 3", "line 3 has 8 cells, but the header names 7 columns"),
        ("2.jpg", "line 4 has no valid box (0.1, 0.1, 0.8, 0.8)"),
        ("line 5", "line 5 names no path"),
        ("line 6", "line 6 is not a line of CSV (',' expected after '\"')"),
        ("4.jpg", "line 7 has no valid box (1, , 9, 9)"),
        ("line 8", "line 8 is not a line of CSV (unexpected end of data)"),
    ]
    assert any(
        note.startswith(
            "Rows of the labels that cannot be read: 6, line 3, 2.jpg, line 5 and 3 more (line 3 has 8 cells"
        )
        for note in report.notes
    )


def test_labels_that_match_nothing_are_told_with_both_sides_names(tmp_path: Path, ingest: Ingest) -> None:
    folder = store(tmp_path / "in", {f"a/{n}.jpg": jpeg(n) for n in range(2)})
    table = "path,subject\n" + "".join(f"shop/{n}.png,mug\n" for n in range(200))
    report, made = ingest(folder, labels=str(store(tmp_path, {"l.csv": table.encode()}) / "l.csv"))
    assert len(made["subjects"]) == 0 and report.metrics["quarantined_missing"] == 200
    assert (
        "None of 200 label rows is about an accepted photograph. They name shop/0.png, shop/1.png, shop/2.png and 197 "
        "more, while the photographs are called a/0.jpg, a/1.jpg: correct the paths in the labels." in report.notes
    )


def test_subjects_that_may_not_be_what_they_seem_are_told(tmp_path: Path, ingest: Ingest) -> None:
    folder = store(tmp_path / "in", {f"{n}.jpg": jpeg(n) for n in range(4)})
    table = b"path,subject\n0.jpg,Mug\n1.jpg,mug\n2.jpg,-1\n3.jpg,-1\n"
    report, made = ingest(folder, labels=str(store(tmp_path, {"l.csv": table}) / "l.csv"))
    assert len(made["subjects"]) == 4
    assert (
        "Different subjects are spelled almost alike: 'Mug' and 'mug'. Use one spelling for one product."
        in report.notes
    )
    assert "'-1' counts as one product: leave the subject empty where the product is not known." in report.notes
