"""The label queue of one run for several raters at once: what each sees next, what they answered, what is decided.

A turn's answer is stored first and then written to the file of verdicts, which the gate reads; an answer that a crash
left unwritten is written at the next start.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from threading import RLock
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Engine, and_, insert, select, update

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.verdicts import Word
from components.common.vision.object_pictures import ObjectPictures
from pipelines.engines.workspace import Workspace
from pipelines.labelling.opening import STEP, open_gate
from pipelines.labelling.queue import Pair
from pipelines.labelling.session import Session
from pipelines.review.database import TURNS
from pipelines.review.deck import QUEUE, Turn, plan

ALL, DISPUTED = "all", "disputed"
Lane = Literal["all", "disputed"]
AHEAD = 80  # turns sent ahead: a fast rater must not wait for the next
BEHIND = 10  # answers that a reloaded page can still show and take back


class Action(BaseModel):
    """What a rater did with a turn. It is idempotent, so that it can be sent again."""

    do: Literal["answer", "undo", "flag", "unflag"]
    turn: str = Field(max_length=32)
    word: Word = "unsure"
    milliseconds: int = Field(0, ge=0, le=86_400_000)


class LabelRoom:
    """Safe to use from several threads. Raises `UserError` if the run has no queue."""

    def __init__(self, workspace: Workspace, engine: Engine):
        self.workspace, self.open, self._engine = workspace, open_gate(workspace), engine
        inputs = workspace.inputs(STEP)
        self._sets, self._digest = inputs["sets"], Dataset(inputs["sets"]).digest
        self._run = Dataset(inputs["objects"]).digest
        self.pictures = ObjectPictures(Dataset(inputs["images"]), Dataset(inputs["objects"]))
        self._known = self.open.gate.known_pairs()
        self._pairs = {pair.key: pair for pair in self.open.queue}
        self._sessions: dict[str, Session] = {}
        self._lock = RLock()
        self._finish()

    @property
    def sentinels(self) -> int:
        """How many pairs have an answer by labels."""
        return len(self._known)

    def session(self, rater: str) -> Session:
        """The rater's session, up to date. Raises `UserError` unless `rater` is a valid name."""
        with self._lock:
            if Dataset(self._sets).digest != self._digest:
                raise UserError("the run has made other sets since the app was started: restart `objectmate review`")
            if rater not in self._sessions:
                self._sessions[rater] = self.open.session(rater)
            self._sessions[rater].look()
            return self._sessions[rater]

    def act(self, rater: str, actions: Iterable[Action]) -> list[str]:
        """Applies a rater's actions in order, each on disk when this returns. Returns sentences about failed ones."""
        with self._lock:
            session = self.session(rater)
            return [sentence for action in actions if (sentence := self._act(session, action))]

    def turns(self, rater: str, lane: Lane) -> tuple[list[Turn], list[Turn]]:
        """A rater's next turns, planned as needed, and the last answered ones, the latest last."""
        with self._lock:
            session = self.session(rater)
            turns = self._of(rater, lane)
            wanted = {pair.key: pair for pair in self._left(session, lane)}
            ahead = _upcoming(turns, wanted)
            known = self._known if lane == ALL else None
            new = plan(turns, wanted.values(), known, rater, AHEAD - len(ahead))
            if new:
                self._add(rater, lane, new)
                turns = self._of(rater, lane)
            answered = [turn for turn in turns if turn.answer]
            return _upcoming(turns, wanted)[:AHEAD], answered[-BEHIND:]

    def turn(self, turn_id: str) -> Turn | None:
        """A turn of this run by its id; None if there is none."""
        turns = self._read(and_(TURNS.c.id == turn_id, TURNS.c.run == self._run))
        return turns[0] if turns else None

    def all_turns(self) -> dict[str, list[Turn]]:
        """Rater -> every turn of this run."""
        with self._engine.connect() as connection:
            raters = connection.scalars(select(TURNS.c.rater).where(TURNS.c.run == self._run).distinct()).all()
        return {rater: self._read(and_(TURNS.c.run == self._run, TURNS.c.rater == rater)) for rater in sorted(raters)}

    def disputed(self, session: Session) -> list[Pair]:
        """The pairs on which raters disagree."""
        return [pair for pair in self.open.queue if session.disputed(pair)]

    def pair_of(self, turn: Turn) -> Pair:
        """The queue's pair of a turn, with its sides as in the turn."""
        pair = self._pairs[turn.key]
        return pair if pair.rows == (turn.left, turn.right) else pair.turned

    def _left(self, session: Session, lane: Lane) -> Sequence[Pair]:
        if lane == ALL:
            return list(session.open_pairs())
        return [pair for pair in self.disputed(session) if not session.has_answered(pair)]

    def _act(self, session: Session, action: Action) -> str:
        where = and_(TURNS.c.id == action.turn, TURNS.c.run == self._run, TURNS.c.rater == session.rater)
        turns = self._read(where)
        if not turns:
            return "An answer was for a pair that is not yours here: reload the page."
        turn = turns[0]
        if turn.kind == QUEUE and turn.key not in self._pairs:
            return "An answer was for a pair that the queue no longer has: reload the page."
        if action.do in ("flag", "unflag"):
            self._set(turn, flagged=action.do == "flag")
        elif action.do == "answer" and turn.answer is None:
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._set(turn, answer=action.word, at=at, milliseconds=action.milliseconds, filed=turn.kind != QUEUE)
            self._file(session, turn, action.word)
        elif action.do == "undo" and turn.answer is not None:
            self._set(turn, answer=None, at=None, milliseconds=None, filed=turn.kind != QUEUE)
            self._file(session, turn, None)
        return ""

    def _file(self, session: Session, turn: Turn, word: Word | None) -> None:
        """Brings the file of verdicts in line with a turn of the queue."""
        if turn.kind != QUEUE:
            return
        pair = self.pair_of(turn)
        if word is None:
            session.take_back_on(pair)
        else:
            session.answer(pair, word)
        self._set(turn, filed=True)

    def _finish(self) -> None:
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(TURNS.c.id, TURNS.c.rater, TURNS.c.answer).where(TURNS.c.run == self._run, ~TURNS.c.filed)
            ).all()
        for turn_id, rater, word in rows:
            turn = self.turn(turn_id)
            if turn and turn.key in self._pairs:
                self._file(self.session(rater), turn, word)

    def _of(self, rater: str, lane: Lane) -> list[Turn]:
        return self._read(and_(TURNS.c.run == self._run, TURNS.c.rater == rater, TURNS.c.lane == lane))

    def _read(self, where: ColumnElement[bool]) -> list[Turn]:
        columns = [TURNS.c[name] for name in Turn.__dataclass_fields__]
        with self._engine.connect() as connection:
            rows = connection.execute(select(*columns).where(where).order_by(TURNS.c.lane, TURNS.c.position))
            return [Turn(*row) for row in rows]

    def _add(self, rater: str, lane: Lane, new: list[dict[str, Any]]) -> None:
        own = {"run": self._run, "rater": rater, "lane": lane}
        with self._engine.begin() as connection:
            connection.execute(insert(TURNS), [own | {"id": secrets.token_hex(12)} | values for values in new])

    def _set(self, turn: Turn, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(TURNS).where(TURNS.c.id == turn.id).values(**values))


def _upcoming(turns: Sequence[Turn], wanted: dict[tuple[int, int], Pair]) -> list[Turn]:
    """The turns without an answer, up to the last one of a pair that is still wanted."""
    open_turns = [turn for turn in turns if turn.answer is None and (turn.kind != QUEUE or turn.key in wanted)]
    while open_turns and open_turns[-1].kind != QUEUE:
        open_turns.pop()
    return open_turns
