"""The lineage explorer in a real browser: links both ways, pictures, searches, and hostile text in every column."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import NARROW, Visit, broken_pictures, faults
from labelling_data import COUNT, RUN
from review_app import Served, served

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from pipelines.parameters import read_step
from pipelines.steps import STEPS

pytest_plugins = ["browser"]
if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = "<img src=x onerror=alert(1)>{{ 7*7 }}'\"&.png"


@pytest.fixture
def app(undecided: Path) -> Iterator[Served]:
    with served(RUN, rater="ada") as running:
        yield running


def at(visit: Visit, app: Served, what: str, **window: bool | int) -> "Page":
    page = visit(app.entry, **window)
    page.goto(f"{app.address}/lineage")
    page.fill("input[name=what]", what)
    page.click("text=Show")
    return page


def test_links_lead_from_a_set_to_a_photograph_and_back(app: Served, visit: Visit) -> None:
    page = at(visit, app, "sets:0")
    page.click("section:has(h2:has-text('Made from')) a:has-text('objects') >> nth=0")
    assert page.inner_text("h1") == "objects" and page.locator(".strip img").count() == 1
    page.click("section:has(h2:has-text('Made from')) a:has-text('images')")
    assert page.inner_text("h1") == "images" and "0.png" in page.inner_text("dl")
    assert not broken_pictures(page)
    page.click("section:has(h2:has-text('Went into')) a:has-text('objects') >> nth=0")
    page.click("section:has(h2:has-text('Went into')) a:has-text('sets') >> nth=0")
    assert page.inner_text("h1") == "sets"
    assert not faults(page)


def test_a_column_a_dataset_and_what_does_not_exist(app: Served, visit: Visit) -> None:
    page = at(visit, app, "category=mug")
    assert f"objects: {COUNT}" in page.inner_text("main")
    page.goto(f"{app.address}/lineage?what=gate_recurrence")
    page.click("section:has(h2:has-text('Made from')) a:has-text('sets')")
    assert page.inner_text("h1") == "sets"
    page.goto(f"{app.address}/lineage?what={RUN.params.resolve()}")  # a file of this machine is none of its business
    assert "is not an id, name or position in this run" in page.inner_text("main")


def test_a_picture_is_looked_up_by_its_bytes(app: Served, visit: Visit, tmp_path: Path) -> None:
    images = Dataset(RUN.dataset("images"))
    row = images.rows()[5]
    (tmp_path / "mine.png").write_bytes(images.blob(row, "image"))
    (tmp_path / "none.png").write_bytes(b"not a picture")
    page = visit(app.entry)
    page.goto(f"{app.address}/lineage")
    page.click("text=By a picture")
    with page.expect_response("**/by-picture") as reply:
        page.set_input_files("input[type=file]", tmp_path / "mine.png")
    assert reply.value.ok
    page.wait_for_url("**/lineage?what=*")
    assert row["image_id"] in page.inner_text("main")


def test_hostile_names_and_captions_are_text(undecided: Path, visit: Visit) -> None:
    images = Dataset(RUN.dataset("images"))
    rows = [row | {"uri": HOSTILE, "licence": "javascript:alert(1)"} for row in images.rows()]
    blobs = [{"image.png": b"<svg onload=alert(1)>"} for _ in rows]
    vectors = images.vectors()
    with Writer(images.folder, "images", "ingest", {}, read_step(RUN.params, STEPS["ingest"])) as out:
        out.write(0, rows, blobs=blobs, vectors=vectors)
    with served(RUN) as app:
        page = at(visit, app, "images:0", width=NARROW, touch=True)
        assert HOSTILE in page.inner_text("dl")
        assert page.locator("dl img, dl script").count() == 0
        assert [fault.partition(":")[0] for fault in faults(page)] == ["not shown"]  # it is no picture
        reply = page.request.get(f"{app.address}/lineage/picture?what=images:0&blob=image")
        assert reply.headers["content-type"] == "application/octet-stream"
