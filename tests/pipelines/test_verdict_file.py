"""The file of answers: cut lines, foreign files, notes of a person, a full disk."""

import resource
import shutil
import signal
from pathlib import Path

import pytest
from labelling_data import FILE, RUN, answer, rename_verdicts

from components.common.errors import UserError
from components.common.verdicts import COLUMNS, parse
from pipelines.labelling.opening import open_session, places, why_not
from pipelines.labelling.verdict_file import HEADER


@pytest.mark.parametrize("cut", [1, 20, 60, 100])
def test_a_last_line_that_was_cut_short_is_dropped(undecided: Path, cut: int) -> None:
    answer(open_session(RUN, "ada"), "same", "different")
    whole = FILE.read_bytes()
    FILE.write_bytes(whole[: -1 - cut])
    session = open_session(RUN, "ada")
    assert "The last line of runs/mugs-1/verdicts.csv was cut short and is dropped" in session.repaired
    assert session.following() == session.queue[1]
    assert FILE.read_bytes() == b"".join(whole.splitlines(keepends=True)[:2])


def test_a_file_that_a_person_wrote_is_kept_as_it_is(undecided: Path) -> None:
    """Its columns in another order, one more, and no line break at the end."""
    answer(open_session(RUN, "ada"), "same")
    (given,) = parse(FILE.read_bytes(), "")
    columns = ["note", *reversed(COLUMNS)]
    values = {"note": "by hand"} | {name: str(value) for name, value in given.row().items()}
    text = "\n".join([",".join(columns), ",".join(f'"{values[name]}"' for name in columns)])
    FILE.write_text(text)
    session = open_session(RUN, "ada")
    assert (session.repaired, session.following()) == ("", session.queue[1])
    answer(session, "unsure")
    assert FILE.read_text().startswith(text + "\n")
    assert [verdict.verdict for verdict in parse(FILE.read_bytes(), "")] == ["same", "unsure"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("path,subject\na,b\n", "has no column 'first_image'"), ("no verdicts", "is not a file of verdicts")],
)
def test_any_other_file_is_left_alone(undecided: Path, content: str, sentence: str) -> None:
    FILE.write_text(content)
    with pytest.raises(UserError, match=sentence):
        open_session(RUN, "ada")
    assert FILE.read_text() == content


def test_a_crash_in_the_first_line_leaves_an_empty_file(undecided: Path) -> None:
    FILE.write_bytes(HEADER[:30])
    session = open_session(RUN, "ada")
    assert "was cut short" in session.repaired
    answer(session, "same")
    assert len(parse(FILE.read_bytes(), "")) == 1


@pytest.mark.parametrize(
    ("file", "sentence"),
    [("mine.parquet", r"mugs-1/mine\.parquet is Parquet"), ("s3://bucket/v.csv", "is s3://bucket/v.csv, which cannot")],
)
def test_verdicts_are_appended_to_a_csv_on_this_machine(undecided: Path, file: str, sentence: str) -> None:
    rename_verdicts(file)
    with pytest.raises(UserError, match=sentence):
        places(RUN)


def test_verdicts_go_to_the_file_that_the_run_names(undecided: Path) -> None:
    rename_verdicts("../mine.csv")
    answer(open_session(RUN, "ada"), "same")
    assert len(parse(Path("runs/mine.csv").read_bytes(), "")) == 1 and not FILE.exists()


def test_a_gate_that_has_not_run_is_said_in_one_sentence(undecided: Path) -> None:
    assert why_not(RUN) == ""
    shutil.rmtree(RUN.dataset("gate_recurrence"))
    with pytest.raises(UserError, match=r"^the precision gate has not run on what is now in runs/mugs-1"):
        why_not(RUN)


def test_a_cell_with_a_line_break_is_one_line_of_the_file(undecided: Path) -> None:
    """A spreadsheet can add a column with notes; what is taken back is still the last answer, and only that."""
    session = open_session(RUN, "ada")
    answer(session, *["same"] * 3)
    header, first, second, third = FILE.read_text().splitlines()
    FILE.write_text(f'{header},note\n{first},"looks\nlike a mug"\n{second},\n{third},"a\nb"\n')
    again = open_session(RUN, "ada")
    assert again.take_back() == again.queue[2] == again.following()
    assert FILE.read_text() == f'{header},note\n{first},"looks\nlike a mug"\n{second},\n'


def test_taking_back_leaves_no_earlier_answer_to_the_same_pair(undecided: Path) -> None:
    answer(open_session(RUN, "ada"), "same", "different")
    header, first, second = FILE.read_text().splitlines(keepends=True)
    FILE.write_text(header + first + second + second)
    session = open_session(RUN, "ada")
    assert session.take_back() == session.queue[1] == session.following()
    assert FILE.read_text() == header + first


def test_a_line_that_another_process_left_cut_is_dropped_before_the_next_answer(undecided: Path) -> None:
    answer(open_session(RUN, "ada"), "same", "same")
    ben = open_session(RUN, "ben")
    FILE.write_bytes(FILE.read_bytes()[:-60])
    assert ben.answer(ben.queue[0], "same") and "was cut short and is dropped" in ben.repaired
    assert [verdict.rater for verdict in parse(FILE.read_bytes(), "")] == ["ada", "ben"]


def test_a_full_disk_is_one_sentence_and_leaves_whole_lines(undecided: Path) -> None:
    session = open_session(RUN, "ada")
    answer(session, "same")
    before = FILE.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, limits[1]))
        with pytest.raises(UserError, match=r"verdicts\.csv cannot be written"):
            answer(session, "same")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, kept)
    assert FILE.read_bytes() == before


def test_a_damaged_queue_is_one_sentence(undecided: Path) -> None:
    places(RUN).queue.write_text("")
    with pytest.raises(UserError, match=r"label_queue\.csv is missing or damaged: run again"):
        open_session(RUN, "ada")


def test_a_note_with_a_line_break_at_the_end_of_the_file_is_whole(undecided: Path) -> None:
    answer(open_session(RUN, "ada"), "same", "same")
    header, first, second = FILE.read_text().splitlines()
    written = f'{header},note\n{first},\n{second},"looks\nlike a mug"'
    FILE.write_text(written)
    session = open_session(RUN, "ada")
    assert (session.repaired, session.following()) == ("", session.queue[2])
    answer(session, "same")
    assert FILE.read_text().startswith(written + "\n") and len(parse(FILE.read_bytes(), "")) == 3


def test_notes_may_be_in_any_encoding(undecided: Path) -> None:
    answer(open_session(RUN, "ada"), "same", "same")
    header, first, second = FILE.read_bytes().splitlines()
    FILE.write_bytes(header + b",note\n" + first + b",caf\xe9\n" + second + b",\n")
    session = open_session(RUN, "ada")
    answer(session, "same")
    session.take_back()
    session.take_back()
    assert FILE.read_bytes() == header + b",note\n" + first + b",caf\xe9\n"


@pytest.mark.parametrize(("before", "after"), [("first_x", "x"), ("8.1", "8.9e9"), ("number", "n")])
def test_a_queue_that_someone_changed_is_one_sentence(undecided: Path, before: str, after: str) -> None:
    queue = places(RUN).queue
    queue.write_text(queue.read_text().replace(before, after))
    with pytest.raises(UserError, match=r"label_queue\.csv is missing or damaged: run again"):
        open_session(RUN, "ada")
