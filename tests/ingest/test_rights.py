"""Rights: every signal is kept raw, and any that forbids training keeps the photograph out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ingest_data import Ingested, contents, jpeg, store
from PIL import Image
from rights_data import DMI, SOURCE, downloaded, packet, with_iptc, with_xmp

from components.common.data.writing import Writer
from components.common.vision.xmp import XMP_BYTES
from components.gates.intake import intake
from components.gates.params import Intake
from components.ingest.rights.embedded import embedded, xmp
from components.ingest.rights.signals import says
from components.ingest.rights.sites import Site

Ingest = Callable[..., Ingested]


def signals(made: dict[str, Any], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in columns) for row in made["rights"].rows()]


def kept(made: dict[str, Any]) -> dict[str, str]:
    return {row["uri"]: row["train_ai"] for row in made["images"].rows()}


def refused(made: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {row["uri"]: (row["reason"], row["detail"]) for row in made["quarantine"].rows()}


@pytest.mark.parametrize(
    ("field", "value", "meaning"),
    [
        ("content-usage", "train-ai=n", "disallowed"),
        ("content-usage", "search=y, train-ai=y", "allowed"),
        ("content-usage", "train-ai=y, train-ai=n", "disallowed"),
        ("content-usage", "search=n", "unknown"),
        ("content-usage", "train-ai-x=n", "unknown"),
        ("content-usage", "train-ai", "unknown"),
        ("x-robots-tag", "noindex, NoAI", "disallowed"),
        ("x-robots-tag", "otherbot: noimageai", "disallowed"),
        ("x-robots-tag", "noindex", "unknown"),
        ("tdm-reservation", "1", "disallowed"),
        ("tdm-reservation", "0", "allowed"),
        ("plus:datamining", f"{DMI}PROHIBITED-GENAIMLTRAINING", "disallowed"),
        ("plus:datamining", f"{DMI}ALLOWED", "allowed"),
        ("plus:datamining", f"{DMI}UNSPECIFIED", "unknown"),
        ("rights_signal", "seen, Opt-Out", "disallowed"),
        ("rights_signal", "allowed", "allowed"),
        ("rights_signal", "train-ai=n", "disallowed"),
        ("license", "CC0-1.0", "unknown"),
        ("iptc4xmpext:digitalsourcetype", f"{SOURCE}trainedAlgorithmicMedia", "unknown"),
    ],
)
def test_what_a_value_says(field: str, value: str, meaning: str) -> None:
    assert says(field, value, ("opt-out",)) == meaning


def test_what_img2dataset_leaves_is_read(tmp_path: Path, ingest: Ingest) -> None:
    exif = json.dumps({"Image Copyright": "(c) Mug Makers", "Image Make": "Camera"})
    files = {
        "0/1.jpg": jpeg(1),
        "0/1.json": downloaded(url="https://shop.example/1.jpg", license="CC-BY-4.0", exif=exif),
        "0/1.txt": b"a mug: red\nX-Robots-Tag: noindex\n",
        "0/2.jpg": jpeg(2),
        "0/2.jpg.json": downloaded(license="?", rights_signal="noai", checker="crawler 1", checked_at="2026-01-02"),
        "0/3.jpg": jpeg(3),
        "0/3.txt": b"Licence: MIT",
    }
    report, made = ingest(store(tmp_path / "in", files), licence="CC0-1.0")
    assert kept(made) == {"0/1.jpg": "unknown", "0/3.jpg": "unknown"}
    rows = {row["uri"]: (row["licence"], row["source_url"]) for row in made["images"].rows()}
    assert rows == {"0/1.jpg": ("CC-BY-4.0", "https://shop.example/1.jpg"), "0/3.jpg": ("MIT", None)}
    assert refused(made) == {"0/2.jpg": ("opted-out", "sidecar 'noai' (0/2.jpg.json: rights_signal)")}
    assert signals(made, "uri", "mechanism", "address", "value", "train_ai", "checked_at", "checker") == [
        ("0/1.jpg", "sidecar", "0/1.json: license", "CC-BY-4.0", "unknown", None, None),
        ("0/1.jpg", "sidecar", "0/1.json: exif image copyright", "(c) Mug Makers", "unknown", None, None),
        ("0/1.jpg", "sidecar", "0/1.txt: x-robots-tag", "noindex", "unknown", None, None),
        ("0/2.jpg", "sidecar", "0/2.jpg.json: license", "?", "unknown", "2026-01-02", "crawler 1"),
        ("0/2.jpg", "sidecar", "0/2.jpg.json: rights_signal", "noai", "disallowed", "2026-01-02", "crawler 1"),
        ("0/3.jpg", "sidecar", "0/3.txt: licence", "MIT", "unknown", None, None),
    ]
    assert made["quarantine"].facts == {"files": 7, "read_beside": 4} and report.metrics["passed_over"] == 0
    assert any("unknown for 2, and 1 were kept out" in note for note in report.notes)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("1.json", b"[1]", "it is not a JSON object"),
        ("1.json", b'{"rights_signal": "noai"', "Expecting"),
        ("1.json", b"[" * 100_000, "nested too deep"),
        ("1.headers.json", b'{"headers": "noai"}', "its headers are not a JSON object"),
        ("1.txt", b"\xff\xfe\xff", "codec can't decode"),
        ("1.xmp", b"<x:xmpmeta", "unclosed token"),
        ("1.json", b" " * (1 << 20) + b"{}", "longer than"),
        ("crawl/shop.example/tdmrep.json", b"{}", "not a list of JSON objects"),
    ],
)
def test_a_file_that_cannot_be_read_is_listed_and_stops_nothing(
    tmp_path: Path, ingest: Ingest, name: str, data: bytes, why: str
) -> None:
    _, made = ingest(store(tmp_path / "in", {"1.jpg": jpeg(1), name: data}))
    assert kept(made) == {"1.jpg": "unknown"}
    reason, detail = refused(made)[name]
    assert reason == "malformed" and why in detail
    of_photograph = [("1.jpg", name, "unknown")] if name.startswith("1.") else []
    assert signals(made, "uri", "address", "train_ai") == of_photograph
    assert made["quarantine"].facts == {"files": 2, "read_beside": 0}
    gate = intake({role: data.folder for role, data in made.items()}, Intake())
    assert next(check.measured for check in gate.checks if check.name == "quarantined_share") == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PNG, compressed", "WEBP", "TIFF"])
def test_a_photograph_that_forbids_its_use_is_kept_out(tmp_path: Path, ingest: Ingest, kind: str) -> None:
    prohibited = packet(f"<plus:DataMining>{DMI}PROHIBITED-AIMLTRAINING</plus:DataMining>")
    made_up = packet("", f'Iptc4xmpExt:DigitalSourceType="{SOURCE}digitalCapture" plus:DataMining="{DMI}ALLOWED"')
    files = {"no": with_xmp(1, prohibited, kind), "yes": with_xmp(2, made_up, kind), "silent": jpeg(3)}
    _, made = ingest(store(tmp_path / "in", files))
    assert kept(made) == {"silent": "unknown", "yes": "allowed"}
    assert refused(made) == {"no": ("opted-out", f"xmp '{DMI}PROHIBITED-AIMLTRAINING' (plus:DataMining)")}
    images = {row["uri"]: row["image_id"] for row in made["images"].rows()}
    rows = made["rights"].rows()
    assert {(row["uri"], row["address"]) for row in rows} == {
        ("no", "plus:DataMining"),
        ("yes", "plus:DataMining"),
        ("yes", "Iptc4xmpExt:DigitalSourceType"),
    }
    assert {row["image_id"] for row in rows if row["uri"] == "yes"} == {images["yes"]}
    assert all(row["image_id"] and row["checker"] == "ingest" for row in rows)


def test_copyright_in_exif_and_iptc_is_kept_and_says_nothing(tmp_path: Path, ingest: Ingest) -> None:
    exif = Image.Exif()
    exif[0x8298] = "(c) Mug Makers"
    _, made = ingest(store(tmp_path / "in", {"1.jpg": jpeg(1, exif=exif), "2.jpg": with_iptc(2, "(c) Jar Makers")}))
    assert signals(made, "mechanism", "address", "value", "train_ai") == [
        ("exif", "Copyright", "(c) Mug Makers", "unknown"),
        ("iptc", "CopyrightNotice", "(c) Jar Makers", "unknown"),
    ]


def test_hostile_metadata_is_not_expanded() -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    bomb = f"<!DOCTYPE x [{entities}]>".encode() + packet("<dc:rights>&l9;</dc:rights>")
    with pytest.raises(ValueError, match="defines entities"):
        list(xmp(bomb))
    inside = jpeg(1) + packet("<!DOCTYPE x><dc:rights>x</dc:rights>")
    long = jpeg(1) + packet(f"<dc:rights>{'x' * XMP_BYTES}</dc:rights>")
    cut = jpeg(1) + packet("<dc:rights>x</dc:rights>")[:-60]
    for data, why in ((inside, "defines entities"), (long, "longer than"), (cut, "unclosed token")):
        (signal,) = embedded(data)
        assert signal.value.startswith("cannot be read") and why in signal.value and signal.says == "unknown"
    both = embedded(jpeg(1) + packet("<!DOCTYPE x>") + packet("", f'plus:DataMining="{DMI}PROHIBITED"'))
    assert [signal.says for signal in both] == ["unknown", "disallowed"]
    deep = embedded(jpeg(1) + packet("<dc:rights>" * 20_000 + "</dc:rights>" * 20_000))
    assert all(signal.says == "unknown" for signal in deep)


ROBOTS = """
User-agent: *
Disallow: /private
Content-Usage: search=y
Content-Usage: /art/ train-ai=n

