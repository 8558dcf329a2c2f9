"""A plan names the copies that the next ingest refuses with its deny list, here and in other runs, and no others."""

import io
from pathlib import Path
from typing import Any

import pytest
from bucket_data import ADDRESS, put_run
from PIL import ImageOps

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.vision.images import decode
from components.ingest.denied import REASON, read_denied, write_denied
from components.ingest.params import Params
from components.ingest.stage import run
from pipelines.engines.identity import Identity
from pipelines.engines.workspace import Workspace
from pipelines.parameters import render, resolve
from pipelines.takedown import apply as applying
from pipelines.takedown.outputs import copies_there
from pipelines.takedown.plan import Plan, load_plan, make_plan, takedowns_of
from pipelines.takedown.printing import print_plan
from pipelines.takedown.purge import purge_run
from pipelines.takedown.receipt import text_of, write_receipt
from pipelines.takedown.records import Withdrawn
from pipelines.takedown.verify import _by_look

IMAGES = Path(__file__).parents[2] / "components/sandbox/world/corpus/images"
NOTHING = Withdrawn(0, 0, [], False)
GONE, ITS_DUPLICATE, OTHERS = "00052.jpg", "00284.jpg", ("00000.jpg", "00010.jpg", "00053.jpg", "00285.jpg")


