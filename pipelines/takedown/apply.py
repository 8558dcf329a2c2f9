"""Applying a takedown. Each step can be repeated, so applying again finishes a takedown that was interrupted."""

from collections.abc import Sequence
from pathlib import Path

from components.common.errors import UserError
from components.common.terminal import Terminal
from components.ingest.denied import Denied, read_denied, write_denied
from components.ingest.params import DENIED
from components.lineage.rows import Run
from pipelines.engines.workspace import Workspace
from pipelines.takedown.holding import holding
from pipelines.takedown.outputs import purge_fetched, purge_outputs
from pipelines.takedown.plan import Plan
from pipelines.takedown.purge import purge_run, purge_stores, stored_versions
from pipelines.takedown.receipt import Receipt, write_receipt
from pipelines.takedown.records import withdraw
from pipelines.takedown.repair import local_deny_list, repair
from pipelines.takedown.traces import Traces


def apply(plan: Plan, denied: Sequence[Denied]) -> Receipt:
    """Does what the plan says and writes the receipt.

    denied: the photographs' entries for the deny lists; a resumed takedown takes those that are kept beside its plan.
    """
    workspace, console = Workspace(Path(plan.workspace)), Terminal()
    own_lists = (local_deny_list(Workspace(Path(root))) for root in (plan.workspace, *plan.elsewhere))
    places, kept = {Path(DENIED), *own_lists}, plan.folder / "denied.parquet"
    plan.save()
    if denied:
        write_denied(kept, denied)
    for place in places:
        _deny(place, denied or read_denied(str(kept)).entries)
    console.print("1/4 The datasets are made again without the photographs.")
    stopped = repair(workspace)
    console.print("2/4 Pictures are deleted from MLflow.")
    datasets = {*plan.datasets, *stored_versions(workspace, plan.traces)} - _clean(workspace, plan.traces)
    withdrawn = withdraw(datasets, plan.takedown)
    console.print("3/4 Everything else made from them is deleted: other runs' datasets, latents, outputs.")
    deleted = {f"files of {workspace.root}": purge_run(workspace.root, plan.traces, repaired=not stopped)}
    deleted |= {f"files of {root}": purge_run(Path(root), plan.traces) for root in plan.elsewhere}
    deleted["files fetched from buckets"] = purge_fetched()
    for address, folders in plan.outputs.items():
        deleted[f"objects of {address}"] = purge_outputs(address, folders, plan.traces)
    console.print("4/4 Older versions are deleted from DVC's cache and remotes.")
    deleted |= purge_stores(workspace, plan.traces, plan.folder / "going.json")
    deleted["objects of MLflow in buckets"] = withdrawn.objects
    return write_receipt(plan, workspace, deleted, withdrawn, stopped)


def _deny(place: Path, denied: Sequence[Denied]) -> None:
    """Adds entries to a list. Raises `UserError` if it cannot be written."""
    known = {entry.image_id: entry for entry in read_denied(str(place)).entries}
    new = {entry.image_id: entry for entry in denied if entry.image_id not in known or not known[entry.image_id].look}
    try:
        if new:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_denied(place, [*(known | new).values()])
    except OSError as error:
        raise UserError(f"the deny list {place} cannot be written ({error.strerror}): make it writable") from None


def _clean(workspace: Workspace, traces: Traces) -> set[str]:
    """sha256 of the run's datasets that hold no trace. Its old latents still do, until they are deleted."""
    try:
        run = Run(workspace.data)
    except UserError:
        return set()
    bad = {rows.name for rows in holding(run, traces)}
    return {rows.dataset.digest for rows in run.datasets.values() if rows.name not in bad}
