"""Pictures to make, one by one or from a table: which file each becomes, and which exist already."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from components.common.data.files import inside
from components.common.data.tables import Line, number, read_table
from components.common.errors import UserError
from components.common.references import REFERENCES
from components.common.vision.geometry import parse_box
from components.common.vision.origin import origin_of
from components.inference.locating import Found
from components.inference.picture import format_of_name
from components.inference.requests import AnyRequest, Generation, Insertion, origin_of_request
from components.inference.sources import Reference

if TYPE_CHECKING:
    from components.inference.model import TrainedModel

REFERENCE_COLUMNS = tuple(f"reference{k}" for k in range(1, REFERENCES + 1))
NEEDED = {"insertion": ("scene", "x", "y", "w", "h", "reference1"), "generation": ("prompt", "reference1")}
"""Task -> the columns that a table must have."""
NUMBERS: dict[str, Callable[[str], float]] = {
    "seed": int, "steps": int, "guidance": number, "guidance_text": number, "context": number, "margin": number,
}  # fmt: skip
"""Optional columns -> how their text is read. An empty cell means the command's own setting."""
_WITH_BOX = re.compile(r"(?P<file>.+)#xywh=(?P<box>.*)", re.DOTALL)


class Job(NamedTuple):
    """A picture to make. request: None if `flaw` says what is wrong with it. line: of the table, 0 without one."""

    out: Path
    request: AnyRequest | None
    line: int = 0
    flaw: str = ""


class Outcome(NamedTuple):
    """What became of a job. state: made, kept (it was there already) or refused. notes: what to know, or the reason."""

    job: Job
    state: str
    notes: list[str]


def read_jobs(table: Path, task: str, folder: Path, seeds: Sequence[int], settings: dict[str, Any]) -> list[Job]:
    """The jobs of a CSV file or workbook, those with a flaw included. Paths in it are relative to its own folder.

    seeds, settings: for rows that have none of their own.

    Columns: those of `NEEDED`, and optionally reference2, reference3, `NUMBERS` and out, the name of the picture below
    `folder`. Raises `UserError` if the table as a whole cannot be read.
    """
    try:
        data = table.read_bytes()
    except OSError as error:
        raise UserError(f"the table {table} cannot be read ({error.strerror}): name a CSV file") from None
    lines = read_table(data, str(table), NEEDED[task]).lines
    jobs = [job for line in lines for job in _jobs_of(line, task, table.parent, folder, seeds, settings)]
    if not jobs:
        raise UserError(f"{table} has no row below its header: give a picture a row")
    return _without_clashes(jobs)


def jobs_of(request: AnyRequest, out: Path, seeds: Sequence[int], line: int = 0) -> list[Job]:
    """A job for each seed; if there are several, the names end in them."""
    named = {seed: out if len(seeds) == 1 else out.with_stem(f"{out.stem}-{seed}") for seed in seeds}
    return [Job(path, replace(request, seed=seed), line) for seed, path in named.items()]


def parse_reference(text: str, folder: Path = Path()) -> Reference:
    """A reference as `FILE` or `FILE#xywh=x,y,w,h`, the media fragment of the W3C. Raises `UserError`."""
    match = _WITH_BOX.fullmatch(text)
    return Reference(folder / match["file"], parse_box(match["box"])) if match else Reference(folder / text)


def settle(jobs: Sequence[Job], model: Found) -> tuple[list[Job], list[Outcome]]:
    """The jobs that need the model, and what became of the others: a picture that is there already, made from the same
    inputs, is kept, and a job that cannot be done is refused."""
    pending, settled = [], []
    for job in jobs:
        try:
            if job.request is None:
                raise UserError(job.flaw)
            job.request.check()
            format_of_name(job.out)
            with _usable(job.out):
                there = _is_there(job.out, job.request, model)
            if there:
                settled.append(Outcome(job, "kept", []))
            else:
                pending.append(job)
        except UserError as error:
            settled.append(Outcome(job, "refused", [str(error)]))
    return pending, settled


def make(model: "TrainedModel", jobs: Sequence[Job], on_step: Callable[[], object]) -> Iterator[Outcome]:
    """Makes the pictures, one after the other; one that cannot be made is refused, and the others go on."""
    for job in jobs:
        assert job.request, "`settle` refuses jobs without a request"
        try:
            picture = model.draw(job.request, on_step)
            with _usable(job.out):
                job.out.parent.mkdir(parents=True, exist_ok=True)
            picture.save(job.out)
        except UserError as error:
            yield Outcome(job, "refused", [str(error)])
        else:
            yield Outcome(job, "made", picture.notes)


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Refuses a file name that the system refuses; the other pictures go on."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be used ({error.strerror}): name another file") from None


def _is_there(path: Path, request: AnyRequest, model: Found) -> bool:
    """Whether the file is the picture of this request.

    Raises `UserError` if it is a file that no model of ours made, or one that the request names cannot be opened.
    """
    if not path.exists():
        request.check_files()
        return False
    existing = origin_of(path.read_bytes()) if path.is_file() else None
    if existing is None or _is_scene(path, request):
        problem = "the scene itself" if existing else "not a picture that was made here"
        raise UserError(f"{path} already exists, and {problem}: name another file")
    origin = origin_of_request(request, model)
    return replace(existing, model_name=origin.model_name) == origin


def _is_scene(path: Path, request: AnyRequest) -> bool:
    scene = request.scene if isinstance(request, Insertion) else None
    return isinstance(scene, str | Path) and Path(scene).exists() and path.samefile(scene)


def _jobs_of(
    line: Line, task: str, beside: Path, folder: Path, seeds: Sequence[int], settings: dict[str, Any]
) -> list[Job]:
    name = line.cell("out") or f"{line.number}-{Path(line.cell('scene')).stem or 'picture'}.png"
    try:
        if line.flaw:
            raise UserError(f"it {line.flaw}")
        out = inside(folder, name)
        numbers = {column: _number(line, column) for column in NUMBERS if line.cell(column)}
        own_seeds = [int(numbers.pop("seed"))] if "seed" in numbers else seeds
        return jobs_of(_request(line, task, beside, {**settings, **numbers}), out, own_seeds, line.number)
    except UserError as error:
        return [Job(folder / "-", None, line.number, str(error))]


def _request(line: Line, task: str, beside: Path, settings: dict[str, Any]) -> AnyRequest:
    cells = [line.cell(column) for column in REFERENCE_COLUMNS]
    references = [parse_reference(cell, beside) for cell in cells if cell]
    if task == "generation":
        return Generation(prompt=line.cell("prompt"), references=references, **settings)
    if not line.cell("scene"):
        raise UserError("it names no scene: give the file of a picture")
    x, y, w, h = (_number(line, column) for column in ("x", "y", "w", "h"))
    return Insertion(scene=beside / line.cell("scene"), box=(x, y, w, h), references=references, **settings)


def _number(line: Line, column: str) -> float:
    try:
        return NUMBERS.get(column, number)(line.cell(column))
    except ValueError:
        raise UserError(f"its {column} is '{line.cell(column)}': give a number") from None


def _without_clashes(jobs: list[Job]) -> list[Job]:
    """The jobs, but a file that two of them would write belongs to the first."""
    first: dict[Path, int] = {}
    return [
        job._replace(request=None, flaw=f"it has the same 'out' as line {first[job.out]}: {job.out.name}")
        if job.request and first.setdefault(job.out, job.line) != job.line
        else job
        for job in jobs
    ]
