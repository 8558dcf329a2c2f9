"""`objectmate verify`: hashes everything in data/ and compares it with the manifests."""

from pathlib import Path

from components.common.data.reading import MANIFEST, UNFINISHED, is_complete
from components.common.data.verification import Check, check_files, count_files
from components.common.errors import UserError
from components.common.stage.progress import track
from components.common.terminal import Terminal, shown
from pipelines.engines.workspace import Workspace


def verify_workspace(root: Path) -> bool:
    """Prints what differs from the manifests of the datasets in `root`/data, and a summary; True if nothing does.

    Raises `UserError` if there is no finished dataset.
    """
    data = Workspace(root).data
    datasets = sorted({path.parent for name in (MANIFEST, UNFINISHED) for path in data.glob(f"*/{name}")})
    finished = [folder for folder in datasets if is_complete(folder)]
    if not finished:
        raise UserError(f"there is no finished dataset in {data}: run a pipeline there, or name its --workspace")
    total = sum(map(count_files, finished))
    checks = list(track((check for folder in finished for check in check_files(folder)), "files hashed", total))
    _show(checks, len(finished), [folder.name for folder in datasets if folder not in finished])
    return all(check.passed for check in checks)


def _show(checks: list[Check], finished: int, unfinished: list[str]) -> None:
    console = Terminal()
    failed = [check for check in checks if not check.passed]
    for check in failed:
        console.print(shown(str(check)), soft_wrap=True)
    if failed:
        damaged = len({check.folder for check in failed})
        console.print(
            f"{len(failed)} of {len(checks)} files and manifests, in {damaged} of {finished} datasets, differ from the "
            "manifests: delete those datasets' folders and run their stages again, or fetch them again."
        )
    else:
        files = sum(check.file != MANIFEST for check in checks)
        console.print(
            f"All {files} files and {finished} manifests of {finished} datasets are what the manifests say.",
            highlight=False,
        )
    if unfinished:
        console.print(f"{len(unfinished)} unfinished datasets were not hashed: {', '.join(unfinished)}.")
