"""`objectmate compare`: whether two runs made the same datasets, by the hashes that DVC has on record for them."""

from rich.console import Console
from rich.table import Table

from components.common.errors import UserError
from pipelines.engines.local import dvc_digests
from pipelines.engines.workspace import Workspace
from pipelines.steps import pipeline_steps

SHOWN = 12
"""Digits of a hash in the table; all of them are compared."""


def compare(run: Workspace, reference: Workspace, pipeline: str) -> bool:
    """Prints a table of the datasets that a pipeline makes; True if both runs have each of them, with equal hashes.

    Raises `UserError` if there is no such pipeline, or nothing on record in one of the workspaces.
    """
    names = [name for step in pipeline_steps(pipeline) for name in step.outputs.values()]
    hashes, expected = _on_record(run), _on_record(reference)
    verdicts = {name: _verdict(hashes.get(name), expected.get(name)) for name in names}
    table = Table("dataset", "hash", "reference", "")
    for name, verdict in verdicts.items():
        table.add_row(name, hashes.get(name, "")[:SHOWN], expected.get(name, "")[:SHOWN], verdict)
    equal = list(verdicts.values()).count("equal")
    console = Console()
    console.print(table)
    console.print(f"{equal} of {len(names)} datasets are equal.")
    return equal == len(names)


def _verdict(digest: str | None, expected: str | None) -> str:
    if digest is None or expected is None:
        return "missing"
    return "equal" if digest == expected else "different"


def _on_record(workspace: Workspace) -> dict[str, str]:
    found = dvc_digests(workspace)
    if not found:
        raise UserError(
            f"there is nothing in {workspace.root / 'dvc.lock'}: run the pipeline there with DVC, or enter a "
            f"Kubeflow run with `objectmate sync {workspace.root}`"
        )
    return found
