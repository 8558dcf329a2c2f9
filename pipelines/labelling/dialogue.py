"""The dialogue with one rater: it shows pairs and reads keys until the gate is decided or the rater stops."""

from collections.abc import Callable
from pathlib import Path

from components.common.verdicts import ASK, Word
from pipelines.labelling.pictures import Pictures
from pipelines.labelling.queue import Pair
from pipelines.labelling.session import Session
from pipelines.labelling.terminal import Keys

WORDS: dict[str, Word] = {"a": "same", "x": "different", "d": "duplicate", " ": "unsure"}
BACK, STOP = ("\x7f", "\b"), "q"
KEYS = "a same, x different, d duplicate (a picture that repeats it), space unsure (not right), backspace back, q stop"
REPEATED = "A pair that was drawn more than once is asked once, and its answer counts for each draw."
ASKED = f"{ASK.capitalize()}\n{KEYS}\n{REPEATED}"
DECIDED = "The gate is decided. These pairs have another rater's verdict; a second one shows how far raters agree."


def ask(session: Session, pictures: Pictures, keys: Keys, say: Callable[[str], None], sheet: Path) -> None:
    """Asks for pair after pair until there is none or the rater stops. sheet: the queue's picture on the report page.

    say: prints a line.
    """
    if session.following():
        say(f"{DECIDED}\n{ASKED}" if session.decided else ASKED)
    while pair := session.following():
        picture = pictures.draw(pair)
        keys.forget()
        say(_introduced(session, pair, picture, sheet))
        if not _answered(session, pair, keys, say):
            return


def _introduced(session: Session, pair: Pair, picture: Path, sheet: Path) -> str:
    facts = f"{pair.category}, similarity {pair.similarity:.3f}"
    overview = f"\nThe queue's first pairs: {sheet}" if sheet.is_file() else ""
    return f"\nPair {pair.number} of {len(session.queue)} ({facts}): {picture}{overview}"


def _answered(session: Session, pair: Pair, keys: Keys, say: Callable[[str], None]) -> bool:
    """Acts on the next valid key; False if the rater stops."""
    for key in map(str.lower, keys):
        if key == STOP:
            return False
        if key in BACK:
            undone = session.take_back()
            say(f"The answer to pair {undone.number} is taken back." if undone else "There is no answer to take back.")
            return True
        if word := WORDS.get(key):
            say(f"{word}; {_answer(session, pair, word)}")
            return True
        say(KEYS)
    return False


def _answer(session: Session, pair: Pair, word: Word) -> str:
    """Stores the answer and returns what it means for the gate."""
    was_decided = session.decided
    notes = [session.repaired] if session.answer(pair, word) else []
    if session.disputed(pair):
        notes.append("another rater disagrees, and a tie counts as wrong until one more rater breaks it")
    if session.decided:
        return "; ".join([*notes, "the gate is decided"])
    return "; ".join([*notes, *(["this makes the gate undecided again"] if was_decided else []), session.forecast])


def closing(session: Session, again: str) -> str:
    """The closing sentence. again: how to run again."""
    decision = session.decision
    if session.decided:
        outcome = {"pass": "passes", "fail": "fails"}[decision.word]
        return f"The precision gate {outcome} with these answers, as {decision.sentence}; {again}"
    if session.following():
        return (
            f"{session.rater} has answered {session.answered} of {len(session.queue)} pairs, which are in "
            f"{session.file.path}; {session.forecast}; start again to continue."
        )
    return f"Every pair of the queue is answered, and the gate is still undecided: for further pairs, {again}"
