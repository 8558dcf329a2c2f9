"""Datasets on disk: identity is content, a killed stage resumes where it was, nothing half-made is read as whole."""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.common.data import writing
from components.common.data.digests import SOURCES, digest_file, digest_sources
from components.common.data.reading import FINISHED, MANIFEST, UNFINISHED, Dataset, is_complete
from components.common.data.writing import Writer, clear
from components.common.errors import UserError
from components.common.stage.params import StageParams

ROOT = Path(__file__).parents[2]


class Params(StageParams):
    """Parameters of a stage that copies small blobs."""

    rows: int = 3
    workers: int = 1


class Killed(Exception):
    """Simulates the end of a process between two parts."""


def rows_of(part: int, params: Params) -> tuple[list[dict[str, Any]], list[dict[str, bytes]]]:
    rows = [{"system": f"s{part}", "benchmark": "b", "subject": "é", "sample": str(n)} for n in range(params.rows)]
    return rows, [{"image.png": bytes([part, n]) * (300 * part + n)} for n in range(params.rows)]


def make(
    folder: Path, parts: int = 3, die_after: int | None = None, params: Params | None = None, **more: Any
) -> list[int]:
    """Writes a dataset of `samples` and returns the parts that were made."""
    params, worked = params or Params(), []
    with Writer(folder, "samples", "copy", more.get("inputs", {}), params, more.get("models")) as out:
        for part in range(parts):
            if out.done(part):
                continue
            if part == die_after:
                raise Killed
            out.write(part, *rows_of(part, params))
            worked.append(part)
        out.facts["parts"] = parts
    return worked


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_rows_and_blobs_come_back(tmp_path: Path) -> None:
    make(tmp_path / "d")
    dataset = Dataset(tmp_path / "d")
    rows = dataset.rows()
    assert len(dataset) == len(rows) == 9 and is_complete(tmp_path / "d")
    expected = [blob["image.png"] for part in range(3) for blob in rows_of(part, Params())[1]]
    assert [dataset.blob(row, "image") for row in rows] == expected
    assert dataset.facts == {"parts": 3}
    assert dataset.rows(["sample"])[4] == {"sample": "1"}


def test_tar_parts_are_plain_tars_with_true_offsets(tmp_path: Path) -> None:
    make(tmp_path / "d")
    dataset = Dataset(tmp_path / "d")
    rows = iter(dataset.rows())
    for path in dataset.files(".tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                row, file = next(rows), tar.extractfile(member)
                assert file is not None
                assert (row["image_offset"], row["image_length"]) == (member.offset_data, member.size)
                assert file.read() == dataset.blob(row, "image")
                assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
    assert next(rows, None) is None


def test_manifest_names_every_file_with_its_digest(tmp_path: Path) -> None:
    make(tmp_path / "d")
    manifest = json.loads((tmp_path / "d" / MANIFEST).read_text())
    named = {entry["name"]: entry["sha256"] for part in manifest["parts"] for entry in part["files"]}
    actual = {
        path.name: digest_file(path) for path in (tmp_path / "d").iterdir() if path.name not in (MANIFEST, FINISHED)
    }
    assert named == actual
    assert {column["name"]: column["unit"] for column in manifest["schema"]}["image_offset"] == "byte"


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b", params=Params(workers=7))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("die_after", [0, 1, 2])
def test_a_killed_run_resumes_and_ends_with_the_same_bytes(tmp_path: Path, die_after: int) -> None:
    make(tmp_path / "whole")
    with pytest.raises(Killed):
        make(tmp_path / "killed", die_after=die_after)
    with pytest.raises(UserError, match="holds no finished dataset"):
        Dataset(tmp_path / "killed")
    assert not is_complete(tmp_path / "killed")
    assert make(tmp_path / "killed") == list(range(die_after, 3))
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_part_that_was_lost_or_cut_is_made_again(tmp_path: Path) -> None:
    make(tmp_path / "whole")
    with pytest.raises(Killed):
        make(tmp_path / "d", die_after=2)
    (tmp_path / "d" / "part-00000.tar").unlink()
    (tmp_path / "d" / "part-00001.parquet").write_bytes(b"PAR1")
    (tmp_path / "d" / ".part-00002.tar.tmp").write_bytes(b"left over")
    assert make(tmp_path / "d") == [0, 1, 2]
    assert contents(tmp_path / "d") == contents(tmp_path / "whole")


def test_a_folder_half_made_from_something_else_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "input")
    with pytest.raises(Killed):
        make(tmp_path / "d", die_after=1)
    before = contents(tmp_path / "d")
    for other in (
        {"params": Params(rows=4)},
        {"models": {"encoder": "abc"}},
        {"inputs": {"images": tmp_path / "input"}},
    ):
        with pytest.raises(UserError, match=r"or models.* or by other code: delete it \(rm -r"):
            make(tmp_path / "d", **other)
    assert contents(tmp_path / "d") == before