def mirrored() -> bytes:
    """The photograph GONE again: cropped, mirrored and encoded anew."""
    image = decode((IMAGES / GONE).read_bytes())
    buffer = io.BytesIO()
    ImageOps.mirror(image.crop((6, 4, image.width - 8, image.height - 6))).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def ingest(root: Path, names: tuple[str, ...], denied: str = "", **others: bytes) -> None:
    """The datasets of a run whose collection has these photographs of the rendered world, and others."""
    (root / "photographs").mkdir(parents=True, exist_ok=True)
    for name, content in {**{name: (IMAGES / name).read_bytes() for name in names}, **others}.items():
        (root / "photographs" / name.replace("_", ".")).write_bytes(content)
    outputs = {name: root / "data" / name for name in ("images", "quarantine", "subjects", "rights")}
    run({}, outputs, Params(images=str(root / "photographs"), denied=denied, min_side=32))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run here, and one in runs/shop that has only a copy of the photograph GONE."""
    monkeypatch.chdir(tmp_path)
    ingest(tmp_path, (GONE, ITS_DUPLICATE, *OTHERS))
    ingest(tmp_path / "runs/shop", OTHERS, again_jpg=mirrored())
    return tmp_path


def named(root: Path) -> dict[str, str]:
    return {row["uri"]: row["image_id"] for row in Dataset(root / "data/images").rows(["uri", "image_id"])}


def test_the_plan_names_what_the_next_ingest_refuses(home: Path) -> None:
    here, there = named(home), named(home / "runs/shop")
    plan, denied = make_plan(Path(), [GONE])
    assert plan.copies == {here[ITS_DUPLICATE]: ITS_DUPLICATE, there["again.jpg"]: "again.jpg"}
    assert plan.rows["images"] == 2 and plan.of_copies["images"] == 1
    assert plan.elsewhere == ["runs/shop"] and plan.originals == [GONE, ITS_DUPLICATE]
    assert set(plan.copies) <= plan.traces.ids
    write_denied(home / "denied.parquet", denied)
    for root in (home, home / "runs/shop"):
        ingest(root, (), "denied.parquet")
    refused = [row for root in (home, home / "runs/shop") for row in Dataset(root / "data/quarantine").rows()]
    assert {row["uri"] for row in refused if row["reason"] == REASON} == {GONE, *plan.copies.values()}
    (home / "again.jpg").write_bytes(mirrored())
    for asked, how in ((GONE, "by its bytes"), (f"photographs/{GONE}", "by its bytes"), ("again.jpg", "by its look")):
        with pytest.raises(UserError, match=rf"{asked} was taken down already \(.*{how}"):
            make_plan(Path(), [asked])


def test_a_run_with_only_a_copy_is_purged_of_what_verify_sees_there(home: Path) -> None:
    plan, denied = make_plan(Path(), [GONE])
    data = home / "runs/shop/data"
    assert len(list(_by_look(data, denied))) == 1
    assert purge_run(home / "runs/shop", plan.traces)
    assert not list(_by_look(data, denied))


def test_the_terminal_and_the_saved_plan_show_the_copies(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, _ = make_plan(Path(), [GONE])
    print_plan(plan)
    said = capsys.readouterr().out
    assert "are removed and kept out, too: 2" in said
    assert all(f"{image_id[:12]} {name}" in said for image_id, name in plan.copies.items())
    plan.save()
    assert Plan(**vars(load_plan(plan.takedown))).copies == plan.copies
    assert takedowns_of(Path()) == takedowns_of(Path("runs/shop")) == [plan.takedown]
    assert takedowns_of(Path("runs/other")) == []


def test_every_run_that_had_a_photograph_refuses_it_by_its_own_list(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, done in {"repair": "", "stored_versions": set(), "purge_stores": {}, "withdraw": NOTHING}.items():
        monkeypatch.setattr(applying, name, lambda *_, done=done: done)
    (home / "params.yaml").write_text(render(resolve("sandbox", {"ingest.denied": "of-home.parquet"})))
    for place, asked in (("s3://b/denied.parquet", []), ("", []), ("../../of-shop.parquet", [named(home)[GONE]])):
        Identity("", "", "sandbox", {"ingest.denied": place}).write(Workspace(home / "runs/shop"))
        if not asked:
            with pytest.raises(UserError, match=r"ingest.denied of the run in runs/shop is (s3://b|empty)"):
                make_plan(Path(), [GONE])
    applying.apply(*make_plan(Path(), [GONE]))
    for place in ("of-home.parquet", "of-shop.parquet", "denied.parquet"):
        assert [entry.image_id for entry in read_denied(place).entries] == asked


def test_a_run_is_repaired_where_it_was_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Identity("", "", "sandbox", {}).write(Workspace(home / "runs/shop"))
    monkeypatch.chdir(home / "runs/shop")
    with pytest.raises(UserError, match=r"run in \. is repaired .*: go to \.\./\.\. and give --workspace runs/shop"):
        make_plan(Path(), [GONE])
    monkeypatch.chdir(home / "runs")
    with pytest.raises(UserError, match=r"the run in \.\. is repaired .*: go to \.\. and give --workspace \."):
        make_plan(Path(".."), [GONE])


def test_a_list_that_an_interrupted_takedown_missed_gets_the_photographs(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, done in {"repair": "", "stored_versions": set(), "purge_stores": {}, "withdraw": NOTHING}.items():
        monkeypatch.setattr(applying, name, lambda *_, done=done: done)
    (home / "params.yaml").write_text(render(resolve("sandbox")))
    Identity("", "", "sandbox", {"ingest.denied": "../../of-shop.parquet"}).write(Workspace(home / "runs/shop"))
    plan, denied = make_plan(Path(), [GONE])
    plan.save()
    write_denied(plan.folder / "denied.parquet", denied)
    write_denied(home / "of-shop.parquet", denied)
    applying.apply(load_plan(plan.takedown), [])
    assert [entry.image_id for entry in read_denied("denied.parquet").entries] == plan.image_ids


def test_the_receipt_says_what_is_refused_by_its_bytes_only(home: Path) -> None:
    (home / "params.yaml").write_text(render(resolve("sandbox")))
    for asked, kept_out in (
        ([GONE, "f" * 64], ["and look: 1 photograph, and copies.", "only, copies may come in: ffffffffffff."]),
        ([GONE], ["and look: 1 photograph, and copies."]),
        (["f" * 64], ["only, copies may come in: ffffffffffff."]),
    ):
        plan, denied = make_plan(Path(), asked)
        write_denied(home / "denied.parquet", denied)
        plan.save()
        said = text_of(write_receipt(plan, Workspace(Path()), {}, NOTHING, ""))
        lines = [line for line in said.splitlines() if "by bytes" in line]
        assert all(line.endswith(end) for line, end in zip(lines, kept_out, strict=True))


def test_copies_in_a_bucket_are_told_by_their_look_not_their_name(home: Path, bucket: Any) -> None:
    put_run(bucket, home / "data")
    _, denied = make_plan(Path(), [GONE])
    assert copies_there(ADDRESS, [ITS_DUPLICATE, *OTHERS], denied) == {named(home)[ITS_DUPLICATE]: ITS_DUPLICATE}
    assert copies_there(ADDRESS, OTHERS, denied) == {}


def test_a_photograph_known_only_by_its_sha256_has_no_copies(home: Path) -> None:
    assert make_plan(Path(), ["a" * 64])[0].copies == {}