User-agent: CCBot
User-agent: GPTBot  # two of them
Allow: /gpt/free*
Disallow: /gpt/
Disallow: /*.gif$
"""


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/art/1.jpg", {5}),
        ("/1.jpg", set()),
        ("/private/1.jpg", {3}),  # for those that no group names
        ("/gpt/1.jpg", {10}),
        ("/gpt/free/1.jpg", set()),
        ("/a/b.gif", {11}),
        ("/a/b.gif?size=2", set()),
    ],
)
def test_robots_txt(path: str, lines: set[int]) -> None:
    site = Site("shop.example")
    site.read("robots.txt", ROBOTS.encode())
    found = list(site.signals(f"https://shop.example{path}"))
    assert {int(signal.address.rpartition(" ")[2]) for signal in found if signal.says == "disallowed"} == lines


def test_what_was_captured_of_a_site_is_about_its_photographs(tmp_path: Path, ingest: Ingest) -> None:
    reservations = [{"location": "/pro/*", "tdm-reservation": 1}, {"location": "/free/", "tdm-reservation": 0}]
    files = {
        "pro.jpg": jpeg(1),
        "free.jpg": jpeg(2),
        "other.jpg": jpeg(3),
        "tagged.jpg": jpeg(4),
        "crawl/shop.example/tdmrep.json": json.dumps(reservations).encode(),
        "crawl/shop.example/capture.json": b'{"checked_at": "2026-11-01", "checker": "crawler 1"}',
        "crawl/idle.example/robots.txt": b"User-agent: *\nDisallow: /\n",
        "tagged.headers.json": json.dumps(
            {"url": "https://x.example/4", "headers": {"Content-Usage": ["search=y", "train-ai=n"]}}
        ).encode(),
    }
    labels = "path,subject,source_url\n" + "".join(
        f"{name}.jpg,,https://{host}/{name}/a.jpg\n"
        for name, host in (("pro", "Shop.example"), ("free", "shop.example"), ("other", "shop.example:8080"))
    )
    store(tmp_path, {"l.csv": labels.encode()})
    report, made = ingest(store(tmp_path / "in", files), labels=str(tmp_path / "l.csv"))
    assert kept(made) == {"free.jpg": "allowed", "other.jpg": "unknown"}
    assert {name: reason for name, (reason, _) in refused(made).items()} == dict.fromkeys(
        ("pro.jpg", "tagged.jpg"), "opted-out"
    )
    assert signals(made, "uri", "mechanism", "train_ai", "checker") == [
        ("free.jpg", "tdmrep", "allowed", "crawler 1"),
        ("pro.jpg", "tdmrep", "disallowed", "crawler 1"),
        ("tagged.jpg", "headers", "unknown", None),
        ("tagged.jpg", "headers", "disallowed", None),
    ]
    assert any("come from idle.example" in note for note in report.notes)


def test_an_opt_out_of_a_copy_counts(tmp_path: Path, ingest: Ingest) -> None:
    files = {"a.jpg": jpeg(1), "copy.jpg": jpeg(1), "other.jpg": jpeg(2), "copy.txt": b"rights_signal: noai"}
    _, made = ingest(store(tmp_path / "in", files))
    assert kept(made) == {"other.jpg": "unknown"}
    assert {refused(made)[name] for name in ("a.jpg", "copy.jpg")} == {
        ("opted-out", "sidecar 'noai' (copy.txt: rights_signal)")
    }


def test_only_what_is_allowed_may_be_asked_for(tmp_path: Path, ingest: Ingest) -> None:
    files = {"1.jpg": jpeg(1), "2.jpg": jpeg(2), "2.txt": b"train_ai: allowed"}
    _, made = ingest(store(tmp_path / "in", files), use="allowed")
    assert kept(made) == {"2.jpg": "allowed"}
    assert refused(made) == {"1.jpg": ("rights-unknown", "none of its 0 signals says that training is allowed")}


def test_a_changed_file_beside_a_photograph_is_another_dataset(tmp_path: Path, ingest: Ingest) -> None:
    folder = store(tmp_path / "in", {"1.jpg": jpeg(1), "1.txt": b"a mug"})
    _, before = ingest(folder, "before")
    store(folder, {"1.txt": b"train_ai: allowed"})
    _, after = ingest(folder, "after")
    assert before["images"].manifest.fingerprint != after["images"].manifest.fingerprint
    assert (kept(before), kept(after)) == ({"1.jpg": "unknown"}, {"1.jpg": "allowed"})


def test_killed_and_run_again_gives_the_same_rights(
    tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{n}.jpg": jpeg(n) for n in range(5)} | {f"{n}.txt": b"train_ai: allowed" for n in range(5)}
    folder, real = store(tmp_path / "in", files), Writer.write
    ingest(folder, "whole", part_rows=2)

    def dying(self: Writer, index: int, *rest: object, **more: object) -> None:
        if index == 1 and self.kind == "rights":
            raise KeyboardInterrupt
        real(self, index, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        ingest(folder, "killed", part_rows=2)
    monkeypatch.setattr(Writer, "write", real)
    ingest(folder, "killed", part_rows=2)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
