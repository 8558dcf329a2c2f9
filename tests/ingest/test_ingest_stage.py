"""The ingest stage: everything usable is kept untouched, everything else is named with a reason."""

import os
import struct
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import boto3
import pytest
from ingest_data import Ingested, contents, jpeg, store
from moto import mock_aws
from PIL import Image

from components.common.data.schemas import REASONS
from components.common.data.storage import LocalStore
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.vision.images import decode, thumbnail
from components.ingest import listing as listing_module

Ingest = Callable[..., Ingested]


def bomb() -> bytes:
    """A small PNG that claims to be 50,000 x 50,000 px."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b""))
    body = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def test_photographs_are_kept_byte_for_byte_in_sorted_order(tmp_path: Path, ingest: Ingest) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {"b.jpg": jpeg(1), "a/é.jpg": jpeg(2, exif=exif), "a/z.JPEG": jpeg(3), "hash0123": jpeg(4)}
    _, made = ingest(store(tmp_path / "in", files))
    rows = made["images"].rows()
    assert [row["uri"] for row in rows] == ["a/z.JPEG", "a/é.jpg", "b.jpg", "hash0123"]
    for row in rows:
        data = made["images"].blob(row, "image")
        assert data == files[row["uri"]]
        assert row["image_id"] == sha256(data).hexdigest() and row["bytes"] == len(data) and row["format"] == "JPEG"
    assert [(row["width"], row["height"]) for row in rows] == [(40, 30), (30, 40), (40, 30), (40, 30)]
    thumbnails = [thumbnail(decode(made["images"].blob(row, "image"))) for row in rows]
    assert [made["images"].vector(at).tolist() for at in range(4)] == [picture.tolist() for picture in thumbnails]
    assert len(made["quarantine"]) == len(made["subjects"]) == 0


def test_each_bad_file_has_its_reason_and_stops_nothing(tmp_path: Path, ingest: Ingest) -> None:
    good = jpeg(0)
    bad = {
        "bomb.png": (bomb(), "too-large"),
        "cut.jpg": (good[: len(good) // 2], "truncated"),
        "heavy.jpg": (good + b"\0" * 20_000, "too-large"),
        "none.jpg": (b"", "empty"),
        "second.jpg": (good, "duplicate"),
        "small.jpg": (jpeg(5, 15, 40), "too-small"),
        "text.jpg": (b"these are words", "not-an-image"),
        "video.mov": (b"\0\0\0\x14ftypqt  " + bytes(40), "unsupported"),
    }
    folder = store(tmp_path / "in", {"good.jpg": good} | {name: data for name, (data, _) in bad.items()})
    (folder / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")
    report, made = ingest(folder, max_bytes=20_000)
    rows = made["quarantine"].rows()
    assert {row["uri"]: row["reason"] for row in rows} == {name: reason for name, (_, reason) in bad.items()} | {
        "gone.jpg": "unreadable",
        "pipe.jpg": "unreadable",
    }
    assert all(
        row["reason"] in REASONS and row["stage"] == "ingest" and str(tmp_path) not in row["detail"] for row in rows
    )
    assert [row["uri"] for row in made["images"].rows()] == ["good.jpg"]
    assert next(row["detail"] for row in rows if row["reason"] == "duplicate") == "good.jpg"
    assert report.metrics["quarantined"] == 10 and report.metrics["quarantined_too_large"] == 2
    assert report.metrics["quarantined_share"] == pytest.approx(10 / 11)


def test_linked_folders_are_read_once(tmp_path: Path, ingest: Ingest) -> None:
    disk = store(tmp_path / "disk", {"0.jpg": jpeg(0), "deep/1.jpg": jpeg(1)})
    folder = store(tmp_path / "in", {"own/2.jpg": jpeg(2)})
    for name, target in {"all": disk, "a": folder / "own", "loop": folder, "up": tmp_path}.items():
        (folder / name).symlink_to(target)
    (disk / "back").symlink_to(folder)
    _, made = ingest(folder)
    assert [row["uri"] for row in made["images"].rows()] == ["all/0.jpg", "all/deep/1.jpg", "own/2.jpg"]
    (tmp_path / "only").mkdir()
    (tmp_path / "only/all").symlink_to(disk / "deep")
    _, made = ingest(tmp_path / "only", "linked")
    assert [row["uri"] for row in made["images"].rows()] == ["all/1.jpg"] and len(made["quarantine"]) == 0


@pytest.mark.parametrize("first", ["a", "z"])
def test_a_folder_that_two_links_lead_to_has_the_name_of_the_first(tmp_path: Path, first: str) -> None:
    disk = store(tmp_path / "disk", {"0.jpg": b"0"})
    for folder in (first, "m"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "link").symlink_to(disk)
    (tmp_path / "in" / "self").symlink_to("self")
    assert LocalStore(tmp_path / "in").list() == [f"{min(first, 'm')}/link/0.jpg", "self"]


def test_no_photograph_is_one_sentence(tmp_path: Path, ingest: Ingest) -> None:
    with pytest.raises(UserError, match=r"there is no folder .*absent: correct the path"):
        ingest(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no photographs: put JPEG"):
        ingest(tmp_path / "empty")
    with pytest.raises(UserError, match=r"holds no photographs, only other files \(notes.txt\)"):
        ingest(store(tmp_path / "words", {"notes.txt": b"x"}))
    assert not (tmp_path / "out").exists()


def test_a_folder_of_bad_files_is_an_outcome_not_an_error(tmp_path: Path, ingest: Ingest) -> None:
    report, made = ingest(store(tmp_path / "in", {"a.jpg": b"", "b.jpg": b"?"}))
    assert (len(made["images"]), len(made["quarantine"])) == (0, 2)
    assert "No photograph was accepted" in report.notes[0]


def test_workers_and_place_do_not_change_a_byte(tmp_path: Path, ingest: Ingest) -> None:
    files = {f"{n:02d}.jpg": jpeg(n % 7) for n in range(12)} | {"x.jpg": b"bad"}
    ingest(store(tmp_path / "here", files), "a", workers=1, part_rows=5)
    ingest(store(tmp_path / "there", files), "b", workers=5, part_rows=5)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert str(tmp_path).encode() not in b"".join(contents(tmp_path / "a").values())


@pytest.mark.parametrize("kill_at", range(8))
def test_killed_anywhere_and_run_again_gives_the_same_bytes(
    tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> None:
    """The photograph at 1 is repeated at 7, after a part boundary: the second run must know what the first kept."""
    files = {f"{n}.jpg": jpeg(n) for n in range(7)} | {"7.jpg": jpeg(1), "8.jpg": b"bad"}
    folder = store(tmp_path / "in", files)
    labels = (
        store(tmp_path, {"l.csv": b"path,subject,duplicate_of\n7.jpg,mug,\n0.jpg,mug,7.jpg\ngone.jpg,x,\n"}) / "l.csv"
    )
    options = {"labels": str(labels), "part_rows": 4}
    ingest(folder, "whole", **options)
    real, calls = Writer.write, iter(range(100))

    def dying(self: Writer, *args: object, **more: object) -> None:
        if next(calls) == kill_at:
            raise KeyboardInterrupt
        real(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        ingest(folder, "killed", **options)
    monkeypatch.setattr(Writer, "write", real)
    report, made = ingest(folder, "killed", **options)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert len(made["subjects"]) == 2 and report.metrics["quarantined_duplicate"] == 1


def test_resuming_with_other_photographs_is_refused(
    tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real = store(tmp_path / "in", {f"{n}.jpg": jpeg(n) for n in range(4)}), Writer.write

    def dying(self: Writer, index: int, *args: object, **more: object) -> None:
        if index == 1:
            raise KeyboardInterrupt
        real(self, index, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        ingest(folder, part_rows=2)
    monkeypatch.setattr(Writer, "write", real)
    old = (folder / "0.jpg").read_bytes()
    store(folder, {"0.jpg": bytes([*old[:-3], 0, *old[-2:]])})  # same name, same size
    with pytest.raises(UserError, match="half-made from other inputs"):
        ingest(folder, part_rows=2)
    store(folder, {"0.jpg": old})
    assert len(ingest(folder, part_rows=2)[1]["images"]) == 4


def test_parts_hold_a_bounded_number_of_bytes(tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store(tmp_path / "in", {f"{n}.jpg": jpeg(n) for n in range(6)})
    monkeypatch.setattr(listing_module, "PART_BYTES", 2 * max(path.stat().st_size for path in folder.iterdir()))
    _, made = ingest(folder)
    assert [part["rows"] for part in made["images"].manifest.parts] == [2, 2, 2]


def test_s3_gives_the_same_datasets_as_a_folder(
    tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    files = {"a/1.jpg": jpeg(1), "a/2.jpg": b"bad", "b.jpg": jpeg(1)}
    labels = b"path,subject\na/1.jpg,mug\nb.jpg,mug\n"
    _, local = ingest(store(tmp_path / "in", files), "a", labels=str(store(tmp_path, {"l.csv": labels}) / "l.csv"))
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="photos")
        for name, data in files.items():
            client.put_object(Bucket="photos", Key=f"set/{name}", Body=data)
        client.put_object(Bucket="photos", Key="labels.csv", Body=labels)
        _, remote = ingest("s3://photos/set", "b", labels="s3://photos/labels.csv")
        with pytest.raises(UserError, match="holds no photographs"):
            ingest("s3://photos/other", "c")
    assert {role: data.digest for role, data in local.items()} == {role: data.digest for role, data in remote.items()}


def test_names_that_are_not_utf8_are_escaped(tmp_path: Path, ingest: Ingest) -> None:
    folder = store(tmp_path / "in", {"a.jpg": jpeg(1)})
    (folder / os.fsdecode(b"\xff.jpg")).write_bytes(jpeg(2))
    _, made = ingest(folder)
    assert [row["uri"] for row in made["images"].rows()] == ["a.jpg", "\\xff.jpg"]


def test_the_committed_world_comes_in_whole(ingest: Ingest) -> None:
    report, made = ingest("sandbox:benchmark", labels="sandbox:benchmark/labels.csv", min_side=64)
    assert len(made["images"]) == 96 and len(made["quarantine"]) == 0
    assert made["images"].rows(["uri"])[0] == {"uri": "images/00000.jpg"}
    assert report.metrics["recurring_subjects"] == 24 and all(row["w"] > 0 for row in made["subjects"].rows(["w"]))
    assert set(report.figures) == {"photographs"} and {"sides", "views"} <= set(report.plots)


@pytest.mark.photos
def test_real_photographs_with_their_manifests(photos: Path, ingest: Ingest) -> None:
    grocery, made = ingest(photos / "grocery", "g", labels=str(photos / "grocery" / "manifest.csv"))
    subjects = [row["subject"] for row in made["subjects"].rows()]
    assert len(made["images"]) == 380 and {row["reason"] for row in made["quarantine"].rows()} == {"passed-over"}
    assert len(subjects) == 380 and subjects.count("") == 60 and grocery.metrics["recurring_subjects"] == 16
    assert all(row["licence"].startswith("MIT") for row in made["images"].rows(["licence"]))
    _, made = ingest(photos / "dreambooth", "d", labels=str(photos / "dreambooth" / "manifest.csv"))
    first = made["images"].rows()[0]
    assert len(made["images"]) == 80 and first["source_url"].startswith("https://unsplash.com/")
    assert first["attribution"] == "https://unsplash.com/@laurachouette"
