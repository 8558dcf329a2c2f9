"""Pages in a real browser: Debian's chromium, driven by playwright. Without it, the tests that need it are skipped."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

CHROMIUM = Path("/usr/bin/chromium")
NARROW, WIDE = 390, 1280  # px, a phone and a laptop
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
OWN_HOSTS = {"127.0.0.1", "localhost", "[::1]", "::1"}
BROKEN = """() => [...document.images].filter(each => each.currentSrc && !(each.complete && each.naturalWidth))
    .map(each => each.currentSrc.slice(0, 200))"""
EAGER = "() => document.querySelectorAll('img[loading=lazy]').forEach(each => each.loading = 'eager')"

Visit = Callable[..., "Page"]
"""visit(address, width=WIDE, touch=False) opens an address, or a file by its path, in a fresh window."""


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A running chromium. A module's, not the session's: playwright's event loop would disturb asyncio elsewhere."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is not installed (apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser: playwright is not installed")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(browser: "Browser") -> Iterator[Visit]:
    """Opens pages. When the test ends, none may have logged an error or asked anything of another machine."""
    complaints: list[str] = []
    windows: list[BrowserContext] = []

    def opened(address: str | Path, width: int = WIDE, touch: bool = False) -> "Page":
        window = browser.new_context(viewport={"width": width, "height": 900}, has_touch=touch, is_mobile=touch)
        windows.append(window)
        page = window.new_page()
        watch(page, complaints)
        page.goto(address.resolve().as_uri() if isinstance(address, Path) else address)
        return page

    yield opened
    for window in windows:
        window.close()
    assert not complaints


def watch(page: "Page", complaints: list[str]) -> None:
    """Adds to `complaints` what a page logs as an error, throws, or asks of another machine."""

    def logged(message: "ConsoleMessage") -> None:
        if message.type == "error":
            complaints.append(f"logged: {message.text}")

    def asked(request: "Request") -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("file", "data", "blob") and address.hostname not in OWN_HOSTS:
            complaints.append(f"asked for {request.url}")

    page.on("console", logged)
    page.on("pageerror", lambda error: complaints.append(f"threw: {error}"))
    page.on("request", asked)


def faults(page: "Page") -> list[str]:
    """What is wrong with a page, light or dark: pictures that are not shown, axe's findings, sideways scrolling."""
    found = [f"not shown: {address}" for address in broken_pictures(page)]
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {fault}" for fault in inaccessible(page)]
        found += [f"{scheme}: {wider} px wider than the window"] if (wider := overflow(page)) else []
    return found


def broken_pictures(page: "Page") -> list[str]:
    """The addresses of the pictures that a page cannot show; lazy ones are loaded first."""
    page.evaluate(EAGER)
    page.wait_for_load_state("networkidle")
    return list(page.evaluate(BROKEN))


def inaccessible(page: "Page") -> list[str]:
    """What axe finds wrong with a page that is serious or critical: its rule, its words and the first place."""
    from axe_core_python.sync_playwright import Axe

    found = Axe().run(page)["violations"]
    return [
        f"{fault['id']}: {fault['help']} ({fault['nodes'][0]['html'][:200]})"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


def overflow(page: "Page") -> int:
    """By how many px a page is wider than its window: 0 if nobody has to scroll sideways."""
    return int(page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth"))
