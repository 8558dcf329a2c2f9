"""A stage's parts made by several workers: each makes its share, and whoever gathers the shares finishes the dataset.

Gathering is resuming: the parts are put where one worker that was stopped would have left them, and the stage goes on
from there. So the dataset has the bytes that a single worker gives it, and a part that no share brought is made then.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from components.common.data.reading import UNFINISHED
from components.common.errors import UserError


def gather(shares: Iterable[Path], outputs: Mapping[str, Path]) -> None:
    """Copies the parts of every share into the stage's output folders (role -> folder), which are new or unfinished.

    shares: folders that hold, for each role, what a worker with `params.only` left there.
    Raises `UserError` if two shares come from other inputs, parameters, models or code.
    """
    shares = list(shares)
    for role, folder in outputs.items():
        brought = [share / role for share in shares if (share / role / UNFINISHED).is_file()]
        if len({(each / UNFINISHED).read_text(encoding="utf-8") for each in brought}) > 1:
            raise UserError(f"the shares of {role} were made from different things: run the stage again from the start")
        for each in brought:
            shutil.copytree(each, folder, copy_function=shutil.copyfile, dirs_exist_ok=True)