def test_other_code_does_not_resume_half_made_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "whole")
    with pytest.raises(Killed):
        make(tmp_path / "d", die_after=1)
    with monkeypatch.context() as patch:
        patch.setattr(writing, "digest_sources", lambda folder: f"changed {folder}")
        assert not Writer(tmp_path / "whole", "samples", "copy", {}, Params()).finished
        with pytest.raises(UserError, match="or by other code: delete it"):
            make(tmp_path / "d")
        make(tmp_path / "other")
    assert Writer(tmp_path / "whole", "samples", "copy", {}, Params()).finished
    manifests = [(tmp_path / name / MANIFEST).read_bytes() for name in ("whole", "other")]
    assert manifests[0] == manifests[1], "the code is not part of a dataset's identity"


@pytest.mark.parametrize("name", ["b.py", "kernel.cpp"])
def test_code_is_every_source_file_below_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").mkdir()
    digests = []
    for text in ("x = 1", "x = 1", "x = 2"):
        (tmp_path / "a" / name).write_text(text)
        digest_sources.cache_clear()
        digests.append(digest_sources(tmp_path))
    assert digests[0] == digests[1] != digests[2]


def test_every_source_file_of_a_room_counts_as_its_code() -> None:
    """A source file of a new kind, such as .cu, must be added to `SOURCES`."""
    rooms = subprocess.run(["git", "ls-files", "components"], cwd=ROOT, capture_output=True, text=True, check=True)
    data = ("components/sandbox/world/", "components/sandbox/models/", "components/photos/models/")
    suffixes = {Path(name).suffix for name in rooms.stdout.split() if not name.startswith(data)}
    assert suffixes == set(SOURCES)


def test_a_finished_dataset_is_replaced_entirely(tmp_path: Path) -> None:
    make(tmp_path / "d", parts=3)
    assert make(tmp_path / "d", parts=1) == [0]
    assert sorted(contents(tmp_path / "d")) == [FINISHED, MANIFEST, "part-00000.parquet", "part-00000.tar"]


def test_a_folder_of_other_files_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_bytes(b"years of work")
    with pytest.raises(UserError, match="not a dataset of this project: name another folder or empty it"):
        make(tmp_path)
    with pytest.raises(UserError):
        clear(tmp_path)
    assert contents(tmp_path) == {"thesis.doc": b"years of work"}


def test_the_digest_depends_on_content_alone(tmp_path: Path) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b", models={"encoder": "other"})
    make(tmp_path / "c", params=Params(rows=4))
    a, b, c = (Dataset(tmp_path / name) for name in "abc")
    assert a.digest == b.digest != c.digest
    assert a.manifest.fingerprint != b.manifest.fingerprint


def test_inputs_are_named_by_their_digest(tmp_path: Path) -> None:
    make(tmp_path / "input")
    shutil.copytree(tmp_path / "input", tmp_path / "elsewhere")
    make(tmp_path / "a", inputs={"images": tmp_path / "input"})
    make(tmp_path / "b", inputs={"images": tmp_path / "elsewhere"})
    assert Dataset(tmp_path / "a").manifest.inputs == {"images": Dataset(tmp_path / "input").digest}
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_tar_that_shrinks_while_it_is_read_yields_no_short_blob(tmp_path: Path) -> None:
    make(tmp_path / "d")
    dataset = Dataset(tmp_path / "d")
    row = dataset.rows()[-1]
    assert len(dataset.blob(row, "image")) == row["image_length"] > 0
    tar = tmp_path / "d" / row["shard"]
    tar.write_bytes(tar.read_bytes()[: row["image_offset"] + 1])
    with pytest.raises(UserError, match=r"bytes at \d+ of part-00002\.tar.*delete"):
        dataset.blob(row, "image")


