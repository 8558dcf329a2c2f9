"""One rater's session on the queue of a precision gate: which pair is next, and which have been answered.

Nothing here depends on how pairs are shown or answers come in: the terminal and the web app both use it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from components.common.errors import UserError
from components.common.verdicts import QUESTION, Verdict, Word
from components.gates.verdict import Decision
from pipelines.labelling.decision import GateOfARun, forecast
from pipelines.labelling.queue import Pair
from pipelines.labelling.verdict_file import Stamp, VerdictFile

LONGEST_NAME = 80
"""Letters: a browser keeps it in a cookie, which has little room."""


def check_name(rater: str) -> str:
    """The name without surrounding space. Raises `UserError` if it is empty, too long, not printable, or does not start
    with a letter or digit, so that a spreadsheet could take it for a formula."""
    if not rater.isprintable() or not rater.strip()[:1].isalnum():
        raise UserError("a rater needs a name: give --rater NAME, printable, with a letter or digit first")
    if len(rater.strip()) > LONGEST_NAME:
        raise UserError(f"a rater's name has at most {LONGEST_NAME} letters: give a shorter one")
    return rater.strip()


class Session:
    """Reads the file again if another rater has changed it, so that raters can work at the same time.

    repaired: a sentence if the file had to be repaired, or nothing.
    """

    def __init__(self, queue: Sequence[Pair], gate: GateOfARun, file: VerdictFile, rater: str):
        self.queue, self.file, self.rater = queue, file, check_name(rater)
        self._gate = gate
        self.repaired = file.repair()
        self._seen: Stamp | None = None
        self._decision: Decision | None = None
        self.look()

    @property
    def decision(self) -> Decision:
        """What the gate would decide now."""
        if self._decision is None:
            self._decision = self._gate.decide(self._given)
        return self._decision

    @property
    def decided(self) -> bool:
        """Whether no further verdict is needed."""
        return self.decision.word != "undecided"

    @property
    def answered(self) -> int:
        """How many pairs of the queue this rater has answered."""
        return sum(self.has_answered(pair) for pair in self.queue)

    @property
    def forecast(self) -> str:
        """How many more verdicts will decide."""
        left = len({pair.key for pair in self.queue} - self._given.keys())
        return forecast(self.decision, left, self._gate.whole_plan)

    def following(self) -> Pair | None:
        """The next pair for this rater, in the order of the queue; None if there is none.

        Once the gate is decided, these are the pairs that other raters have judged: a second opinion shows how reliable
        the first is.
        """
        return next(self.open_pairs(), None)

    def open_pairs(self) -> Iterator[Pair]:
        """The pairs that are left for this rater, in the order of `following`."""
        for pair in self.queue:
            wanted = not self.decided or pair.key in self._given
            if wanted and not self.has_answered(pair):
                yield pair

    def answer(self, pair: Pair, word: Word) -> bool:
        """Stores this rater's verdict on a pair; it is on the disk when this returns.

        Returns whether the file had to be repaired first, because another rater's process was killed while writing.
        """
        at = datetime.now(UTC).isoformat(timespec="seconds")
        cut = self.file.append(Verdict(pair.first, pair.second, word, self.rater, at, QUESTION))
        self.repaired = cut or self.repaired
        self.look()
        return bool(cut)

    def take_back(self) -> Pair | None:
        """Removes this rater's latest verdict and returns its pair; does nothing if that is not in this queue."""
        own = sorted((v for v in self.file.verdicts() if v.rater == self.rater), key=lambda verdict: verdict.moment)
        last = set(self._gate.place(own[-1:]))
        pair = next((pair for pair in self.queue if pair.key in last), None)
        if pair:
            self.take_back_on(pair)
        return pair

    def take_back_on(self, pair: Pair) -> None:
        """Removes this rater's verdict on a pair, if there is one."""
        own = [verdict for verdict in self.file.verdicts() if verdict.rater == self.rater]
        self.file.remove([verdict for verdict in own if pair.key in self._gate.place([verdict])])
        self.look()

    def disputed(self, pair: Pair) -> bool:
        """Whether raters gave different answers to a pair."""
        return len({verdict.verdict for verdict in self.given(pair).values()}) > 1

    def given(self, pair: Pair) -> Mapping[str, Verdict]:
        """Rater -> verdict on a pair."""
        return self._given.get(pair.key, {})

    def has_answered(self, pair: Pair) -> bool:
        """Whether this rater has a verdict on a pair."""
        return self.rater in self.given(pair)

    def look(self) -> None:
        """Reads all raters' verdicts if the file has changed since it was last read."""
        stamp = self.file.stamp()
        if stamp != self._seen:
            self._given = self._gate.place(self.file.verdicts())
            self._decision = None
            self._seen = stamp
