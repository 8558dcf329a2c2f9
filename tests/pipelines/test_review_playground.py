"""The playground in a real browser: a box drawn with the mouse and a finger, the result, its history, refusals."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import NARROW, Visit, faults
from labelling_data import RUN
from PIL import Image
from review_app import Served, served

from components.common.data.sandbox import MODELS, WORLD
from components.common.data.writing import Writer
from components.common.vision.origin import origin_of
from pipelines.parameters import read_step
from pipelines.steps import STEPS

pytest_plugins = ["browser"]
if TYPE_CHECKING:
    from playwright.sync_api import Page

REFERENCE = WORLD / "benchmark/images/00000.jpg"


@pytest.fixture
def app(undecided: Path) -> Iterator[Served]:
    """A run whose model is the committed base model."""
    model = RUN.dataset("model_insertion")
    with Writer(model, "model", "train_insertion", {}, read_step(RUN.params, STEPS["train_insertion"])) as out:
        out.write(0, [])
    shutil.copytree(MODELS / "base_insertion", model / "pipeline")
    with served(RUN, rater="ada") as running:
        yield running


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A photograph of 300 x 200 px that a camera held upright stored lying."""
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (3, 2, 3), np.uint8)).resize((200, 300))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "scene.png", exif=exif)
    return tmp_path / "scene.png"


def prepared(visit: Visit, app: Served, scene: Path, **window: bool | int) -> "Page":
    page = visit(app.entry, **window)
    page.goto(f"{app.address}/playground")
    page.set_input_files("#references", REFERENCE)
    page.set_input_files("#scene", scene)
    page.wait_for_function("() => document.querySelector('#shown-scene img').naturalWidth === 300")
    page.locator("#shown-scene img").scroll_into_view_if_needed()
    page.fill("#steps", "2")
    return page


def dragged(page: "Page", *share: float) -> None:
    """Draws a box from one corner to the other; shares of the scene's width and height."""
    place = page.locator("#shown-scene img").bounding_box()
    assert place
    left, top, right, bottom = share
    page.mouse.move(place["x"] + left * place["width"], place["y"] + top * place["height"])
    page.mouse.down()
    page.mouse.move(place["x"] + right * place["width"], place["y"] + bottom * place["height"], steps=3)
    page.mouse.up()


def test_an_object_is_put_where_the_box_was_drawn(app: Served, visit: Visit, scene: Path) -> None:
    page = prepared(visit, app, scene)
    dragged(page, 0.7, 0.8, 0.4, 0.3)  # from the lower right corner to the upper left one
    box = [float(page.input_value(f"#{side}")) for side in "xywh"]
    assert np.abs(np.array(box) - (120, 60, 90, 100)).max() <= 2
    page.click("#draw")
    page.wait_for_selector("#made:not([hidden])")
    assert not faults(page)
    [made] = app.review.playground.history()
    assert (made.by, made.steps, made.width, made.height, list(made.box)) == ("ada", 2, 300, 200, box)
    result = page.request.get(f"{app.address}/playground/picture/{made.id}/result").body()
    origin = origin_of(result)
    assert origin and origin.steps == 2 and origin.task == "insertion"
    before = np.array(Image.open(scene).transpose(Image.Transpose.ROTATE_270), int)
    changed = np.abs(np.array(Image.open(io.BytesIO(result)), int) - before).max(2) > 0
    x, y, w, h = map(int, box)
    assert changed[y : y + h, x : x + w].any()
    changed[y : y + h, x : x + w] = False
    assert not changed.any()
    page.reload()
    page.click("#history button >> nth=0")
    assert "seed 0, 2 steps" in page.inner_text("#made-said")
    page.click("text=Delete")
    page.wait_for_selector("#no-history:not([hidden])")
    assert not any(app.review.playground.folder.iterdir())


def test_a_finger_draws_too_and_a_box_can_be_typed(app: Served, visit: Visit, scene: Path) -> None:
    page = prepared(visit, app, scene, width=NARROW, touch=True)
    place = page.locator("#shown-scene img").bounding_box()
    assert place
    finger = page.context.new_cdp_session(page)
    x, y = place["x"] + 0.2 * place["width"], place["y"] + 0.2 * place["height"]
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in (20, 60):
        points = [{"x": x + step, "y": y + step}]
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert float(page.input_value("#w")) == pytest.approx(60 * 300 / place["width"], abs=3)
    page.fill("#w", "50")
    page.click("#draw")
    page.wait_for_selector("#made:not([hidden])")
    assert app.review.playground.history()[0].box[2] == 50
    assert not faults(page)


def test_what_cannot_be_drawn_is_one_sentence(app: Served, visit: Visit, scene: Path) -> None:
    page = prepared(visit, app, scene)
    page.click("#draw")
    assert page.inner_text("#error") == "Draw a box where the object should go."
    csrf = page.get_attribute("meta[name=csrf]", "content")
    wish = {"scene": _file(b"nothing"), "box": "1,1,9,9", "reference": _file(REFERENCE.read_bytes())}
    wish |= {"reference_box": "", "seed": "0", "steps": "2", "guidance": "2"}
    cases = {
        "the scene is not a usable picture": {},
        "the scene has no box 9,9,900,9": {"scene": _file(scene.read_bytes()), "box": "9,9,900,9"},
        "the box 'x' cannot be read: write x,y,w,h": {"box": "x"},
        "steps is 0: give a number from 1 to 1000": {"scene": _file(scene.read_bytes()), "steps": "0"},
        "seed is not a number": {"seed": "="},
    }
    for sentence, change in cases.items():
        reply = page.request.post(
            f"{app.address}/playground/draw", multipart=wish | change, headers={"x-csrf-token": csrf or ""}
        )
        assert (reply.status, reply.text()[: len(sentence)]) == (422, sentence)
    for path in ("..%2F..%2Fparams/result", "x/result"):
        assert page.request.get(f"{app.address}/playground/picture/{path}").status == 404
    assert app.review.playground.history() == []


def _file(content: bytes) -> dict[str, str | bytes]:
    return {"name": "a.png", "mimeType": "image/png", "buffer": content}


def test_without_a_model_the_page_says_what_to_run(undecided: Path, visit: Visit) -> None:
    with served(RUN) as app:
        page = visit(app.entry)
        page.goto(f"{app.address}/playground")
        assert "run the pipeline `training` or `full` first" in page.inner_text("main")
