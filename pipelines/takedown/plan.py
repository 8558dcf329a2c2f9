"""What a takedown will do, before anything is touched: the photographs, the rows made from them, and where they are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_value
from components.common.data.files import inside, read_json, write_atomically
from components.common.data.reading import MANIFEST
from components.common.errors import UserError
from components.common.references import TRAIN
from components.ingest.denied import Denied
from components.lineage.closure import Affected, closure
from components.lineage.rows import Run
from pipelines.engines.workspace import Workspace, workspaces
from pipelines.takedown.copies import copies_of
from pipelines.takedown.holding import holding
from pipelines.takedown.outputs import held_there, ids_there
from pipelines.takedown.repair import local_deny_list, refuse_elsewhere
from pipelines.takedown.targets import deny, read_targets
from pipelines.takedown.traces import Traces, traces_of

FOLDER = Path("takedowns")


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    takedown: its name, the same for the same photographs. workspace: the run that is repaired. image_ids: sha256 of the
    named photographs. absent: those that the run does not have. copies: others that the deny list also keeps out, by
    appearance: sha256 -> name. rows: dataset -> number of rows made from either. of_copies: how many of these were made
    only from copies. tuples: ids of the tuples among the rows, which no longer exist after the repair: a remade tuple
    has another id. elsewhere: other runs of this folder that hold them, whose datasets are deleted. outputs: address of
    a Kubeflow run's artifacts in a bucket -> folders there that hold them in any version, and are deleted. models:
    those trained on them. originals: names in the collection, including copies with the same bytes. datasets: sha256 of
    the datasets that hold traces. ids, digests: see `Traces`.
    """

    takedown: str
    workspace: str
    asked: Sequence[str]
    image_ids: Sequence[str]
    absent: Sequence[str]
    originals: Sequence[str]
    rows: Mapping[str, int]
    elsewhere: Sequence[str]
    models: Sequence[str]
    copies: Mapping[str, str] = field(default_factory=dict)
    of_copies: Mapping[str, int] = field(default_factory=dict)
    tuples: Sequence[str] = ()
    outputs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    datasets: Sequence[str] = ()
    ids: Sequence[str] = field(repr=False, default=())
    digests: Sequence[str] = field(repr=False, default=())

    @property
    def folder(self) -> Path:
        """The folder of the plan and of the receipt."""
        return FOLDER / self.takedown

    @property
    def traces(self) -> Traces:
        """The traces by which the photographs, and everything made from them, are recognised."""
        return Traces(frozenset(self.ids), frozenset(self.digests))

    def save(self) -> None:
        """Writes the plan, from which all later steps start, including those of a resumed takedown."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "plan.json", json.dumps(asdict(self), indent=1).encode())


def load_plan(takedown: str) -> Plan:
    """A saved plan. Raises `UserError` if there is none of this name, or it is damaged."""
    path = inside(FOLDER, takedown) / "plan.json"
    if not path.is_file():
        known = ", ".join(sorted(path.name for path in FOLDER.glob("*"))) or "none yet"
        raise UserError(f"there is no takedown {takedown} here (there are: {known}): go to where it was applied")
    try:
        return Plan(**read_json(path))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} is not a takedown's plan ({error}): restore it from a copy, or delete it") from None


def takedowns_of(workspace: Path) -> list[str]:
    """The names of the takedowns of this folder that may have repaired a run or deleted its datasets."""
    plans = [load_plan(path.parent.name) for path in sorted(FOLDER.glob("*/plan.json"))]
    root = workspace.resolve()
    return [
        plan.takedown for plan in plans if root in {Path(run).resolve() for run in (plan.workspace, *plan.elsewhere)}
    ]


def make_plan(workspace: Path, asked: Sequence[str], outputs: Sequence[str] = ()) -> tuple[Plan, list[Denied]]:
    """The plan, and the entries for the deny list. Nothing is written.

    workspace: the run to repair, relative to the current folder. asked: see `read_targets`. outputs: addresses of
    Kubeflow runs' artifacts, which are also searched. Raises `UserError` if an entry names no photograph, the
    workspace holds no run or was started in another folder, or a run's deny list is not a local file.
    """
    refuse_elsewhere(Workspace(workspace))
    runs = {root: Run(Workspace(root).data) for root in (workspace, *other_runs(workspace))}
    run = runs[workspace]
    targets = read_targets(run, asked)
    name = digest_value(targets.image_ids)[:8]
    denied = deny(run, targets, name)
    copies = copies_of(denied, runs.values())
    gone = [*targets.image_ids, *copies]
    affected = {root: rows for root, each in runs.items() if (rows := closure(each, gone))}
    for root in (workspace, *affected):
        local_deny_list(Workspace(root))  # says so if it cannot be written
    own, own_asked = affected.get(workspace, {}), closure(run, targets.image_ids)
    stored = [ids_there(address, gone) for address in outputs]
    by_run = [traces_of(runs[root], rows) for root, rows in affected.items()]
    ids = frozenset(gone).union(*stored)
    traces = Traces(ids.union(*(each.ids for each in by_run)), ids.union(*(each.digests for each in by_run)))
    bad = [rows.dataset.digest for root in {workspace, *affected} for rows in holding(runs[root], traces)]
    held = {address: held_there(address, traces) for address in outputs}
    plan = Plan(
        takedown=name,
        workspace=str(workspace),
        asked=list(asked),
        image_ids=targets.image_ids,
        copies=copies,
        absent=targets.absent,
        originals=_originals(run, own),
        rows={name: len(rows) for name, rows in own.items()},
        of_copies={name: len(rows) - len(own_asked.get(name, ())) for name, rows in own.items()},
        tuples=[row["tuple_id"] for row in run["tuples"].at(own["tuples"])] if "tuples" in own else [],
        elsewhere=[str(root) for root in affected if root != workspace],
        outputs={address: there.folders for address, there in held.items()},
        models=[*_models(run, own), *(f"{address}/{model}" for address in held for model in held[address].models)],
        datasets=sorted({*bad}),
        ids=sorted(traces.ids),
        digests=sorted(traces.digests),
    )
    return plan, denied


def other_runs(workspace: Path) -> list[Path]:
    """The other folders of runs here that have an images dataset."""
    known = [root for root in workspaces() if (Workspace(root).dataset("images") / MANIFEST).is_file()]
    return [root for root in known if root.resolve() != workspace.resolve()]


def _originals(run: Run, affected: Affected) -> list[str]:
    names = [row["uri"] for row in run["images"].at(affected.get("images", []))]
    refused = run["quarantine"].dataset.rows() if "quarantine" in run.datasets else []
    return sorted([*names, *(row["uri"] for row in refused if row["reason"] == "duplicate" and row["detail"] in names)])


def _models(run: Run, affected: Affected) -> list[str]:
    splits: list[dict[str, Any]] = run["latents"].at(affected["latents"]) if "latents" in affected else []
    if all(row["split"] != TRAIN for row in splits):
        return []
    digest = run["latents"].dataset.digest
    return sorted(
        rows.name
        for rows in run.datasets.values()
        if rows.dataset.manifest.kind == "model" and digest in rows.dataset.manifest.inputs.values()
    )
