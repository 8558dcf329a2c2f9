"""Pictures of a photograph that was taken down are seen as files and inside pages; those of others are not."""

import io
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import ImageOps

from components.common.data.reading import Dataset
from components.common.vision.geometry import Box, crop, expanded
from components.common.vision.images import decode, webp_address
from components.common.vision.looks import look_of
from components.ingest.denied import Denied, write_denied
from components.ingest.params import Params
from components.ingest.stage import run
from pipelines.takedown import verify as verifying
from pipelines.takedown.plan import Plan
from pipelines.takedown.seen import likenesses, without_kept
from pipelines.takedown.verify import A_PICTURE, verify

IMAGES = Path(__file__).parents[2] / "components/sandbox/world/corpus/images"
GONE, ALIKE, OTHER = "00290.jpg", "00255.jpg", "00000.jpg"
"""ALIKE nearly repeats GONE, but not so nearly that it is refused as its copy: it stays. PRODUCT: the box in it."""
PRODUCT = Box(42, 36, 35, 52)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run without the photograph GONE, which is on the deny list as taken down by `t1`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photographs").mkdir()
    for name in (ALIKE, OTHER):
        (tmp_path / "photographs" / name).write_bytes((IMAGES / name).read_bytes())
    outputs = {name: tmp_path / "data" / name for name in ("images", "quarantine", "subjects", "rights")}
    run({}, outputs, Params(images=str(tmp_path / "photographs"), min_side=32))
    write_denied(tmp_path / "denied.parquet", [Denied("a" * 64, "t1", look_of(decode((IMAGES / GONE).read_bytes())))])
    monkeypatch.setattr(verifying, "_stores", lambda *_: ([], 0))  # there is no DVC here
    return tmp_path


def again(name: str) -> bytes:
    """The photograph cropped, mirrored and encoded anew."""
    image = decode((IMAGES / name).read_bytes())
    buffer = io.BytesIO()
    ImageOps.mirror(image.crop((6, 4, image.width - 8, image.height - 6))).save(buffer, "PNG")
    return buffer.getvalue()


def page_of(name: str, side: int = 128) -> bytes:
    return f"<p><img src='{webp_address(decode(again(name)), side, quality=80)}'></p>".encode()


def plan() -> Plan:
    return Plan("t1", ".", [], [], [], [], {}, [], [])


def found() -> set[tuple[str, str]]:
    return {(Path(trace.place).name, trace.what) for trace in verify(plan())[0]}


def test_verify_names_loose_pictures_and_pages_and_no_others(home: Path) -> None:
    assert found() == set()
    places = {"left.png": again(GONE), "without-a-suffix": again(GONE), "index.html": page_of(GONE)}
    others = {"other.png": again(OTHER), "alike.png": again(ALIKE), "other.html": page_of(OTHER), "text": b"data:image"}
    for name, content in {**places, **others}.items():
        (home / "data" / name).write_bytes(content)
    assert found() == {(name, A_PICTURE) for name in places}


def test_a_crop_of_a_photograph_that_stays_is_none_of_one_that_is_gone(home: Path) -> None:
    gone, kept = [look_of(decode((IMAGES / GONE).read_bytes()))], [Dataset(home / "data/images")]
    photograph = decode((IMAGES / ALIKE).read_bytes())
    seen = 0
    for scale in (1.0, 1.2, 1.5):
        for side in (112, 128, 160):
            tile = webp_address(crop(photograph, expanded(PRODUCT, scale)), side, quality=80).encode()
            found = {"page": likenesses(tile, gone)}
            seen += len(found["page"])
            assert not without_kept(found, kept)
    assert seen  # the product alone would have been taken for the photograph


def test_what_is_no_picture_is_passed_over(home: Path) -> None:
    gone = [look_of(decode((IMAGES / GONE).read_bytes()))]
    broken = [b"", b"\x89PNG\r\n\x1a\n", again(GONE)[:200], b"data:image/png;base64,A", b"data:image/png;base64,AAAA=="]
    assert not any(likenesses(content, gone) for content in broken)
    assert not likenesses(again(GONE), [])


@pytest.mark.parametrize(
    "written",
    [
        lambda text: f"data:image/png;base64,{text}",
        lambda text: f"DATA:image/x-ms-bmp;charset=utf-8;base64,\n{text}",
        lambda text: "data:image/png;base64," + "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
        lambda text: f"data:image/png;base64,{text}".replace("/", "\\/"),
    ],
)
def test_a_picture_inside_is_seen_however_its_address_is_written(written: Callable[[str], str]) -> None:
    gone = [look_of(decode((IMAGES / GONE).read_bytes()))]
    assert likenesses(f"<a>{written(b64encode(again(GONE)).decode())}'</a>".encode(), gone)
