"""The explorer: its links are those of `objectmate lineage`, and it is walked in a browser from a disk."""

import json
from pathlib import Path

import pytest
from browser import NARROW, WIDE, Visit, faults
from exports_data import make_run

from components.lineage import trace
from components.lineage.rows import Run
from components.lineage.trace import Place, key_of
from pipelines.engines.workspace import Workspace
from pipelines.lineage.exports.explorer import export as explorer_export
from pipelines.lineage.exports.explorer.export import explorer
from pipelines.lineage.exports.explorer.graph import graph
from pipelines.lineage.exports.export import export
from pipelines.lineage.exports.history import read_history
from tests.lineage.lineage_data import write_run

HOSTILE = "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run in a folder with an odd name."""
    run = make_run(tmp_path_factory.mktemp("explorer") / "a 'shop' & <b>é")
    return export(run, ["page"], run.dataset(""))[0]


def test_the_links_are_those_that_lineage_view_shows(tmp_path: Path) -> None:
    write_run(tmp_path)
    run = Run(tmp_path)
    shown = graph(run)
    assert {"images", "objects", "sets", "tuples", "latents"} <= shown.kept.keys()
    for name, positions in shown.kept.items():
        for at in positions:
            linked = [*shown.up.get((name, at), []), *shown.down.get((name, at), [])]
            named = sorted((how, key_of(run[other], *run[other].at([there]), there)) for how, other, there in linked)
            near = trace.view(run, Place(name, at)).below
            assert named == sorted((node.relation, node.key) for node in near)


def test_of_a_large_run_some_photographs_are_shown_with_what_was_made_of_them(tmp_path: Path) -> None:
    write_run(tmp_path)
    run = Run(tmp_path)
    shown = graph(run, most=4)
    assert len(shown.kept["images"]) == 4 and 0 < len(shown.kept["objects"]) < len(run["objects"])
    chosen = {row["image_id"] for row in shown.rows["images"]}
    used = [set(row["sources"]) & chosen for row in shown.rows["tuples"]]
    assert all(used) and len(used) == sum(bool(set(r["sources"]) & chosen) for r in run["tuples"].dataset.rows())


def test_a_page_of_a_part_says_so_and_names_what_is_not_on_it(exported_run: Workspace, tmp_path: Path, visit: Visit):
    for file, content in explorer(read_history(exported_run), exported_run.dataset(""), most=2):
        (tmp_path / file).write_bytes(content)
    page = visit(tmp_path / explorer_export.START)
    assert "2 of 5 photographs" in page.inner_text("header")
    for asked, answer in (("images:1", "objectmate lineage view images:1"), ("1.png", "a part of the run")):
        page.fill("#what", asked)
        page.keyboard.press("Enter")
        page.get_by_text(answer).wait_for()


def test_rows_are_split_into_files_and_an_earlier_page_is_replaced(
    exported_run: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explorer_export, "PER_FILE", 2)
    (page,) = export(exported_run, ["page"], tmp_path)
    rows = [json.loads(text) for text in _contents(page.parent, "images")]
    assert [[row["at"] for row in part] for part in rows] == [[0, 1], [2, 3], [4]]
    monkeypatch.setattr(explorer_export, "PER_FILE", 5)
    export(exported_run, ["page"], tmp_path)
    assert len(_contents(page.parent, "images")) == 1


def _contents(folder: Path, name: str) -> list[str]:
    files = sorted(folder.glob(f"{name}-*.js"))
    return [file.read_text().partition(", ")[2].partition(", ")[2].removesuffix(");\n") for file in files]


def test_an_id_is_typed_and_rows_are_walked_both_ways(walked: Path, visit: Visit) -> None:
    page = visit(walked)
    page.fill("#what", "tuples:1")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="tuples:1", exact=True).wait_for()
    behind = page.locator("[aria-label='Photographs behind it']").inner_text()
    assert "4 photographs" in behind and "licence: CC-BY-4.0, attribution: Ada <b>Bell</b> | photos" in behind
    assert "no licence and no rights signal known" not in behind
    assert "tuples: pass. all is well." in page.inner_text(".here")
    page.locator("[aria-label='Made from'] .card", has_text="target").click()
    page.get_by_role("heading", name="objects:0", exact=True).wait_for()
    page.locator("[aria-label='Made from'] .card", has_text="photograph").click()
    page.get_by_role("heading", name="images:0", exact=True).wait_for()
    page.locator("[aria-label='Made into'] .card", has_text="objects:0").click()
    page.locator("[aria-label='Made into'] .card", has_text="tuple, as target").nth(2).click()
    page.get_by_role("heading", name="tuples:2", exact=True).wait_for()
    page.go_back()
    page.get_by_role("heading", name="objects:0", exact=True).wait_for()


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("3.png", "images:4"),  # its part is the second
        ("images", "images"),
        ("latents", "latents"),
        ("rows of nothing", "is not an id"),
        ("x", "Ingest refused x"),
    ],
)
def test_names_datasets_and_refused_files_are_found(walked: Path, visit: Visit, asked: str, answer: str) -> None:
    page = visit(walked)
    page.fill("#what", asked)
    page.keyboard.press("Enter")
    if answer.startswith(("is", "Ingest")):
        page.locator("#said", has_text=answer).wait_for()
    else:
        page.get_by_role("heading", name=answer, exact=True).wait_for()


def test_the_first_digits_of_an_id_are_enough(walked: Path, visit: Visit) -> None:
    image = Run(walked.parent.parent)["images"].at([2])[0]["image_id"]
    page = visit(f"{walked.resolve().as_uri()}#{image[:8]}")
    page.get_by_role("heading", name="images:2", exact=True).wait_for()
    assert image in page.inner_text(".here")


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_explorer_is_whole_in_a_browser(walked: Path, visit: Visit, width: int) -> None:
    for place in ("", "#tuples:0", "#images"):
        page = visit(walked.resolve().as_uri() + place, width=width, touch=width == NARROW)
        page.locator("main section").first.wait_for()
        assert not faults(page)


def test_hostile_words_stay_words(tmp_path: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exports_data.RIGHTS", [{"attribution": HOSTILE, "licence": HOSTILE}] * 4)
    monkeypatch.setattr("exports_data.REFUSED", {HOSTILE: 1})
    run = make_run(tmp_path / "run")
    page = visit(f"{export(run, ['page'], tmp_path)[0].resolve().as_uri()}#images:0")
    page.locator("td", has_text=HOSTILE).first.wait_for()
    page.fill("#what", HOSTILE)
    page.keyboard.press("Enter")
    page.locator("#said", has_text=HOSTILE).wait_for()
    page.fill("#what", "x")
    page.keyboard.press("Enter")
    page.locator("#said", has_text=HOSTILE).wait_for()
    assert page.evaluate("window.hit") is None and page.locator("img[src=x]").count() == 0
