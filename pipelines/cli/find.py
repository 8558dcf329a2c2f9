"""`objectmate find`: the objects that look most like the one in a photograph, as a table and as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from components.common.errors import UserError
from components.common.terminal import Terminal, shown
from components.common.vision.geometry import Box, parse_box

if TYPE_CHECKING:
    from components.mining.search import Answer, Hit


def find_object(photo: Path, box: str, top: int, data: Path, sheet: Path | None) -> None:
    """Prints and draws what looks most like the object at `box` ("x,y,w,h", px; the whole photograph if empty)."""
    from components.mining.search import find

    answer = find(photo, parse_box(box) if box else None, top, data)
    console = Terminal()
    if not box:
        console.print("The whole photograph was taken as the object: --box x,y,w,h (px) selects one in it.")
    console.print(_table(answer))
    if answer.window is None:
        console.print("No window is calibrated for this encoder: run `objectmate stage calibration`.")
    path = sheet or data / "found.png"
    try:
        answer.sheet.save(path)
    except (OSError, ValueError) as error:
        raise UserError(f"the picture {path} cannot be written: {error}") from None
    console.print(f"Picture: {path}", markup=False, soft_wrap=True)


def _table(answer: "Answer") -> Table:
    how = (
        "all compared" if answer.lists is None else "{} of {} lists searched, some may be missed".format(*answer.lists)
    )
    window = f", window {answer.window.low:g} to {answer.window.high:g}" if answer.window else ""
    table = Table(title=f"{answer.searched:,} objects, {how}{window}", box=None, padding=(0, 1, 0, 0))
    for name in ("rank", "cosine", "object", "photograph", "box", "in window"):
        table.add_column(name, overflow="fold", no_wrap=name == "object")
    for rank, hit in enumerate(answer.hits, start=1):
        row = (str(rank), f"{hit.similarity:.4f}", hit.object_id, shown(hit.uri), _shown(hit.box), _inside(hit))
        table.add_row(*row)
    return table


def _shown(box: Box) -> str:
    return ",".join(f"{side:.0f}" for side in box)


def _inside(hit: "Hit") -> str:
    return {True: "yes", False: "no", None: "?"}[hit.inside]
