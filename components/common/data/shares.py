"""A stage's parts made by several workers: each makes its share, and whoever gathers the shares finishes the dataset.

Gathering is resuming: the parts are put where a single stopped worker would have left them, and the stage continues
from there. So the dataset has the same bytes as a single worker's, and any part missing from the shares is made then.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from components.common.data.digests import digest_file
from components.common.data.files import inside, read_json, write_atomically
from components.common.data.reading import UNFINISHED
from components.common.data.verification import check_file
from components.common.errors import StageFailed, UserError

SEAL = "_share.json"


def seal(outputs: Mapping[str, Path]) -> None:
    """Completes a worker's share: records the sha256 of each file in its folders (role -> folder)."""
    for folder in filter(Path.is_dir, outputs.values()):  # a share need not reach every output
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SEAL)
        digests = {path.relative_to(folder).as_posix(): digest_file(path) for path in files}
        write_atomically(folder / SEAL, json.dumps(digests).encode())


def gather(shares: Iterable[Path], outputs: Mapping[str, Path]) -> None:
    """Copies the parts of every share into the stage's output folders (role -> folder), which are new or unfinished.

    shares: folders that hold, for each role, what a worker with `params.only` made and `seal` completed. Raises
    `UserError` if two shares come from different inputs, parameters, models or code, `StageFailed` if a file is not the
    one that its worker made.
    """
    shares = list(shares)
    for role, folder in outputs.items():
        folders = [share / role for share in shares if (share / role / UNFINISHED).is_file()]
        if len({(each / UNFINISHED).read_text(encoding="utf-8") for each in folders}) > 1:
            raise UserError(
                f"the shares of {role} come from different inputs, parameters, models or code: "
                "run the stage again from the start"
            )
        for each in folders:
            _take(each, folder)


def _take(share: Path, folder: Path) -> None:
    """Copies a share and hashes the copy; the records that mark a part as finished come last."""
    if not (share / SEAL).is_file():
        raise StageFailed(f"the share {share} has no {SEAL}, so its worker was stopped: run the stage again")
    digests = read_json(share / SEAL)
    for name in sorted(digests, key=lambda name: name.endswith(".part.json")):
        path = inside(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if (source := inside(share, name)).is_file():
            shutil.copyfile(source, path)
        check = check_file(folder, name, digests[name])
        if not check.passed:
            path.unlink(missing_ok=True)
            raise StageFailed(f"{check}: the share was damaged on its way here, run the stage again")
