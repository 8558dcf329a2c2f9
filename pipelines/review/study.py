"""Two-alternative forced choices between systems, as in the paper's figure 12.

Which of two pictures shows the object of the references more closely, and which fits the prompt better? Pictures come
from the `samples` of one run or several; references and prompts from the benchmark.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any, Literal, NamedTuple

from PIL import Image
from pydantic import BaseModel, Field
from sqlalchemy import Engine, and_, insert, select, update

from components.common.data.digests import digest_value
from components.common.data.reading import Dataset
from components.common.data.sandbox import resolve
from components.common.data.seeds import derive
from components.common.errors import UserError
from components.evaluation.benchmark import Sample, load, samples_of
from components.evaluation.params import Params
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.review.database import CHOICES
from pipelines.steps import STEPS

Question = Literal["similarity", "prompt"]
ASKED: dict[str, str] = {
    "similarity": "Which picture is more like the object in the references?",
    "prompt": "Which picture fits the prompt better?",
}
BEHIND = 10


class Choice(BaseModel):
    """What a rater did. It is idempotent."""

    do: Literal["answer", "undo"]
    turn: str = Field(max_length=32)
    word: Literal["left", "right"] = "left"
    milliseconds: int = Field(0, ge=0, le=86_400_000)


class Comparison(NamedTuple):
    """Two pictures of a sample. left, right: names of systems; choice: left, right or None."""

    id: str
    question: str
    benchmark: str
    subject: str
    sample: str
    left: str
    right: str
    choice: str | None


@dataclass(frozen=True)
class Study:
    """One question about two systems. digest: of the question, systems and pictures, in either order of systems."""

    question: Question
    systems: tuple[str, str]
    digest: str


class StudyRoom:
    """The comparisons that are possible with the samples of some runs. Safe to use from several threads."""

    def __init__(self, workspaces: Sequence[Workspace], engine: Engine):
        """Raises `UserError` if a run has no samples."""
        self._engine, self._lock = engine, RLock()
        self._samples = {_name(each, workspaces): Dataset(each.dataset("samples")) for each in workspaces}
        params = read_step(workspaces[0].params, STEPS["evaluation"])
        assert isinstance(params, Params)
        self._params = params
        self._rows = {
            (f"{run}: {row['system']}" if len(workspaces) > 1 else row["system"], row["benchmark"], row["sample"]): (
                samples,
                row,
            )
            for run, samples in self._samples.items()
            for row in samples.rows()
        }

    @property
    def systems(self) -> list[str]:
        """The systems' names, in the order of the runs and their samples."""
        return list(dict.fromkeys(system for system, _, _ in self._rows))

    @property
    def second(self) -> int:
        """Number (from 1) of the second system by default: the next run's first system, if there is another run."""
        first = self.systems[0]
        of_run = [number for number, name in enumerate(self.systems, 1) if name.split(": ")[0] != first.split(": ")[0]]
        return of_run[0] if len(self._samples) > 1 and of_run else min(2, len(self.systems))

    def study(self, question: str, first: str, second: str) -> Study:
        """The study of two systems. Raises `UserError` if there is nothing to compare."""
        if question not in ASKED or first == second or not {first, second} <= set(self.systems):
            raise UserError("a study needs a question and two different systems: choose them on the page Compare")
        systems = (min(first, second), max(first, second))
        digests = [samples.digest for samples in self._samples.values()]
        study = Study(question, systems, digest_value([question, *systems, *digests]))  # type: ignore[arg-type]
        if not self._common(study):
            kind = "with a prompt " if question == "prompt" else ""
            raise UserError(f"{first} and {second} have no sample {kind}in common: choose others")
        return study

    def turns(self, study: Study, rater: str) -> tuple[list[Comparison], list[Comparison]]:
        """A rater's remaining comparisons, and the last answered ones, the latest last."""
        with self._lock:
            turns = self._of(study, rater) or self._plan(study, rater)
        answered = [turn for turn in turns if turn.choice]
        return [turn for turn in turns if not turn.choice], answered[-BEHIND:]

    def answered(self, study: Study, rater: str) -> int:
        """How many comparisons a rater has answered."""
        return sum(turn.choice is not None for turn in self._of(study, rater))

    def act(self, study: Study, rater: str, asked: Sequence[Choice]) -> list[str]:
        """Applies a rater's choices in order. Returns sentences about those that could not be applied."""
        refused = []
        for each in asked:
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            answer = {"choice": each.word, "at": at, "milliseconds": each.milliseconds}
            own = and_(CHOICES.c.id == each.turn, CHOICES.c.study == study.digest, CHOICES.c.rater == rater)
            with self._engine.begin() as connection:
                if connection.scalar(select(CHOICES.c.id).where(own)) is None:
                    refused.append("An answer was for a comparison that is not yours here: reload the page.")
                elif each.do == "answer":
                    connection.execute(update(CHOICES).where(own, CHOICES.c.choice.is_(None)).values(answer))
                else:
                    connection.execute(update(CHOICES).where(own).values(dict.fromkeys(answer)))
        return refused

    def comparison(self, turn: str) -> Comparison | None:
        """A comparison by its id."""
        with self._engine.connect() as connection:
            row = connection.execute(select(*_COLUMNS).where(CHOICES.c.id == turn)).first()
        return Comparison(*row) if row else None

    def picture(self, comparison: Comparison, system: str) -> bytes:
        """A system's picture of the sample, as PNG. Raises `UserError` if it is no longer there."""
        stored = self._rows.get((system, comparison.benchmark, comparison.sample))
        if stored is None:
            raise UserError(f"{system} is not among the runs with which the app was started")
        samples, row = stored
        return samples.blob(row, "image")

    def references(self, comparison: Comparison) -> tuple[Image.Image, ...]:
        """The pictures of the object that the systems received."""
        return self._benchmark[comparison.benchmark][comparison.sample].references

    def prompt(self, comparison: Comparison) -> str:
        """What the picture should show; empty where an object is put into a scene."""
        return self._benchmark[comparison.benchmark][comparison.sample].prompt

    def answers(self) -> list[dict[str, Any]]:
        """Every answer to a study of these runs' pictures, as rows of the table CHOICES without ids."""
        columns = [column for column in CHOICES.c if column.name not in ("id", "position")]
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(*columns).where(CHOICES.c.choice.is_not(None)).order_by(CHOICES.c.study, CHOICES.c.at)
            )
            return [dict(row._mapping) for row in rows]

    @cached_property
    def _benchmark(self) -> Mapping[str, Mapping[str, Sample]]:
        """Benchmark -> name -> sample. Raises `UserError` if the benchmark is no longer there."""
        benchmark = load(resolve(self._params.benchmark))
        judged = samples_of(benchmark, self._params)
        return {name: {sample.name: sample for sample in samples} for name, samples in judged.items()}

    def _common(self, study: Study) -> list[tuple[str, str]]:
        """(benchmark, sample) of every sample that can be asked about."""
        first, second = ({key[1:] for key in self._rows if key[0] == system} for system in study.systems)
        known = {(name, sample) for name, samples in self._benchmark.items() for sample in samples}
        prompts = study.question == "prompt"
        return sorted(key for key in first & second & known if key[0] == "generation" or not prompts)

    def _plan(self, study: Study, rater: str) -> list[Comparison]:
        """Every sample once, in a random order for each rater; one of every two has its sides swapped."""
        common = sorted(self._common(study), key=lambda key: derive(0, "study", study.digest, rater, *key))
        rows = []
        for position, (benchmark, sample) in enumerate(common):
            swapped = (derive(0, "side", study.digest, rater, position // 2) + position) % 2
            left, right = study.systems[::-1] if swapped else study.systems
            subject = self._benchmark[benchmark][sample].subject
            shown = {"benchmark": benchmark, "subject": subject, "sample": sample, "left": left, "right": right}
            own = {"id": secrets.token_hex(12), "study": study.digest, "rater": rater, "position": position}
            rows.append(own | {"question": study.question} | shown)
        with self._engine.begin() as connection:
            connection.execute(insert(CHOICES), rows)
        return self._of(study, rater)

    def _of(self, study: Study, rater: str) -> list[Comparison]:
        own = and_(CHOICES.c.study == study.digest, CHOICES.c.rater == rater)
        with self._engine.connect() as connection:
            return [
                Comparison(*row)
                for row in connection.execute(select(*_COLUMNS).where(own).order_by(CHOICES.c.position))
            ]


_COLUMNS = [CHOICES.c[name] for name in Comparison._fields]


def _name(workspace: Workspace, all_: Sequence[Workspace]) -> str:
    """A run's name: its folder's, with as much of the path as needed to distinguish it from the others."""
    parts = workspace.root.resolve().parts
    others = [each.root.resolve().parts for each in all_ if each.root.resolve() != workspace.root.resolve()]
    for length in range(1, len(parts) + 1):
        if all(other[-length:] != parts[-length:] for other in others):
            return str(Path(*parts[-length:]))
    return str(Path(*parts))
