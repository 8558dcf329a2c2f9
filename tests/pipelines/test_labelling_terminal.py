"""Answering in a terminal: which keys count, and what is left when it ends."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from labelling_data import FILE, PASSES, RUN
from pseudo_terminal import PseudoTerminal
from short_run import command, environment

from components.common.verdicts import parse
from pipelines.labelling.terminal import Keys


def keys_of(*writes: bytes) -> str:
    """What counts as keys of what a terminal sends in as many pieces, before a full stop."""
    ours, theirs = os.pipe()
    keys, found = Keys(ours), []
    for data in writes:
        os.write(theirs, data)
        found += keys.read()
    os.close(ours)
    os.close(theirs)
    return "".join(found)


@pytest.mark.parametrize(
    "writes",
    [
        (b"\x1b[A",),
        (b"\x1b[[A",),
        (b"\x1b[[D",),
        (b"\x1b\x1b[A",),
        (b"\x1bO2A",),
        (b"\x1bOA",),
        (b"\x9bA",),
        (b"\x1b", b"[A"),
        (b"\x1b[", b"A"),
        (b"\x1b[1;5A",),
        (b"\x1ba",),
        (b"\x1b]11;rgb:aaaa/dddd/0000\x07",),
        (b"\x1bPaaad\x1b\\",),
        (b"\x8fA",),
        (b"\x9d11;a\x07",),
        (b"\xc2\x9bA",),
        (b"\x1b[1\x1b[A",),
        (b"\x1bO\x1b[A",),
    ],
    ids=repr,
)
def test_what_a_terminal_sends_for_other_keys_is_no_answer(writes: tuple[bytes, ...]) -> None:
    assert keys_of(*writes) == ""
    assert keys_of(*writes, b"x") == "x"
    assert keys_of(b"a", *writes, b" d") == "a d"
    assert keys_of("ě".encode(), *writes, b"q") == "ěq", "its second byte would be a control code by itself"


def test_a_person_answers_in_a_terminal_is_killed_and_goes_on(undecided: Path) -> None:
    words = ("label", "runs/mugs-1", "--rater", "ada")
    with PseudoTerminal(*words, cwd=undecided) as terminal:
        shown = terminal.wait_for("Pair 1 of 20")
        assert "Is the second object the same product as the first" in shown
        shown = terminal.wait_for("pairs_to_judge.png")
        assert "runs/mugs-1/data/labelling/pair-001.png" in shown and Path(shown.split()[-1]).is_file()
        assert "a same, x different" in terminal.press("?", "q stop")
        assert "same; if answers go on like this, about 8 more pass it" in terminal.press("a", "Pair 2 of 20")
        terminal.press("x", "Pair 3 of 20")
        assert "The answer to pair 2 is taken back" in terminal.press("\x7f", "Pair 2 of 20")
        terminal.press("a", "Pair 3 of 20")
        terminal.process.send_signal(signal.SIGKILL)
        assert terminal.ended() == -signal.SIGKILL
    assert [verdict.verdict for verdict in parse(FILE.read_bytes(), "")] == ["same", "same"]
    with PseudoTerminal(*words, cwd=undecided) as terminal:
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


def test_ctrl_c_and_q_stop_and_leave_the_terminal_as_it_was(undecided: Path) -> None:
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


def test_without_a_terminal_the_file_to_fill_is_named(undecided: Path) -> None:
    done = subprocess.run(
        command("label", "runs/mugs-1"), cwd=undecided, env=environment(), input="a", capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "write the verdicts on the pairs of runs/mugs-1/data/reports/gate_recurrence/files/label_queue.csv to " in (
        done.stderr
    )
    assert done.stderr.endswith("runs/mugs-1/verdicts.csv by hand\n") and len(done.stderr.splitlines()) == 1
