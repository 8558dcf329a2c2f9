"""The inputs that outside systems receive."""

from pathlib import Path

import pytest
from PIL import Image

from components.common.errors import UserError
from components.evaluation.benchmark import insertion_samples, load
from components.evaluation.export import export
from components.evaluation.params import Params


def test_inputs_of_every_sample_are_written_but_no_truth(
    benchmark_folder: Path, tmp_path: Path, params: Params
) -> None:
    folders = export(params.model_copy(update={"limit": 5}), tmp_path)
    assert len(folders) == 5 + 3
    sample = insertion_samples(load(benchmark_folder), params)[0]
    written = tmp_path / "insertion" / sample.name
    names = ["background.png", "mask.png", "reference0.png", "reference1.png", "reference2.png"]
    assert sorted(path.name for path in written.iterdir()) == names
    assert Image.open(written / "background.png").tobytes() == sample.background.tobytes()
    assert all((folder / "prompt.txt").read_text().startswith("a ") for folder in folders[5:])


def test_a_folder_in_use_is_refused(tmp_path: Path, params: Params) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(UserError, match="is not empty"):
        export(params, tmp_path)
