"""`objectmate insert` and `generate`: from the command line to pictures, with progress and notes."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from components.common.errors import UserError
from components.common.harmless import say
from components.common.stage.progress import track

if TYPE_CHECKING:
    from components.inference.jobs import Job, Outcome
    from components.inference.requests import AnyRequest

NAMES = {"insertion": "inserted", "generation": "generated"}
"""Task -> the default name of a picture, or of a table's folder."""


@dataclass(frozen=True)
class Asked:
    """The options that both commands take. settings: of the requests, without the seed."""

    task: str
    out: Path | None
    table: Path | None
    model: str
    seeds: Sequence[int]
    settings: dict[str, Any]
    device: str


def insert_pictures(asked: Asked, scene: Path | None, box: str, references: Sequence[str]) -> None:
    """Makes the pictures of a table, or that of one scene for each seed. Raises `UserError`, also for refused rows."""
    from components.common.vision.geometry import parse_box
    from components.inference.jobs import parse_reference
    from components.inference.requests import Insertion

    def request() -> Insertion:
        if scene is None or not box:
            raise UserError("name a scene and --box x,y,w,h, or a table with --batch")
        parsed = [parse_reference(text) for text in references]
        return Insertion(scene=scene, box=parse_box(box), references=parsed, **asked.settings)

    _make(_jobs(asked, request, bool(scene or box or references)), asked)


def generate_pictures(asked: Asked, prompt: str, references: Sequence[str]) -> None:
    """Makes the pictures of a table, or that of one prompt for each seed. Raises `UserError`, also for refused rows."""
    from components.inference.jobs import parse_reference
    from components.inference.requests import Generation

    def request() -> Generation:
        parsed = [parse_reference(text) for text in references]
        return Generation(prompt=prompt, references=parsed, **asked.settings)

    _make(_jobs(asked, request, bool(prompt or references)), asked)


def _jobs(asked: Asked, request: "Callable[[], AnyRequest]", named: bool) -> "list[Job]":
    """named: whether the command line names pictures itself."""
    from components.inference.jobs import jobs_of, read_jobs

    name = NAMES[asked.task]
    if asked.table is None:
        return jobs_of(request(), asked.out or Path(f"{name}.png"), asked.seeds)
    if named:
        raise UserError("--batch takes its pictures from the table: leave out the others, or --batch")
    return read_jobs(asked.table, asked.task, asked.out or Path(name), asked.seeds, asked.settings)


def _make(jobs: "Sequence[Job]", asked: Asked) -> None:
    from components.inference.jobs import make, settle
    from components.inference.locating import find_model

    found = find_model(asked.model)
    pending, outcomes = settle(jobs, found)
    for outcome in outcomes:
        _tell(outcome, asked)
    if pending:
        from components.inference.model import TrainedModel  # takes seconds

        model = TrainedModel.of(found, asked.device)
        model.check_task(asked.task)
        steps = sum(job.request.steps for job in pending if job.request)
        many = f"{len(pending)} pictures, " if len(pending) > 1 else ""
        with _ticking(steps, f"{many}sampler steps") as tick:
            for outcome in make(model, pending, tick):
                _tell(outcome, asked)
                outcomes.append(outcome)
    refused = sum(outcome.state == "refused" for outcome in outcomes)
    if refused:
        raise UserError(f"{refused} of {len(jobs)} pictures could not be made, for the reasons above")


def _tell(outcome: "Outcome", asked: Asked) -> None:
    """Prints a line about what became of a picture, and one for each note on it.

    Raises `UserError` for a refused one that is not from a table.
    """
    job, state, notes = outcome
    line = f"line {job.line}: " if job.line else ""
    if state == "refused":
        if asked.table is None:
            raise UserError(notes[0])
        say(f"{line}{notes[0]}", err=True)
        return
    say(f"{line}{job.out}{' exists already, made from the same inputs' if state == 'kept' else ''}")
    for note in notes:
        say(f"  {note}", err=True)


@contextmanager
def _ticking(total: int, description: str) -> Iterator[Callable[[], object]]:
    """Yields a function to call after each of `total` steps; a progress bar shows the time left."""
    with closing(cast("Generator[int, None, None]", track(range(total), description))) as steps:
        next(steps)
        yield lambda: next(steps, None)