def test_cut_missing_and_damaged_files_are_not_read(tmp_path: Path) -> None:
    make(tmp_path / "d")
    dataset = Dataset(tmp_path / "d")
    rows = dataset.rows()
    tar = tmp_path / "d" / "part-00001.tar"
    tar.write_bytes(tar.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"part-00001\.tar is missing or cut short: delete"):
        Dataset(tmp_path / "d").files(".tar")
    with pytest.raises(UserError, match="missing or cut short"):
        dataset.blob(rows[0], "image")
    (tmp_path / "d" / "part-00000.parquet").unlink()
    with pytest.raises(UserError, match="missing or cut short"):
        Dataset(tmp_path / "d").table()
    for text in ('{"kind": "samples"', '{"kind": "samples"}'):
        (tmp_path / "d" / MANIFEST).write_text(text)
        with pytest.raises(UserError, match="is damaged: delete the folder"):
            Dataset(tmp_path / "d")


def test_manifest_and_rows_cannot_point_outside_the_folder(tmp_path: Path) -> None:
    make(tmp_path / "d", parts=1)
    secret = tmp_path / "secret.parquet"
    shutil.copy(tmp_path / "d" / "part-00000.parquet", secret)
    path = tmp_path / "d" / MANIFEST
    manifest = json.loads(path.read_text())
    entry = manifest["parts"][0]["files"][-1]
    for name in ("../secret.parquet", str(secret), "a/../../secret.parquet"):
        entry["name"] = name
        path.write_text(json.dumps(manifest))
        with pytest.raises(UserError, match="does not stay below"):
            Dataset(tmp_path / "d").files(".parquet")
    entry["name"] = "part-00000.parquet"
    path.write_text(json.dumps(manifest))
    (tmp_path / "secret.tar").write_bytes(b"x" * 2000)
    with pytest.raises(UserError, match="where its rows place a blob"):
        Dataset(tmp_path / "d").blob({"shard": "../secret.tar", "image_offset": 0, "image_length": 5}, "image")


def test_asking_for_a_vector_where_there_is_none_is_one_sentence(tmp_path: Path) -> None:
    make(tmp_path / "a")
    with pytest.raises(UserError, match="lacks the vectors of its rows: delete it and run its stage again"):
        Dataset(tmp_path / "a").vector(0)


def test_vectors_and_arrays_of_all_parts_in_order(tmp_path: Path) -> None:
    with Writer(tmp_path / "e", "embeddings", "embed", {}, Params()) as out:
        for part in range(2):
            rows = [{"object_id": f"{part}{n}", "row": part * 3 + n} for n in range(3)]
            out.write(part, rows, vectors=np.full((3, 4), part, np.float16))
    vectors = Dataset(tmp_path / "e").vectors()
    assert vectors.dtype == np.float16 and vectors[:, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert [Dataset(tmp_path / "e").vector(row).tolist() for row in (2, 3, 5)] == [[0] * 4, [1] * 4, [1] * 4]
    with Writer(tmp_path / "l", "latents", "encode", {}, Params()) as out:
        for part in range(2):
            row = {"tuple_id": str(part), "row": part, "split": "train", "group": part}
            out.write(part, [row], arrays={"z": np.full((1, 2), part)})
    assert Dataset(tmp_path / "l").arrays()["z"].tolist() == [[0, 0], [1, 1]]


def test_a_dataset_without_rows_is_a_dataset(tmp_path: Path) -> None:
    with Writer(tmp_path / "none", "samples", "copy", {}, Params()):
        pass
    with Writer(tmp_path / "empty", "samples", "copy", {}, Params()) as out:
        out.write(0, [], [])
    for name in ("none", "empty"):
        dataset = Dataset(tmp_path / name)
        assert len(dataset) == 0 and dataset.rows() == [] and dataset.rows(["sample"]) == []
    assert not (tmp_path / "empty" / UNFINISHED).exists()


def test_rows_that_break_the_schema_are_refused(tmp_path: Path) -> None:
    with pytest.raises(pa.ArrowException), Writer(tmp_path / "d", "samples", "copy", {}, Params()) as out:
        out.write(0, [{"system": "s", "benchmark": "b", "subject": "x", "sample": 3}], [{"image.png": b""}])
    assert not is_complete(tmp_path / "d")


def test_the_calibration_is_recorded_in_everything_made_under_it(tmp_path: Path) -> None:
    with Writer(tmp_path / "a", "samples", "copy", {}, Params()) as out:
        out.facts = {"calibration_id": "c1", "low": 0.9}
    make(tmp_path / "b", inputs={"samples": tmp_path / "a"})
    make(tmp_path / "c", inputs={"samples": tmp_path / "b"})
    assert Dataset(tmp_path / "c").facts == {"calibration_id": "c1", "parts": 3}
