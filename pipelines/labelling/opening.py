"""From a run's workspace to what a labelling session needs, or to the reason why there is nothing to label."""

from dataclasses import dataclass
from pathlib import Path

from components.common.data.digests import digest_file
from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.gates.params import Recurrence
from components.gates.queue import QUEUE
from components.judgement.params import Params as Judgement
from components.judgement.stage import Objects
from pipelines.engines.identity import is_local
from pipelines.engines.state import verdicts
from pipelines.engines.workspace import Workspace
from pipelines.labelling.decision import GateOfARun
from pipelines.labelling.queue import Pair, read_queue
from pipelines.labelling.session import Session
from pipelines.labelling.verdict_file import VerdictFile
from pipelines.parameters import read_step
from pipelines.steps import STEPS

GATE, STEP = "retrieval-precision", STEPS["gate_recurrence"]
OWN_FILE = "verdicts.csv"


@dataclass(frozen=True)
class Places:
    """Paths of a run that a rater needs. sheet: the queue's picture on the report page."""

    queue: Path
    sheet: Path
    verdicts: Path
    pictures: Path


def why_not(workspace: Workspace) -> str:
    """One sentence if the run's precision gate passed or failed; empty if it is undecided.

    Raises `UserError` if the folder is not a workspace, or the gate has not run on its current datasets.
    """
    row = next((row for row in verdicts(workspace) if row["gate"] == GATE), None)
    if row is None:
        raise UserError(
            f"the precision gate has not run on what is now in {workspace.root}, so there is nothing to label: "
            "run the pipeline first"
        )
    if row["verdict"] == "undecided":
        return ""
    word = {"pass": "passed", "fail": "failed"}[row["verdict"]]
    return f"There is nothing to label: the precision gate of {workspace.root} {word}, as {row['reason']}."


def unused_answers(workspace: Workspace) -> str:
    """A sentence if the file of answers has changed since the gate's verdict; otherwise empty."""
    try:
        file = places(workspace).verdicts
    except UserError:  # nothing can be appended to it, so nothing has been
        return ""
    if not file.is_file() or digest_file(file) == Dataset(workspace.dataset("judgements")).manifest.models["verdicts"]:
        return ""
    return f"{file} has changed since this verdict: `objectmate label` says what it decides now"


def places(workspace: Workspace) -> Places:
    """Where the run's queue and verdicts are. Raises `UserError` if nothing can be appended to its verdicts."""
    report = workspace.report(STEP)
    named = read_step(workspace.params, STEPS["judgement"])
    assert isinstance(named, Judgement)
    return Places(
        report / "files" / QUEUE,
        report / "figures" / "pairs_to_judge.png",
        _appendable(workspace, named.verdicts),
        workspace.root / "data" / "labelling",
    )


def _appendable(workspace: Workspace, named: str) -> Path:
    if named and not is_local(named):
        raise UserError(
            f"gates.verdicts is {named}, which cannot be appended to: copy it to a CSV file here and run again "
            "with that"
        )
    path = workspace.root / (named or OWN_FILE)
    if path.suffix == ".parquet" or (path.is_file() and path.read_bytes().startswith(b"PAR1")):
        raise UserError(f"{path} is Parquet, which cannot be appended to: name a CSV file as gates.verdicts")
    return path


@dataclass(frozen=True)
class OpenGate:
    """What a run's raters share: the pairs to ask about, the gate that they decide, and the file of answers."""

    queue: list[Pair]
    gate: GateOfARun
    file: VerdictFile

    def session(self, rater: str) -> Session:
        """One rater's session. Raises `UserError` unless `rater` is a valid name."""
        return Session(self.queue, self.gate, self.file, rater)


def open_gate(workspace: Workspace) -> OpenGate:
    """The queue of a workspace's gate, with all that a session needs."""
    inputs, params = workspace.inputs(STEP), read_step(workspace.params, STEP)
    assert isinstance(params, Recurrence)
    objects = Objects(inputs)
    where = places(workspace)
    return OpenGate(read_queue(where.queue, objects), GateOfARun(inputs, objects, params), VerdictFile(where.verdicts))


def open_session(workspace: Workspace, rater: str) -> Session:
    """A session on the queue of a workspace's gate."""
    return open_gate(workspace).session(rater)
