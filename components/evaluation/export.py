"""A benchmark's inputs as files, so that any other system can be run on them and scored (parameter `outside`).

>>> export(params, Path("inputs"))  # inputs/insertion/SAMPLE/..., inputs/placement/..., inputs/generation/...

The system then writes one picture SAMPLE.png per sample into a folder of its own. Truths are not exported.
"""

from pathlib import Path

from components.common.data.files import inside
from components.common.data.sandbox import resolve
from components.common.errors import UserError
from components.evaluation.benchmark import Sample, SceneSample, load, samples_of
from components.evaluation.params import Params


def export(params: Params, folder: Path) -> list[Path]:
    """Writes reference0.png ... and background.png, mask.png (if there is a scene) or prompt.txt for each sample.

    Returns the samples' folders. Raises `UserError` if `folder` is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty: name another folder for the benchmark's inputs")
    written = []
    for name, samples in samples_of(load(resolve(params.benchmark)), params).items():
        for sample in samples[: params.limit or None]:
            written.append(inside(folder / name, sample.name))
            _write(sample, written[-1])
    return written


def _write(sample: Sample, folder: Path) -> None:
    folder.mkdir(parents=True)
    for index, reference in enumerate(sample.references):
        reference.save(folder / f"reference{index}.png")
    if isinstance(sample, SceneSample):
        sample.background.save(folder / "background.png")
        sample.mask.save(folder / "mask.png")
    else:
        (folder / "prompt.txt").write_text(sample.prompt + "\n", encoding="utf-8")
