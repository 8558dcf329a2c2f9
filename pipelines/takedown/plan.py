"""What a takedown will do, before anything is touched: the photographs, the rows made from them, and where they lie."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_value
from components.common.data.files import inside, read_json, write_atomically
from components.common.errors import UserError
from components.ingest.denied import Denied
from components.lineage.closure import Affected, closure
from components.lineage.rows import Run
from pipelines.engines.request import RUNS
from pipelines.takedown.holding import holding
from pipelines.takedown.outputs import folders_with, output_ids
from pipelines.takedown.targets import deny, read_targets
from pipelines.takedown.traces import Traces, traces_of

FOLDER = Path("takedowns")
REGENERABLE = ("sets", "tuples", "latents")
"""Datasets whose rows are made again from what remains: a set keeps its other views, a tuple gets others. Of the other
datasets, the rows about a photograph are left out."""


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    takedown: its name, the same for the same photographs. workspace: the run that is repaired. rows: dataset -> rows
    that are made from the photographs. elsewhere: other runs of this folder that hold them, whose datasets are deleted.
    outputs: address of a Kubeflow run's artifacts in a bucket -> folders there that hold them, and are deleted.
    models: trained on them. originals: names in the collection, of copies of the same bytes too. datasets: sha256 of
    the datasets that hold traces.
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
        """By what its photographs, and all that is made from them, are recognised."""
        return Traces(frozenset(self.ids), frozenset(self.digests))

    def save(self) -> None:
        """Writes the plan, which everything later starts from: an interrupted takedown too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "plan.json", json.dumps(asdict(self), indent=1).encode())


def load_plan(takedown: str) -> Plan:
    """A plan that was saved. Raises `UserError` if there is none of this name."""
    path = inside(FOLDER, takedown) / "plan.json"
    if not path.is_file():
        known = ", ".join(sorted(path.name for path in FOLDER.glob("*"))) or "none yet"
        raise UserError(f"there is no takedown {takedown} in this folder: it knows {known}")
    return Plan(**read_json(path))


def make_plan(workspace: Path, asked: Sequence[str], outputs: Sequence[str] = ()) -> tuple[Plan, list[Denied]]:
    """The plan, and the entries for the deny list. Nothing is written.

    workspace: the run to repair, as seen from the current folder. asked: see `read_targets`. outputs: addresses of
    Kubeflow runs' artifacts, in which to look, too. Raises `UserError` if
    something asked for names no photograph, or the workspace holds no run.
    """
    run = Run(workspace / "data")
    targets = read_targets(run, asked)
    name = digest_value(targets.image_ids)[:8]
    affected = closure(run, targets.image_ids)
    others = {root: closure(Run(root / "data"), targets.image_ids) for root in other_runs(workspace)}
    held = {root: rows for root, rows in others.items() if rows}
    found = [traces_of(run, affected), *(traces_of(Run(root / "data"), rows) for root, rows in held.items())]
    stored = {address: made for address in outputs if (made := output_ids(address, targets.image_ids))}
    ids = frozenset(targets.image_ids).union(*stored.values())
    traces = Traces(ids.union(*(some.ids for some in found)), ids.union(*(some.digests for some in found)))
    bad = [rows.dataset.digest for root in (workspace, *held) for rows in holding(Run(root / "data"), traces)]
    plan = Plan(
        takedown=name,
        workspace=str(workspace),
        asked=list(asked),
        image_ids=targets.image_ids,
        absent=targets.absent,
        originals=_originals(run, affected),
        rows={name: len(rows) for name, rows in affected.items()},
        elsewhere=[str(root) for root in held],
        outputs={address: folders_with(address, traces) for address in stored},
        models=_models(run, affected),
        datasets=sorted({*bad}),
        ids=sorted(traces.ids),
        digests=sorted(traces.digests),
    )
    return plan, deny(run, targets, name)


def other_runs(workspace: Path) -> list[Path]:
    """The other folders of runs here that have an images dataset."""
    roots = [Path(), *sorted(path for path in RUNS.glob("*") if path.is_dir())]
    known = [root for root in roots if (root / "data" / "images" / "manifest.json").is_file()]
    return [root for root in known if root.resolve() != workspace.resolve()]


def _originals(run: Run, affected: Affected) -> list[str]:
    names = [row["uri"] for row in run["images"].at(affected.get("images", []))]
    refused = run["quarantine"].dataset.rows() if "quarantine" in run.datasets else []
    return sorted([*names, *(row["uri"] for row in refused if row["reason"] == "duplicate" and row["detail"] in names)])


def _models(run: Run, affected: Affected) -> list[str]:
    splits: list[dict[str, Any]] = run["latents"].at(affected["latents"]) if "latents" in affected else []
    if all(row["split"] != "train" for row in splits):
        return []
    digest = run["latents"].dataset.digest
    return sorted(
        rows.name
        for rows in run.datasets.values()
        if rows.dataset.manifest.kind == "model" and digest in rows.dataset.manifest.inputs.values()
    )
