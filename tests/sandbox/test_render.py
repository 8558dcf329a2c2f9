"""Small renders: determinism, resuming after a kill, boxes against masks, clean plates."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("mitsuba")

import components.sandbox
from components.common.errors import UserError
from components.sandbox.params import RenderParams, SplitParams
from components.sandbox.rendering.designs import catalogue
from components.sandbox.rendering.exposures import bounds, expose
from components.sandbox.rendering.shots import Shot, plan
from components.sandbox.rendering.world import render_world

TINY = RenderParams(
    side=48,
    corpus=SplitParams(designs=3, views=1, loners=1, pair_share=0.9, duplicate_share=0.2, spp=4, skins=True),
    benchmark=SplitParams(designs=3, views=1, spp=4, fixed_main=True),
    pretrain=SplitParams(designs=3, views=1, spp=4),
)
SCRIPT = """
import sys
from pathlib import Path
from components.sandbox.params import RenderParams
from components.sandbox.rendering.world import render_world
render_world(Path(sys.argv[1]), "corpus", workers=1, params=RenderParams.model_validate_json(sys.argv[2]))
"""


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    render_world(root, "corpus", workers=1, params=TINY)
    return root / "corpus"


def test_two_processes_give_the_same_bytes_as_one(corpus: Path, tmp_path: Path) -> None:
    render_world(tmp_path, "corpus", workers=2, params=TINY)
    assert _bytes(tmp_path / "corpus") == _bytes(corpus)


def test_a_killed_render_resumes_to_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), TINY.model_dump_json()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("corpus/parts/0*.json")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {p: p.stat().st_mtime_ns for p in tmp_path.glob("corpus/images/00000.jpg")}
    assert kept
    assert not (tmp_path / "corpus/annotations.json").exists()
    render_world(tmp_path, "corpus", workers=1, params=TINY)
    assert _bytes(tmp_path / "corpus") == _bytes(corpus)
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())


def test_a_finished_split_is_left_alone_and_another_seed_is_refused(corpus: Path) -> None:
    before = (corpus / "annotations.json").stat().st_mtime_ns
    render_world(corpus.parent, "corpus", workers=1, params=TINY)
    assert (corpus / "annotations.json").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="remove it or choose another folder"):
        render_world(corpus.parent, "corpus", seed=1, params=TINY)


def test_the_committed_benchmark_can_be_remade() -> None:
    world = Path(components.sandbox.__file__).parent / "world" / "benchmark"
    params = RenderParams()
    shot = plan(params, "benchmark", catalogue(params, 0), 0)[0]
    exposure = expose(shot, "benchmark", params, 0)
    # Other processors round differently; on one like this the file is the same byte for byte.
    assert abs(np.asarray(Image.open(world / "images/00000.jpg")) - exposure.photo.astype(int)).mean() < 4
    assert (np.asarray(Image.open(world / "masks/00000_0.png")) != exposure.masks[0]).mean() < 0.002


def test_unknown_splits_and_no_workers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown split 'holiday'"):
        render_world(tmp_path, "holiday")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="workers"):
        render_world(tmp_path, "corpus", workers=0)


def test_boxes_fit_the_masks_tightly(corpus: Path) -> None:
    coco = json.loads((corpus / "annotations.json").read_text())
    for annotation in coco["annotations"]:
        mask = np.asarray(Image.open(corpus / annotation["mask"]))
        assert mask.dtype == bool
        assert annotation["bbox"] == list(bounds(mask))
        assert annotation["area"] == mask.sum()


def test_labels_name_the_copied_photograph(corpus: Path) -> None:
    rows = list(csv.DictReader((corpus / "labels.csv").read_text().splitlines()))
    copies = [row for row in rows if row["duplicate_of"]]
    assert copies
    for copy in copies:
        assert copy["subject"] in {row["subject"] for row in rows if row["path"] == copy["duplicate_of"]}


def test_a_plate_differs_inside_the_mask_and_little_far_from_it() -> None:
    params = TINY.model_copy(update={"benchmark": SplitParams(designs=3, views=1, spp=64, fixed_main=True)})
    shot = plan(params, "benchmark", catalogue(params, 0), 0)[0]
    exposure = expose(shot, "benchmark", params, 0)
    x, y, w, h = bounds(exposure.masks[0])
    change = abs(exposure.photo.astype(int) - exposure.plates[0]).mean(-1)
    far = np.ones_like(exposure.masks[0])
    far[max(0, y - h) : y + 2 * h, max(0, x - w) : x + 2 * w] = False
    assert change[exposure.masks[0]].mean() > 12
    assert not far.any() or change[far].mean() < 6


def test_a_mirrored_copy_mirrors_photo_plates_and_masks() -> None:
    designs = catalogue(TINY, 0).recurring["pretrain"][:1]
    original = expose(Shot(0, designs, 0), "pretrain", TINY, 0)
    mirrored = expose(Shot(1, designs, 0, "mirrored"), "pretrain", TINY, 0)
    assert np.array_equal(mirrored.photo, original.photo[:, ::-1])
    assert np.array_equal(mirrored.plates[0], original.plates[0][:, ::-1])
    assert np.array_equal(mirrored.masks[0], original.masks[0][:, ::-1])


def test_covers_are_rendered_on_request_but_not_for_altered_pictures() -> None:
    designs = catalogue(TINY, 0).recurring["corpus"][:1]
    taken = {kind: expose(Shot(0, designs, 0, kind), "corpus", TINY, 0).covers for kind in (None, "burst", "mirrored")}
    assert taken["mirrored"] is None and taken["burst"].shape == taken[None].shape == (1, 3 * 48, 3 * 48, 3)
    assert expose(Shot(0, designs, 0), "pretrain", TINY, 0).covers is None


def test_scenes_that_never_fit_raise_one_clear_sentence() -> None:
    params = TINY.model_copy(update={"attempts": 1})
    designs = catalogue(TINY, 0).recurring["pretrain"]
    with pytest.raises(RuntimeError, match="none of 1 scenes frames its products well"):
        for source in range(200):
            expose(Shot(source, designs[:2], source), "pretrain", params, 0)
