"""Outside systems, given by a folder of their pictures: which are scored, and what is reported about the others.

A picture is named after its sample, SAMPLE.png. It has to be square, as the windows and pictures of the benchmark are:
in any other shape the place of the box is unknown. Another size is scaled, and this is reported.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from components.common.data.files import inside
from components.common.errors import UserError
from components.common.vision.images import Rejected, decode
from components.evaluation.benchmark import Sample
from components.evaluation.systems import System

MAX_NAMED = 8


def folder_system(folder: Path) -> System:
    """An outside system, given by its pictures. None for those that are missing, unreadable or not square."""

    def run(samples: Sequence[Sample]) -> list[Image.Image | None]:
        pictures = (_read(folder, sample) for sample in samples)
        return [None if isinstance(picture, str) else picture for picture in pictures]

    return run


def has_pictures(folder: Path, samples: Iterable[Sample]) -> bool:
    """Whether the folder has at least one picture for these samples."""
    return any(inside(folder, f"{sample.name}.png").is_file() for sample in samples)


def check_folder(name: str, folder: Path) -> None:
    """Raises `UserError` if an outside system has no folder."""
    if not folder.is_dir():
        raise UserError(f"outside: {name} is {folder}, which is not a folder: name the folder with its pictures")


def gaps(name: str, folder: Path, benchmark: str, samples: Sequence[Sample], side: int) -> Iterator[str]:
    """Sentences about a system's pictures for these samples: those that are not scored, by reason, and those that are
    scaled first. side: px of the benchmark's pictures."""
    named: dict[str, list[str]] = {}
    for sample in samples:
        picture = _read(folder, sample)
        if isinstance(picture, str):
            named.setdefault(f"{picture}, so not scored", []).append(sample.name)
        elif picture.size != (side, side):
            scaled = f"of another size, scored after scaling to {side} x {side} px"
            named.setdefault(scaled, []).append(f"{sample.name} ({picture.width} x {picture.height} px)")
    for outcome, names in named.items():
        yield f"{name}, {benchmark}: {len(names)} of {len(samples)} pictures {outcome}: {_listed(names)}"


def strangers(name: str, folder: Path, samples: Mapping[str, Sequence[Sample]]) -> Iterator[str]:
    """A sentence about the files of a system that no sample is named after; another if it has no picture at all."""
    wanted = {f"{sample.name}.png" for own in samples.values() for sample in own}
    files = sorted(path.name for path in folder.iterdir())
    if not wanted & set(files):
        yield f"outside system {name} has no picture of any sample"
    if others := [file for file in files if file not in wanted]:
        yield f"outside system {name}: {len(others)} files are named after no sample, so they are not read: " + _listed(
            others
        )


def _read(folder: Path, sample: Sample) -> Image.Image | str:
    """The picture, or why there is none."""
    path = inside(folder, f"{sample.name}.png")
    if not path.is_file():
        return "missing"
    try:
        picture = decode(path.read_bytes())
    except (OSError, Rejected):
        return "unreadable"
    return picture if picture.width == picture.height else "not square"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_NAMED]) + (" ..." if len(names) > MAX_NAMED else "")
