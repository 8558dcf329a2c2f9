"""A benchmark's inputs as files, so that any other system can be run on them and scored (parameter `outside`).

>>> export(params, Path("inputs"))  # inputs/insertion/SAMPLE/..., inputs/generation/SAMPLE/...

The system then writes one picture SAMPLE.png per sample into a folder of its own. Truths are not exported.
"""

from pathlib import Path

from components.common.data.files import inside
from components.common.data.sandbox import resolve
from components.common.errors import UserError
from components.evaluation.benchmark import InsertionSample, Sample, generation_samples, insertion_samples, load
from components.evaluation.params import Params


def export(params: Params, folder: Path) -> list[Path]:
    """Writes reference0.png ... and background.png, mask.png (insertion) or prompt.txt (generation) for each sample.

    Returns the samples' folders. Raises `UserError` if `folder` is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty: name another folder for the benchmark's inputs")
    benchmark = load(resolve(params.benchmark))
    insertion: list[Sample] = [*insertion_samples(benchmark, params)[: params.limit or None]]
    generation = generation_samples(benchmark, params)[: params.limit or None]
    written = []
    for name, samples in (("insertion", insertion), ("generation", generation)):
        for sample in samples:
            written.append(inside(folder / name, sample.name))
            _write(sample, written[-1])
    return written


def _write(sample: Sample, folder: Path) -> None:
    folder.mkdir(parents=True)
    for index, reference in enumerate(sample.references):
        reference.save(folder / f"reference{index}.png")
    if isinstance(sample, InsertionSample):
        sample.background.save(folder / "background.png")
        sample.mask.save(folder / "mask.png")
    else:
        (folder / "prompt.txt").write_text(sample.prompt + "\n", encoding="utf-8")
