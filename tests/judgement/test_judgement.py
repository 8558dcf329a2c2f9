"""People's verdicts: what the file may hold, which objects a verdict is about, and how far raters agree."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mining_data import make_corpus

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.verdicts import COLUMNS, QUESTION, Place, Verdict, parse, render
from components.common.vision.geometry import Box
from components.judgement.agreement import agreements, cohen, fleiss
from components.judgement.params import Params
from components.judgement.stage import run

BOX = Box(0, 0, 96, 96)


def verdict(first: Place, second: Place, word: str, rater: str = "ann") -> Verdict:
    return Verdict(first, second, word, rater, "2026-01-01T00:00:00Z", QUESTION)


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    """Four photographs of one object each."""
    return make_corpus(tmp_path, [["mug-0"]] * 4, subjects=[])


@pytest.fixture
def places(paths: dict[str, Path]) -> list[Place]:
    objects = Dataset(paths["objects"]).rows()
    return [Place(row["image_id"], Box(*(row[side] for side in "xywh"))) for row in objects]


def judged(paths: dict[str, Path], folder: Path, verdicts: list[Verdict]):
    file = folder / "verdicts.csv"
    file.write_text(render(verdicts, header=True))
    folder.mkdir(exist_ok=True)
    report = run(paths, {"judgements": folder / "judgements"}, Params(verdicts=str(file)))
    return report, Dataset(folder / "judgements")


def test_a_verdict_is_about_the_objects_at_its_places(paths, places, tmp_path):
    moved = Place(places[2].image, places[2].box._replace(x=places[2].box.x + 8))
    said = [verdict(places[1], places[0], "same"), verdict(moved, places[3], "different")]
    report, made = judged(paths, tmp_path, said)
    assert [(row["src_row"], row["dst_row"], row["verdict"]) for row in made.rows()] == [
        (0, 1, "same"),
        (2, 3, "different"),
    ]
    assert report.metrics["judged_pairs"] == 2 and report.metrics["verdicts_left_out"] == 0
    (first, _) = made.rows()
    assert (first["first_image"], first["first_x"]) == (places[1].image, places[1].box.x), "the place as it was judged"
    assert made.manifest.models["verdicts"]  # the file's digest is part of what the dataset is


def test_no_file_is_no_verdict(paths, tmp_path):
    report = run(paths, {"judgements": tmp_path / "judgements"}, Params())
    assert len(Dataset(tmp_path / "judgements")) == 0 and report.metrics["raters"] == 0


def test_what_is_about_no_object_is_counted_and_kept(paths, places, tmp_path):
    gone = Place("0" * 64, BOX)
    elsewhere = Place(places[0].image, Box(90, 90, 5, 5))
    said = [
        verdict(gone, places[1], "same"),
        verdict(places[1], elsewhere, "same"),
        verdict(places[0], places[0], "same"),
    ]
    report, made = judged(paths, tmp_path, said)
    assert len(made) == 0 and report.metrics["verdicts_left_out"] == 3
    assert "Not used: 1 verdict, as their photograph is not in this run." in report.notes[0]
    assert parse(report.files["verdicts_left_out.csv"].encode(), "it") == said


def test_a_raters_last_verdict_counts_and_disputes_are_said(paths, places, tmp_path):
    pair = places[0], places[1]
    said = [verdict(*pair, "different"), verdict(*pair[::-1], "same"), verdict(*pair, "unsure", "bob")]
    report, made = judged(paths, tmp_path, said)
    assert [(row["rater"], row["verdict"]) for row in made.rows()] == [("ann", "same"), ("bob", "unsure")]
    assert (report.metrics["verdicts_replaced"], report.metrics["disputed_pairs"]) == (1, 1)
    assert any("Disputed: 1 pair." in note for note in report.notes)
    assert any("ann and bob" in note for note in report.notes)


def test_the_latest_verdict_counts_wherever_its_line_stands(paths, places, tmp_path):
    said = [
        verdict(places[0], places[1], "same")._replace(at="2026-01-02T01:00:00+02:00"),
        verdict(places[0], places[1], "different")._replace(at="2026-01-01T22:59:59"),
        verdict(places[0], places[1], "unsure")._replace(at=""),
    ]
    report, made = judged(paths, tmp_path, said)
    assert [row["verdict"] for row in made.rows()] == ["same"] and report.metrics["verdicts_replaced"] == 2
    assert "Not used: 2 verdicts with a later one of the rater on the same pair." in report.notes


def test_answers_to_another_question_are_not_used(paths, places, tmp_path):
    said = [
        verdict(places[0], places[1], "same")._replace(question="same-product/2: is it?"),
        verdict(places[2], places[3], "same")._replace(question=""),
    ]
    report, made = judged(paths, tmp_path, said)
    assert [row["src_row"] for row in made.rows()] == [2]
    assert "Not used: 1 verdict, as they answer another question than same-product/1." in report.notes[0]
    assert "1 verdict named no question and counted as an answer to same-product/1." in report.notes


def test_csv_and_parquet_say_the_same(places):
    said = [verdict(places[0], places[1], "duplicate"), verdict(Place(places[2].image, BOX), places[3], "unsure")]
    table = pa.table({name: [row.row()[name] for row in said] for name in COLUMNS})
    parquet = pa.BufferOutputStream()
    pq.write_table(table, parquet)
    assert parse(render(said, header=True).encode(), "a") == parse(parquet.getvalue().to_pybytes(), "b") == said


HEAD = ",".join(COLUMNS)
GOOD = f"{'a' * 64},0,0,9,9,{'b' * 64},1,1,9,9,same,ann,,"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD.replace(",rater", "") + "\n", "v.csv has no column 'rater'"),
        (f"{HEAD},rater\n{GOOD},bob", "v.csv has several columns 'rater'"),
        (f"{HEAD}\n{GOOD}\n{GOOD.replace('same', 'maybe')}", "v.csv line 3: 'maybe' is not a verdict: write same, "),
        (f"{HEAD}\n{GOOD.replace('ann', ' ')}", "v.csv line 2 names no rater"),
        (f"{HEAD}\n{GOOD.replace(',9,9,same', ',9,-1,same')}", "v.csv line 2: the second box is not x, y, w, h in px"),
        (f"{HEAD}\n{GOOD.replace('0,0,9', 'nan,0,9')}", "v.csv line 2: the first box is not x, y, w, h in px"),
        (f"{HEAD}\n{GOOD.replace('ann,,', 'ann,31.1.2026,')}", "v.csv line 2: '31.1.2026' is not a time: write it as "),
        (f"{HEAD}\n{GOOD},more", "v.csv is neither a CSV file in UTF-8 nor Parquet"),
        ("", "v.csv is empty: a file of verdicts has first_image, "),
        (HEAD.replace(",", ";") + "\n", "separated by commas and not by semicolons"),
        ("PAR1 and then nothing", "v.csv is neither a CSV file in UTF-8 nor Parquet"),
    ],
)
def test_a_malformed_file_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        parse(text.encode(), "v.csv")
    assert sentence in str(error.value) and "\n" not in str(error.value)


def test_rows_of_a_spreadsheet_that_hold_nothing_are_no_verdicts(places):
    text = render([verdict(places[0], places[1], "same")], header=True) + "," * (len(COLUMNS) - 1) + "\n"
    assert len(parse(text.encode(), "it")) == 1


def test_parquet_may_hold_times_and_bytes(places):
    (row,) = [verdict(places[0], places[1], "same").row()]
    table = pa.table({name: [row[name]] for name in COLUMNS})
    at = pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    table = table.set_column(table.column_names.index("at"), "at", at)
    image = table["first_image"].cast(pa.binary())
    table = table.set_column(table.column_names.index("first_image"), "first_image", image)
    parquet = pa.BufferOutputStream()
    pq.write_table(table, parquet)
    (read,) = parse(parquet.getvalue().to_pybytes(), "it")
    assert read.first.image == places[0].image and read.moment == datetime(2026, 1, 1, tzinfo=UTC)


def test_an_absent_file_is_one_sentence(paths, tmp_path):
    with pytest.raises(UserError, match=r"gone\.csv"):
        run(paths, {"judgements": tmp_path / "judgements"}, Params(verdicts=str(tmp_path / "gone.csv")))


def _matrix(text: str) -> np.ndarray:
    return np.array([[int(word) for word in row.split()] for row in text.split(";")])


def test_kappas_of_published_examples():
    """Cohen's of the textbook table 20, 5 and 10, 15; Fleiss' of the example that Wikipedia tabulates."""
    table = np.repeat(
        np.array([[[1, 0], [1, 0]], [[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, 1], [0, 1]]]), [20, 5, 10, 15], 0
    )
    assert cohen(table) == pytest.approx(0.4)
    counts = _matrix(
        "0 0 0 0 14; 0 2 6 4 2; 0 0 3 5 6; 0 3 9 2 0; 2 2 8 1 1; 7 7 0 0 0; 3 2 6 3 0; 2 5 3 2 2; 6 5 2 1 0; 0 2 2 3 7"
    )
    assert fleiss(counts) == pytest.approx(0.210, abs=5e-4)


def test_agreement_has_an_interval_and_says_when_there_is_none():
    rng = np.random.default_rng(0)
    pairs = {
        (i, i + 1): {
            "ann": "same" if i % 2 else "different",
            "bob": "same" if (i % 2) ^ (rng.random() < 0.1) else "different",
        }
        for i in range(80)
    }
    (agreement,) = agreements(pairs)
    assert agreement.raters == ("ann", "bob") and agreement.pairs == 80
    assert 0.5 < agreement.kappa.low < agreement.kappa.mean < agreement.kappa.high <= 1
    alike = agreements({(0, 1): {"ann": "same", "bob": "same"}})
    assert "all alike: Cohen's kappa is not defined" in str(alike[0])
    one = agreements({(0, 1): {"ann": "same", "bob": "different"}})
    assert str(one[0]) == "Cohen's kappa of ann and bob is 0.00 (too few for an interval) on 1 pair"
    three = agreements({pair: {**said, "cy": said["ann"]} for pair, said in pairs.items()})
    assert [len(a.raters) for a in three] == [3, 2, 2, 2] and "Fleiss' kappa of 3 raters" in str(three[0])
    assert three[1].kappa.mean <= three[2].kappa.mean <= three[3].kappa.mean
