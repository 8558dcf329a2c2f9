"""What several tests of the sandbox start from."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from components.common.data.sandbox import WORLD
from components.sandbox.params import RenderParams, SplitParams
from components.sandbox.rendering.world import render_world


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The benchmark's first `count` photographs as a split of their own."""

    def get(count: int) -> Path:
        folder = tmp_path_factory.mktemp("world")
        coco = json.loads((WORLD / "benchmark" / "annotations.json").read_text())
        coco["images"] = coco["images"][:count]
        shown = {image["id"] for image in coco["images"]}
        coco["annotations"] = [entry for entry in coco["annotations"] if entry["image_id"] in shown]
        (folder / "annotations.json").write_text(json.dumps(coco))
        for name in ("images", "plates", "masks"):
            (folder / name).symlink_to(WORLD / "benchmark" / name)
        return folder

    return get


@pytest.fixture(scope="session")
def with_skins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few small photographs with everything needed to show their products in other prints."""
    pytest.importorskip("mitsuba")
    root = tmp_path_factory.mktemp("skins")
    settings = SplitParams(designs=6, views=1, pair_share=0.3, spp=16, skins=True)
    render_world(root, "showroom", workers=1, params=RenderParams(side=64, showroom=settings))
    return root / "showroom"
