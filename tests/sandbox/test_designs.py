"""The catalogue and the plan of photographs: only numbers, nothing is rendered."""

import subprocess
import sys
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from pydantic import ValidationError

from components.common.errors import UserError
from components.sandbox.params import SPLITS, RenderParams, Split, SplitParams
from components.sandbox.rendering import designs
from components.sandbox.rendering.designs import Catalogue, catalogue
from components.sandbox.rendering.palette import COLOURS, LIGHTNESS_GAP, lightness
from components.sandbox.rendering.prints import PRINTS, draw_print
from components.sandbox.rendering.scenes import draw_scene
from components.sandbox.rendering.shapes import build, front
from components.sandbox.rendering.shots import plan, scene_seed

PARAMS = RenderParams()


@pytest.fixture(scope="module")
def dealt() -> Catalogue:
    return catalogue(PARAMS, seed=0)


def test_confuser_groups_never_cross_a_split(dealt: Catalogue) -> None:
    groups = {split: {d.group for d in (*dealt.recurring[split], *dealt.loners[split])} for split in SPLITS}
    assert all(not groups[a] & groups[b] for a, b in combinations(SPLITS, 2))


def test_the_showroom_has_no_design_of_another_split(dealt: Catalogue) -> None:
    def looks(split: Split) -> set[tuple]:
        designs = (*dealt.recurring[split], *dealt.loners[split])
        return {(frozenset(design.colours[:2]), design.print, design.shape) for design in designs}

    assert len(dealt.recurring["showroom"]) == PARAMS.showroom.designs
    assert not looks("showroom") & (looks("benchmark") | looks("corpus") | looks("pretrain"))


def test_sided_designs_show_another_print_and_colour_from_behind(dealt: Catalogue) -> None:
    sided = [design for design in dealt.recurring["benchmark"] if design.back]
    assert len(sided) == 9
    for design in sided:
        front, back = design.face(True), design.face(False)
        assert front.print != back.print and front.colours[0] == back.colours[0]
        assert front.colours[1] != back.colours[1]
        assert design.phrase(True) != design.phrase(False)
    plain = next(design for design in dealt.recurring["benchmark"] if not design.back)
    assert plain.face(True) == plain.face(False)
    assert not any(design.back for design in dealt.recurring["corpus"])


@pytest.mark.parametrize("shape", ["mug", "box"])
def test_the_camera_sees_the_half_of_the_body_that_faces_it(shape: str) -> None:
    """The texture's first half faces the direction that `front` returns, and the scene knows when it is in view."""
    printed = [part for part in build(shape, 1, 1) if part.role == "print"]
    first = np.concatenate([part.vertices[part.uv[:, 0] <= 0.5] for part in printed])
    second = np.concatenate([part.vertices[part.uv[:, 0] >= 0.5] for part in printed])
    across = (first.mean(0) - second.mean(0))[:2]
    turn = np.radians(front(shape))
    assert across @ (np.cos(turn), np.sin(turn)) > 0.9 * np.linalg.norm(across)


def test_a_group_is_three_confusers(dealt: Catalogue) -> None:
    for split in SPLITS[:-1]:
        designs = dealt.recurring[split]
        assert len(designs) == PARAMS.of(split).designs
        for first, same_shape, same_print in zip(designs[::3], designs[1::3], designs[2::3], strict=True):
            assert first.shape == same_shape.shape != same_print.shape
            assert first.print == same_print.print != same_shape.print
            assert (first.size, first.stretch) == (same_shape.size, same_shape.stretch)
            assert first.colours == same_shape.colours == same_print.colours


def test_names_are_unique_and_colours_differ_in_lightness(dealt: Catalogue) -> None:
    designs = [d for split in SPLITS[:-1] for d in (*dealt.recurring[split], *dealt.loners[split])]
    assert len({d.name for d in designs}) == len(designs)
    assert len({(frozenset(d.colours[:2]), d.print, d.shape) for d in designs}) == len(designs)
    for design in designs:
        ground, figure = (lightness(COLOURS[name]) for name in design.colours[:2])
        assert abs(ground - figure) >= LIGHTNESS_GAP


@pytest.mark.parametrize(
    ("split", "views"), [("pretrain", {5}), ("corpus", {5, 6}), ("benchmark", {4}), ("showroom", {4})]
)
def test_view_counts_are_even(dealt: Catalogue, split: Split, views: set[int]) -> None:
    shots = [shot for shot in plan(PARAMS, split, dealt, 0) if shot.alteration is None]
    counts = Counter(design.name for shot in shots for design in shot.designs)
    assert {counts[design.name] for design in dealt.recurring[split]} == views
    loners = [counts[design.name] for design in dealt.loners[split]]
    assert max(loners, default=1) == 1
    assert all(len({d.name for d in shot.designs}) == len(shot.designs) for shot in shots)


def test_near_duplicates_are_planned_only_for_the_corpus(dealt: Catalogue) -> None:
    shots = plan(PARAMS, "corpus", dealt, 0)
    copies = [shot for shot in shots if shot.alteration]
    assert len(copies) == round(0.03 * (len(shots) - len(copies)))
    assert {shot.alteration for shot in copies} == {"recoded", "mirrored", "burst", "shifted"}
    assert all(shots[shot.source].designs == shot.designs for shot in copies)
    others = [*plan(PARAMS, "pretrain", dealt, 0), *plan(PARAMS, "benchmark", dealt, 0)]
    assert not any(shot.alteration for shot in others)


def test_the_same_seed_gives_the_same_world_and_another_seed_a_different_one(dealt: Catalogue) -> None:
    assert catalogue(PARAMS, 0) == dealt != catalogue(PARAMS, 1)
    designs = dealt.recurring["corpus"][:2]
    first, again, other = (draw_scene(designs, scene_seed(0, "corpus", k, 0)) for k in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("name", PRINTS)
def test_prints_show_two_colours_and_tile_sideways(name: str) -> None:
    tile = draw_print(name, 0.9, ((1, 1, 1), (0, 0, 0), (1, 0, 0)), [3]).astype(int)
    assert tile.shape == (160, 144, 3)
    assert tile[..., 1].max() > 230
    assert tile[..., 1].min() < 25
    steps = abs(tile[:, 1:] - tile[:, :-1]).mean((0, 2))
    # An edge right at the seam is one step; inside the tile the reduction spreads it over two columns.
    assert abs(tile[:, 0] - tile[:, -1]).mean() <= 2 * steps.max() + 1


def test_impossible_settings_are_refused() -> None:
    for wrong in ({"designs": 4, "views": 3}, {"designs": 3, "views": 0}, {"designs": 3, "views": 3, "sp": 1}):
        with pytest.raises(ValidationError):
            SplitParams(**wrong)


def test_asking_for_too_many_different_designs_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(designs, "DRAWS", 40)
    with pytest.raises(UserError, match="ask for fewer designs"):
        catalogue(RenderParams(), 0)


def test_the_settings_import_nothing_heavy() -> None:
    script = "import sys, components.sandbox.params; print({'numpy', 'PIL', 'mitsuba'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"
