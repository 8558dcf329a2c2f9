"""Shares of a dataset's parts: which worker makes which, and what gathering them yields."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.common.data.reading import UNFINISHED, Dataset, is_complete
from components.common.data.shares import gather, seal
from components.common.data.writing import Writer
from components.common.errors import ShareDone, StageFailed, UserError
from components.common.stage.kubeflow import FAILURE, run_component, run_share
from components.common.stage.params import Share, StageParams

PARTS = 5


def make(folder: Path, only: Share | None = None, first: int = 0, made: list[int] | None = None) -> None:
    with Writer(folder, "embeddings", "test", {}, Params(first=first, only=only)) as out:
        for index in range(PARTS):
            if not out.done(index):
                out.write(index, [{"object_id": f"o{first + index}", "row": index}])
                if made is not None:
                    made.append(index)


class Params(StageParams):
    first: int = 0


@given(of=st.integers(1, 50), part=st.integers(0, 1000))
def test_every_part_is_in_one_share(of, part):
    assert sum(Share.read(f"{number}/{of}").has(part) for number in range(1, of + 1)) == 1


def test_a_share_is_not_a_dataset(tmp_path):
    with pytest.raises(ShareDone):
        make(tmp_path / "share", Share(0, 1))
    assert (tmp_path / "share" / UNFINISHED).is_file() and not is_complete(tmp_path / "share")


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_gathered_shares_are_the_dataset_of_one_worker(tmp_path, workers):
    make(tmp_path / "whole")
    shares = [tmp_path / f"share{index}" for index in range(workers)]
    for index, share in enumerate(shares):
        with pytest.raises(ShareDone):
            make(share / "out", Share(index, workers))
        seal({"out": share / "out"})
    made: list[int] = []
    gather(shares[1:], {"out": tmp_path / "gathered"})  # the first worker was lost
    make(tmp_path / "gathered", made=made)
    assert made == list(range(0, PARTS, workers))
    for name in sorted(path.name for path in (tmp_path / "whole").iterdir()):
        assert (tmp_path / "gathered" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_shares_from_different_parameters_are_refused(tmp_path):
    for index in range(2):
        with pytest.raises(ShareDone):
            make(tmp_path / f"share{index}" / "out", Share(index, 2), first=index)
        seal({"out": tmp_path / f"share{index}" / "out"})
    with pytest.raises(UserError, match="shares of out come from different inputs, parameters"):
        gather([tmp_path / "share0", tmp_path / "share1"], {"out": tmp_path / "out"})


def test_one_share_may_be_all_of_a_dataset(tmp_path):
    make(tmp_path / "whole")
    with pytest.raises(ShareDone):
        make(tmp_path / "share" / "out", Share(0, 1))
    seal({"out": tmp_path / "share" / "out"})
    gather([tmp_path / "share"], {"out": tmp_path / "out"})
    made: list[int] = []
    make(tmp_path / "out", made=made)
    assert made == [] and Dataset(tmp_path / "out").digest == Dataset(tmp_path / "whole").digest


def sealed_share(folder: Path) -> Path:
    with pytest.raises(ShareDone):
        make(folder / "out", Share(0, 1))
    seal({"out": folder / "out"})
    return folder


@pytest.mark.parametrize("name", ["part-00002.parquet", "part-00002.part.json"])
def test_a_share_with_one_flipped_bit_is_refused_and_its_part_is_made_again(tmp_path, name):
    share = sealed_share(tmp_path / "share")
    data = bytearray((share / "out" / name).read_bytes())
    data[len(data) // 2] ^= 1
    (share / "out" / name).write_bytes(data)
    with pytest.raises(StageFailed, match=rf"out/{name}: expected [0-9a-f]{{12}}, found [0-9a-f]{{12}}: the share was"):
        gather([share], {"out": tmp_path / "out"})
    make(tmp_path / "out")
    make(tmp_path / "whole")
    assert Dataset(tmp_path / "out").digest == Dataset(tmp_path / "whole").digest


def test_a_share_that_lost_a_file_or_was_never_sealed_is_refused(tmp_path):
    share = sealed_share(tmp_path / "share")
    (share / "out" / "part-00001.parquet").unlink()
    with pytest.raises(StageFailed, match=r"part-00001.parquet: expected [0-9a-f]{12}, found missing"):
        gather([share], {"out": tmp_path / "out"})
    (share / "out" / "_share.json").unlink()
    with pytest.raises(StageFailed, match="its worker was stopped"):
        gather([share], {"out": tmp_path / "out"})


def test_a_pod_hashes_the_datasets_that_it_was_given(tmp_path):
    make(tmp_path / "objects")
    path = tmp_path / "objects" / "part-00001.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    given, made = {"objects": SimpleNamespace(path=path.parent)}, SimpleNamespace(path=tmp_path / "made", metadata={})
    for act in (
        lambda: run_component("components.embedding", "embedding", "{}", given, {"embeddings": made}, made, made),
        lambda: run_share("components.embedding", "embedding", "{}", "1/2", given, made),
    ):
        with pytest.raises(StageFailed, match=r"objects/part-00001.parquet: expected [0-9a-f]{12}, found [0-9a-f]{12}"):
            act()
    assert [path.name for path in (tmp_path / "made").rglob("*")] == [FAILURE]
