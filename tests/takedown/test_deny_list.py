"""Photographs on the deny list, and copies of them, do not come in again; others do."""

import io
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.vision.images import decode
from components.common.vision.looks import agreement, look_of, looks_of, mirrored
from components.ingest.denied import Denied, read_denied, write_denied
from components.ingest.params import Params
from components.ingest.stage import run
from pipelines.cluster.submit import run_parameters
from pipelines.engines.request import Request

CORPUS = Path("components/sandbox/world/corpus/images")
PHOTOGRAPHS = sorted(CORPUS.rglob("*.*"))


def picture(number: int) -> Image.Image:
    return decode(PHOTOGRAPHS[number].read_bytes())


def jpeg(image: Image.Image, quality: int = 70) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def cropped(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    w, h = int(image.width * share), int(image.height * share)
    x, y = rng.integers(0, image.width - w + 1), rng.integers(0, image.height - h + 1)
    return image.crop((x, y, x + w, y + h))


CHANGES = {
    "encoded again": lambda image, rng: image,
    "smaller": lambda image, rng: image.resize((image.width * 3 // 4, image.height * 3 // 4)),
    "mirrored": lambda image, rng: ImageOps.mirror(image),
    "cropped": lambda image, rng: cropped(image, 0.75, rng),
    "cropped and mirrored": lambda image, rng: ImageOps.mirror(cropped(image, 0.8, rng)),
}


def ingest(folder: Path, files: dict[str, bytes], denied: Path | str = "") -> tuple[list[str], dict[str, str]]:
    """Names that came in, and reason by name of those that did not."""
    (folder / "photographs").mkdir(parents=True)
    for name, data in files.items():
        (folder / "photographs" / name).write_bytes(data)
    outputs = {name: folder / name for name in ("images", "quarantine", "subjects", "rights")}
    run({}, outputs, Params(images=str(folder / "photographs"), denied=str(denied), min_side=32))
    refused = {row["uri"]: row["reason"] for row in Dataset(outputs["quarantine"]).rows()}
    return [row["uri"] for row in Dataset(outputs["images"]).rows(["uri"])], refused


@pytest.mark.parametrize("change", CHANGES)
def test_copies_are_told_from_other_photographs(change):
    rng = np.random.default_rng(0)
    numbers = range(0, len(PHOTOGRAPHS), len(PHOTOGRAPHS) // 12)
    looks = [look_of(picture(number)) for number in numbers]
    for at, number in enumerate(numbers):
        changed = decode(jpeg(CHANGES[change](picture(number), rng)))
        matches = [agreement(looks_of(changed), look) for look in looks]
        assert matches[at] >= 22 and not any(matches[:at] + matches[at + 1 :])


def test_the_look_of_a_mirror_image_follows_from_the_look():
    look = look_of(picture(3))
    true = look_of(ImageOps.mirror(picture(3)))
    assert agreement([mirrored(look)], true) > 100
    assert not agreement([look], true)


def test_a_denied_photograph_and_its_copies_stay_out(tmp_path):
    rng, gone = np.random.default_rng(1), PHOTOGRAPHS[10].read_bytes()
    image = decode(gone)
    image_id = sha256(gone).hexdigest()
    write_denied(tmp_path / "denied.parquet", [Denied(image_id, "t1", look_of(image))])
    files = {"same.webp": gone, "other.webp": PHOTOGRAPHS[60].read_bytes()}
    files |= {f"{name}.jpg": jpeg(change(image, rng)) for name, change in CHANGES.items()}
    kept, refused = ingest(tmp_path / "with", files, tmp_path / "denied.parquet")
    assert kept == ["other.webp"]
    assert set(refused.values()) == {"taken-down"} and len(refused) == 6
    kept, refused = ingest(tmp_path / "without", files)
    assert len(kept) == 7 and not refused


def test_a_photograph_of_which_only_the_sha256_is_known_stays_out_by_its_bytes(tmp_path):
    gone = PHOTOGRAPHS[10].read_bytes()
    image_id = sha256(gone).hexdigest()
    write_denied(tmp_path / "denied.parquet", [Denied(image_id, "t1", None)])
    files = {"same.webp": gone, "again.jpg": jpeg(decode(gone))}
    assert ingest(tmp_path / "run", files, tmp_path / "denied.parquet")[0] == ["again.jpg"]


def test_a_change_of_the_deny_list_makes_the_datasets_again(tmp_path):
    files = {f"{k}.webp": PHOTOGRAPHS[k].read_bytes() for k in (1, 2)}
    ingest(tmp_path / "run", files)
    before = Dataset(tmp_path / "run/images").manifest
    image_id = sha256(files["1.webp"]).hexdigest()
    write_denied(tmp_path / "denied.parquet", [Denied(image_id, "t1", None)])
    outputs = {name: tmp_path / "run" / name for name in ("images", "quarantine", "subjects", "rights")}
    photographs = str(tmp_path / "run/photographs")
    run({}, outputs, Params(images=photographs, denied=str(tmp_path / "denied.parquet"), min_side=32))
    after = Dataset(tmp_path / "run/images").manifest
    assert (before.rows, after.rows) == (2, 1) and before.fingerprint != after.fingerprint


def test_a_damaged_list_is_refused(tmp_path):
    (tmp_path / "denied.parquet").write_bytes(b"PAR1 not a table")
    with pytest.raises(UserError, match="deny list"):
        read_denied(str(tmp_path / "denied.parquet"))


def test_the_list_is_read_as_it_was_written(tmp_path):
    look = look_of(picture(0))
    write_denied(tmp_path / "denied.parquet", [Denied("b" * 64, "t2", None), Denied("a" * 64, "t1", look)])
    first, second = read_denied(str(tmp_path / "denied.parquet")).entries
    assert (first.image_id, second) == ("a" * 64, Denied("b" * 64, "t2", None))
    assert first.look and all(np.array_equal(a, b) for a, b in zip(first.look, look, strict=True))


def test_a_deny_list_has_to_be_where_a_pod_can_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run_parameters(Request("dataset"), [])["ingest"])["denied"] == ""
    monkeypatch.chdir(tmp_path)
    write_denied(tmp_path / "denied.parquet", [Denied("a" * 64, "t1", None)])
    with pytest.raises(UserError, match=r"--set ingest.denied denied.parquet is on this machine"):
        run_parameters(Request("dataset"), [])
    named = run_parameters(Request("dataset", overrides=["ingest.denied=s3://b/denied.parquet"]), [])
    assert json.loads(named["ingest"])["denied"] == "s3://b/denied.parquet"
