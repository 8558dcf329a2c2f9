"""Answering the queue of an undecided precision gate: the session by itself, and the command in a terminal."""

import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from labelling_data import draws, make_run
from pseudo_terminal import PseudoTerminal
from short_run import command, environment

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.verdicts import COLUMNS, QUESTION, parse
from components.gates.verdict import Decision
from pipelines.engines.again import how_to_run_again
from pipelines.engines.identity import Identity
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.labelling.decision import forecast
from pipelines.labelling.dialogue import ask
from pipelines.labelling.opening import STEP, open_session, places, why_not
from pipelines.labelling.pictures import Pictures
from pipelines.labelling.session import Session
from pipelines.labelling.verdict_file import HEADER

PASSES, FAILS = 9, 5
"""Answers that decide if all are "same", or all "different"."""


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in runs/mugs-1 whose gate has no verdict at all."""
    home = tmp_path_factory.mktemp("unlabelled")
    make_run(home / "runs" / "mugs-1")
    return home


@pytest.fixture
def home(unlabelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder."""
    shutil.copytree(unlabelled, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


RUN = Workspace(Path("runs/mugs-1"))
FILE = Path("runs/mugs-1/verdicts.csv")


def answer(session: Session, *words: str) -> None:
    for word in words:
        pair = session.following()
        assert pair
        session.answer(pair, word)  # type: ignore[arg-type]


def test_answers_follow_the_draws_and_nine_right_ones_decide(home: Path) -> None:
    session = open_session(RUN, "ada")
    assert (session.forecast, session.decided) == (
        "if all are right, the next 9 pass it; 20 are left in the queue",
        False,
    )
    answer(session, "same")
    assert session.forecast == "if answers go on like this, the next 8 pass it; 19 are left in the queue"
    answer(session, *["same"] * 7)
    assert session.forecast == "if answers go on like this, the next one passes it; 12 are left in the queue"
    assert not session.decided
    answer(session, "same")
    assert (session.decision.word, session.following(), session.answered) == ("pass", None, PASSES)
    given = parse(FILE.read_bytes(), "")
    images = Dataset(RUN.dataset("images")).rows(["image_id"])
    asked = [tuple(images[row]["image_id"] for row in pair) for pair in draws(RUN)[:PASSES]]
    assert [(verdict.first.image, verdict.second.image) for verdict in given] == asked
    assert given[0].first.box == (8.1, 9.3, 40.7, 30)
    assert {(verdict.verdict, verdict.rater, verdict.question) for verdict in given} == {("same", "ada", QUESTION)}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", verdict.at) for verdict in given)


@pytest.mark.parametrize(
    ("to_go", "left", "certain", "words"),
    [
        (3, 40, True, "the next 3 pass it; at most 40 are needed"),
        (38, 36, True, "at most 36 more answers are needed"),  # the others wait for the verdicts of further pairs
        (None, 40, True, "at most 40 more answers are needed"),
        (1, 1, True, "at most 1 more answer is needed"),
        (3, 12, False, "the next 3 pass it; 12 are left in the queue"),
        (None, 1, False, "1 is left in the queue"),
    ],
)
def test_how_many_more_decide(to_go: int | None, left: int, certain: bool, words: str) -> None:
    decision = Decision("undecided", "", 0.0, 1.0, left, to_go, f"the next {to_go} pass it" if to_go else "")
    assert forecast(decision, left, certain) == words


def test_only_same_is_right(home: Path) -> None:
    session = open_session(RUN, "ada")
    answer(session, "different", "duplicate", "unsure", "different", "different")
    assert (session.decision.word, session.answered) == ("fail", FAILS)


def test_an_answer_can_be_taken_back_also_after_an_interruption(home: Path) -> None:
    session = open_session(RUN, "ada")
    assert session.take_back() is None
    answer(session, "same", "same")
    answer(open_session(RUN, "ben"), "different")
    again = open_session(RUN, "ada")
    assert again.take_back() == again.following() == again.queue[1]
    assert [(verdict.rater, verdict.verdict) for verdict in parse(FILE.read_bytes(), "")] == [
        ("ada", "same"),
        ("ben", "different"),
    ]
    answer(again, "different")
    assert [verdict.verdict for verdict in parse(FILE.read_bytes(), "")] == ["same", "different", "different"]


def test_a_verdict_on_another_runs_pair_is_not_taken_back(home: Path) -> None:
    session = open_session(RUN, "ada")
    answer(session, "same")
    elsewhere = FILE.read_text().replace(session.queue[0].first.image, "e" * 64)
    FILE.write_text(elsewhere)
    assert open_session(RUN, "ada").take_back() is None
    assert FILE.read_text() == elsewhere


def test_a_second_rater_is_asked_for_the_same_pairs_and_further_ones_after_a_dispute(home: Path) -> None:
    answer(open_session(RUN, "ada"), *["same"] * PASSES)
    second = open_session(RUN, "ben")
    assert second.decided and second.following() == second.queue[0]
    answer(second, "different")  # a tie is wrong
    assert not second.decided
    answer(second, *["same"] * (PASSES - 1))
    assert not second.decided and second.following() == second.queue[PASSES]
    answer(open_session(RUN, "cem"), "same")  # two of three say same
    assert open_session(RUN, "ada").decision.word == "pass"


def test_whoever_opens_the_gate_again_is_told(home: Path) -> None:
    answer(open_session(RUN, "ada"), *["same"] * PASSES)
    said: list[str] = []
    pictures = Pictures(RUN.inputs(STEP), places(RUN).pictures)
    ask(open_session(RUN, "ben"), pictures, iter("xq"), said.append, places(RUN).sheet)
    assert any("different; you disagree with another rater, which opens the gate again; " in line for line in said)


def test_the_gate_itself_decides_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels answer some draws, which wait for earlier ones; so fewer answers than draws decide."""
    monkeypatch.chdir(tmp_path)
    named = range(14, 22)
    run = make_run(Path("runs/some"), named)
    session = open_session(run, "ada")
    assert len(session.queue) < len(draws(run))
    while pair := session.following():
        session.answer(pair, "different")
    again = make_run(Path("runs/again"), named, gates__verdicts="../some/verdicts.csv")
    row = Dataset(again.dataset("gate_recurrence")).rows()[0]
    assert session.answered > FAILS  # what labels say is right, and counts once the draws before it are answered
    assert (row["verdict"], row["reason"]) == (session.decision.word, session.decision.sentence)
    said = f"There is nothing to label: the precision gate of runs/again failed, as {row['reason']}."
    assert why_not(again) == said


@pytest.mark.parametrize("cut", [1, 20, 60, 100])
def test_a_last_line_that_was_cut_short_is_dropped(home: Path, cut: int) -> None:
    answer(open_session(RUN, "ada"), "same", "different")
    whole = FILE.read_bytes()
    FILE.write_bytes(whole[: -1 - cut])
    session = open_session(RUN, "ada")
    assert "The last line of runs/mugs-1/verdicts.csv was cut short and is dropped" in session.repaired
    assert session.following() == session.queue[1]
    assert FILE.read_bytes() == b"".join(whole.splitlines(keepends=True)[:2])


def test_a_file_that_a_person_wrote_is_kept_as_it_is(home: Path) -> None:
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
def test_any_other_file_is_left_alone(home: Path, content: str, sentence: str) -> None:
    FILE.write_text(content)
    with pytest.raises(UserError, match=sentence):
        open_session(RUN, "ada")
    assert FILE.read_text() == content


def test_a_crash_in_the_first_line_leaves_an_empty_file(home: Path) -> None:
    FILE.write_bytes(HEADER[:30])
    session = open_session(RUN, "ada")
    assert "was cut short" in session.repaired
    answer(session, "same")
    assert len(parse(FILE.read_bytes(), "")) == 1


def rename_verdicts(file: str) -> None:
    text = RUN.params.read_text()
    RUN.params.write_text(text.replace("verdicts: ''", f"verdicts: {file}"))


@pytest.mark.parametrize(
    ("file", "sentence"),
    [("mine.parquet", r"mugs-1/mine\.parquet is Parquet"), ("s3://bucket/v.csv", "is s3://bucket/v.csv, to which")],
)
def test_verdicts_are_appended_to_a_csv_on_this_machine(home: Path, file: str, sentence: str) -> None:
    rename_verdicts(file)
    with pytest.raises(UserError, match=sentence):
        places(RUN)


def test_verdicts_go_to_the_file_that_the_run_names(home: Path) -> None:
    rename_verdicts("../mine.csv")
    answer(open_session(RUN, "ada"), "same")
    assert len(parse(Path("runs/mine.csv").read_bytes(), "")) == 1 and not FILE.exists()


def test_a_gate_that_has_not_run_is_said_in_one_sentence(home: Path) -> None:
    assert why_not(RUN) == ""
    shutil.rmtree(RUN.dataset("gate_recurrence"))
    with pytest.raises(UserError, match=r"^the precision gate has not run on what is in runs/mugs-1 now"):
        why_not(RUN)


OPTIONS = [
    {},
    {"images": "photos"},
    {"images": "s3://bucket/photos", "profile": "open", "overrides": ["seed=1", "ingest.licence=CC-BY 4.0"]},
    {"images": "photos", "labels": "labels.csv", "continue_past_gates": True},
    {"images": "photos", "overrides": ["evaluation.outside={a: theirs}", "detection.source=detector"]},
    {"labels": "labels.csv", "overrides": ["calibration.target=0.7"]},
    {"images": "photos", "overrides": ["gates.verdicts=runs/mugs-1/verdicts.csv"]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("inside", [False, True])
def test_the_command_makes_the_same_run_with_the_answers(
    options: dict, inside: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request("full", **options)
    request.identity(RUN.root).write(RUN)
    monkeypatch.chdir(RUN.root if inside else home)
    here = Workspace(Path() if inside else RUN.root)
    said, _, text = how_to_run_again(here, places(here).verdicts).partition("\n")
    assert said.startswith("run again with these answers") and said.endswith(":")
    if inside:
        step, _, text = text.partition(" && ")
        monkeypatch.chdir(step.removeprefix("cd "))
        assert Path().resolve() == home
    asked = typed(shlex.split(text))
    wanted = request.identity(RUN.root)
    settings = {**wanted.settings, "gates.verdicts": "verdicts.csv"}
    assert asked.identity(RUN.root) == Identity(wanted.images, wanted.labels, wanted.profile, settings)
    assert (asked.workspace == RUN.root) == ("gates.verdicts" in wanted.settings)


def typed(words: list[str]) -> Request:
    """The request that a command line makes."""
    from typer.main import get_command

    from pipelines.cli.app import app

    group = get_command(app)
    assert words[:2] == ["objectmate", "run"]
    run = group.get_command(group.context_class(group), "run")
    given = run.make_context("run", words[2:]).params
    names = ("images", "labels", "profile", "workspace", "continue_past_gates")
    return Request("full", **{name: given[name] for name in names}, overrides=given["set_"] or [])


def test_a_run_in_its_own_folder_has_its_settings_in_a_file(home: Path) -> None:
    RUN.identity.unlink()
    assert how_to_run_again(RUN, FILE) == (
        "write `verdicts: verdicts.csv` below `gates:` in runs/mugs-1/params.yaml, and run again with these answers:\n"
        "cd runs/mugs-1 && objectmate run"
    )
    rename_verdicts("verdicts.csv")
    assert how_to_run_again(RUN, FILE) == "run again with these answers:\ncd runs/mugs-1 && objectmate run"


def test_a_person_answers_in_a_terminal_is_killed_and_goes_on(home: Path) -> None:
    words = ("label", "runs/mugs-1", "--rater", "ada")
    with PseudoTerminal(*words, cwd=home) as terminal:
        shown = terminal.wait_for("Pair 1 of 20")
        assert "Is the second object the same product as the first" in shown
        shown = terminal.wait_for("pairs_to_judge.png")
        assert "runs/mugs-1/data/labelling/pair-001.png" in shown and Path(shown.split()[-1]).is_file()
        assert "a same, x different" in terminal.press("?", "q stop")
        assert "same; if answers go on like this, the next 8 pass it" in terminal.press("a", "Pair 2 of 20")
        terminal.press("x", "Pair 3 of 20")
        assert "The answer to pair 2 is taken back" in terminal.press("\x7f", "Pair 2 of 20")
        terminal.press("a", "Pair 3 of 20")
        terminal.process.send_signal(signal.SIGKILL)
        assert terminal.ended() == -signal.SIGKILL
    assert [verdict.verdict for verdict in parse(FILE.read_bytes(), "")] == ["same", "same"]
    with PseudoTerminal(*words, cwd=home) as terminal:
        terminal.wait_for("Pair 3 of 20")
        assert terminal.modes != terminal.modes_before
        assert "The answer to pair 2 is taken back" in terminal.press("\x7f", "Pair 2 of 20")
        for number in range(3, PASSES + 1):
            terminal.press("a", f"Pair {number} of 20")
        said = terminal.press("a", "verdicts.csv\n")
        assert "same; the gate is decided" in said and "The precision gate passes with these answers, as 9 of 9" in said
        assert said.endswith("--set gates.verdicts=runs/mugs-1/verdicts.csv\n")
        assert terminal.ended() == 0
        assert terminal.modes == terminal.modes_before


def test_ctrl_c_and_q_stop_and_leave_the_terminal_as_it_was(home: Path) -> None:
    for key, said, code in (("\x03", "stopped by Ctrl-C", 130), ("q", "ben has answered 1 of 20 pairs", 0)):
        with PseudoTerminal("label", ".", "--rater", "ben", cwd=RUN.root.resolve()) as terminal:
            terminal.wait_for("pairs_to_judge.png")
            if code:
                arrows = "\x1b[D\x1bOA"  # whose letters are no answers
                assert "duplicate" not in terminal.press(f"{arrows} ", "Pair 2 of 20")
            assert terminal.modes != terminal.modes_before
            terminal.press(key, said)
            assert terminal.ended() == code
            assert terminal.modes == terminal.modes_before
    assert [verdict.verdict for verdict in parse(FILE.read_bytes(), "")] == ["unsure"]


def test_without_a_terminal_the_file_to_fill_is_named(home: Path) -> None:
    done = subprocess.run(
        command("label", "runs/mugs-1"), cwd=home, env=environment(), input="a", capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "write the verdicts on the pairs of runs/mugs-1/data/reports/gate_recurrence/files/label_queue.csv to " in (
        done.stderr
    )
    assert done.stderr.endswith("runs/mugs-1/verdicts.csv by hand\n") and len(done.stderr.splitlines()) == 1
