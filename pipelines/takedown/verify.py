"""Searches every place for what should be gone: every file's ids and bytes, and every picture's appearance."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from components.common.data.reading import Dataset, is_complete
from components.common.data.schemas import blob_columns
from components.common.stage.progress import track
from components.common.vision.looks import Look
from components.ingest.denied import Denied, read_denied
from components.ingest.params import DENIED
from components.lineage.keys import FOLDER as INDEXES
from components.lineage.references import PICTURES, WHOLE
from pipelines.engines.local import open_dvc
from pipelines.engines.workspace import Workspace, workspaces
from pipelines.lineage.bucket import KEPT
from pipelines.takedown.copies import alike
from pipelines.takedown.outputs import search_outputs
from pipelines.takedown.plan import Plan
from pipelines.takedown.records import search_records
from pipelines.takedown.repair import deny_list
from pipelines.takedown.seen import Likeness, likenesses, without_kept
from pipelines.takedown.traces import Trace, Traces, files_below
from pipelines.takedown.versions import opened_stores

A_PICTURE = "a picture, by appearance"


def verify(plan: Plan) -> tuple[list[Trace], int]:
    """Everything that is still there, and how many files and objects were searched."""
    workspace = Workspace(Path(plan.workspace))
    roots = [workspace.root, *workspaces()]
    data = {path.resolve() for root in roots if (path := Workspace(root).data).is_dir()}
    files = [file for folder in sorted(data) for file in files_below(folder) if INDEXES not in file.parts]
    files += [file for folder in (Path("mlartifacts"), KEPT) for file in files_below(folder)]
    denied = [entry for entry in read_denied(deny_list(workspace) or DENIED).entries if entry.takedown == plan.takedown]
    looks = [entry.look for entry in denied if entry.look]
    kept = [Dataset(folder / "images") for folder in sorted(data) if is_complete(folder / "images")]
    in_files, alike_in = _searched(files, plan.traces, looks)
    in_files += [Trace(file, A_PICTURE) for file in without_kept(alike_in, kept)]
    stored, objects = _stores(workspace, plan.traces)
    seen = [trace for folder in sorted(data) for trace in _by_look(folder, denied)]
    outputs = [trace for address in plan.outputs for trace in search_outputs(address, plan.traces)]
    outputs += search_records(plan.takedown, plan.traces)
    left = [*in_files, *stored, *seen, *(trace for trace in outputs if trace)]
    return left, len(files) + objects + len(outputs)


def _searched(
    files: Sequence[Path], traces: Traces, looks: Sequence[Look]
) -> tuple[list[Trace], dict[str, list[Likeness]]]:
    """The traces in files by ids and bytes; and, among the other files, those with pictures that match these looks."""
    in_files, alike_in = [], {}
    for file in track(files, "files searched"):
        data = file.read_bytes()
        if what := traces.found_in(data):
            in_files.append(Trace(str(file), what))
        elif pictures := likenesses(data, looks):
            alike_in[str(file)] = pictures
    return in_files, alike_in


def _stores(workspace: Workspace, traces: Traces) -> tuple[list[Trace], int]:
    """The traces that DVC's cache and remotes still hold, and how many objects were searched."""
    stored, count = [], 0
    with open_dvc(workspace) as repo:
        for store in opened_stores(repo):
            for oid in track(sorted(store.odb.all()), f"objects of the {store.name} searched"):
                count += 1
                if what := traces.found_in(store.read(oid)):
                    stored.append(Trace(f"{store.name} {oid}", what))
    return stored, count


def _by_look(data: Path, denied: Sequence[Denied]) -> Iterator[Trace]:
    for name in WHOLE:
        if is_complete(data / name):
            dataset, [blob] = Dataset(data / name), PICTURES[name]
            rows = alike(dataset, blob, dataset.rows(blob_columns(blob)), denied)
            yield from (Trace(f"{data / name} {row['shard']}", "by appearance") for row in rows)
