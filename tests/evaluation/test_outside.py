"""Folders of another system's pictures: scored as our own pictures are, and what is wrong with them is said."""

from pathlib import Path

import pytest
from PIL import Image

from components.common.data.reading import Dataset
from components.common.vision.images import decode
from components.evaluation.params import Params
from components.evaluation.stage import run

SAMPLES = 10


def scored(models, folder: Path, params: Params, outside: dict[str, str]):
    """The report, and system -> (benchmark, sample, metric) -> value."""
    outputs = {name: folder / name for name in ("scores", "samples")}
    report = run(models, outputs, params.model_copy(update={"limit": SAMPLES, "outside": outside}))
    values: dict[str, dict] = {}
    for row in Dataset(outputs["scores"]).rows():
        own = values.setdefault(row["system"], {})
        own[row["benchmark"], row["sample"], row["metric"]] = row["value"]
    return report, values


def pictures_of(folder: Path, system: str) -> dict[str, Image.Image]:
    samples = Dataset(folder / "samples")
    return {row["sample"]: decode(samples.blob(row, "image")) for row in samples.rows() if row["system"] == system}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, models, benchmark_folder, encoder_folders):
    """A run without outside systems: parameters, folder, values."""
    folder = tmp_path_factory.mktemp("plain")
    params = Params(benchmark=str(benchmark_folder), cell=24, steps=2, batch=5, generation_crop=0.7, **encoder_folders)
    return params, folder, scored(models, folder, params, {})[1]


def test_any_folder_of_results_scores_again(plain, models, tmp_path: Path) -> None:
    params, folder, values = plain
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for sample, picture in pictures_of(folder, "objectmate").items():
        picture.save(theirs / f"{sample}.png")
    report, again = scored(models, tmp_path / "run", params.model_copy(update={"batch": 3}), {"theirs": str(theirs)})
    assert len(again["theirs"]) == SAMPLES * 8 + 3 * 7
    assert again["theirs"] == pytest.approx(values["objectmate"], abs=1e-6)
    assert not [note for note in report.notes if "theirs" in note and "pictures" in note]


def test_ten_pictures_with_gaps_are_scored_and_the_gaps_are_said(plain, models, tmp_path: Path) -> None:
    """Made by hand: seven as they should be, one missing, one larger, one of another shape; one name is misspelt."""
    params, folder, values = plain
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    plates = list(pictures_of(folder, "clean-plate").items())
    assert len(plates) == SAMPLES
    missing, larger, wide = (name for name, _ in plates[:3])
    for name, plate in plates[1:]:
        size = {larger: (48, 48), wide: (24, 18)}.get(name, plate.size)
        plate.resize(size, Image.Resampling.BICUBIC).save(theirs / f"{name}.png")
    (theirs / f"{missing}.jpg").write_bytes(b"of another kind")
    report, found = scored(models, tmp_path / "run", params, {"theirs": str(theirs)})
    judged = {sample for _, sample, _ in found["theirs"]}
    assert judged == {name for name, _ in plates} - {missing, wide}
    exact = {key: value for key, value in values["clean-plate"].items() if key[1] in judged - {larger}}
    assert {key: found["theirs"][key] for key in exact} == pytest.approx(exact, abs=1e-6) and len(exact) == 7 * 8
    said = [note for note in report.notes if "theirs" in note and "above" not in note]
    assert said == [
        f"theirs, insertion: 1 of 10 pictures missing, so not scored: {missing}",
        "theirs, insertion: 1 of 10 pictures of another size, scored after scaling to 24 x 24 px: "
        f"{larger} (48 x 48 px)",
        f"theirs, insertion: 1 of 10 pictures not square, so not scored: {wide}",
        f"outside system theirs: 1 files are named after no sample, so they are not read: {missing}.jpg",
    ]


def test_a_folder_without_any_picture_and_a_broken_picture_are_said(plain, models, tmp_path: Path) -> None:
    params, folder, _ = plain
    idle, broken = tmp_path / "idle", tmp_path / "broken"
    idle.mkdir(), broken.mkdir()
    name = next(iter(pictures_of(folder, "clean-plate")))
    (broken / f"{name}.png").write_bytes(b"not a picture")
    report, found = scored(models, tmp_path / "run", params, {"idle": str(idle), "broken": str(broken)})
    assert "idle" not in found and "broken" not in found
    assert "outside system idle has no picture of any sample" in report.notes
    assert f"broken, insertion: 1 of 10 pictures unreadable, so not scored: {name}" in report.notes
