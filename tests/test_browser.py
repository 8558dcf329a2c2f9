"""The tests' own browser sees what it is meant to see."""

from pathlib import Path

from browser import Visit, broken_pictures, faults, inaccessible, overflow, watch

PAGE = """<!doctype html><html lang=en><title>t</title><main><h1>t</h1>
<img src="data:image/png;base64,AAAA" alt="broken"><img src="https://example.invalid/x.png">
<div style="width:3000px">wide</div><script>console.error('said'); throw new Error('thrown')</script></main>"""


def test_a_page_with_every_fault_is_caught(browser, tmp_path: Path):
    (tmp_path / "bad.html").write_text(PAGE)
    complaints: list[str] = []
    page = browser.new_page()
    watch(page, complaints)
    page.goto((tmp_path / "bad.html").as_uri())
    assert [words.partition(":")[0] for words in inaccessible(page)] == ["image-alt"]
    assert len(broken_pictures(page)) == 2 and overflow(page) > 1000
    kinds = [fault.partition(" ")[0] for fault in faults(page)]
    assert kinds == ["not", "not", "light:", "light:", "dark:", "dark:"]
    said = "\n".join(complaints)
    assert "asked for https://example.invalid/x.png" in said and "logged: said" in said and "threw: thrown" in said
    page.close()


def test_a_page_that_cannot_be_read_in_the_dark_is_caught(visit: Visit, tmp_path: Path):
    style = "@media (prefers-color-scheme: dark) { body { background: #000; color: #111 } }"
    (tmp_path / "dark.html").write_text(
        f"<!doctype html><html lang=en><title>t</title><style>{style}</style><main><h1>t</h1><p>words</p></main>"
    )
    assert [fault.partition(":")[0] for fault in faults(visit(tmp_path / "dark.html"))] == ["dark"]


def test_a_page_without_fault_passes(visit: Visit, tmp_path: Path):
    (tmp_path / "good.html").write_text("<!doctype html><html lang=en><title>t</title><main><h1>t</h1></main>")
    page = visit(tmp_path / "good.html", width=390, touch=True)
    assert not faults(page)
