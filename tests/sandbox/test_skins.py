"""Products in other prints: what covers them, the light on them, and pictures composed of both."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("mitsuba")

from components.sandbox import render
from components.sandbox.compositions import PLACE, Pictures, painted, products_and_places
from components.sandbox.crops import read_rgb, read_split
from components.sandbox.designs import Design, catalogue, in_words
from components.sandbox.palette import COLOURS
from components.sandbox.params import RenderParams
from components.sandbox.prints import EVEN
from components.sandbox.scenes import Scene, draw_scene
from components.sandbox.skins import INKS, ROLES, bare, inks, wrap

SIDE = 96


@pytest.fixture(scope="module")
def designs() -> tuple[Design, ...]:
    """A plain one, one with another print behind, and one with chrome."""
    dealt = catalogue(RenderParams(), 0).recurring["pretrain"]
    plain = next(d for d in dealt if d.finish == "satin" and d.shape == "mug" and not d.back)
    sided = next(d for d in dealt if d.finish == "matt" and d.back)
    return plain, sided, next(d for d in dealt if d.finish == "chrome" and d.shape == "vase")


def _scene(design: Design) -> Scene:
    return draw_scene((design,), (0, 7))


def _photo(scene: Scene) -> np.ndarray:
    return render.photograph(scene, (0,), SIDE, 64, 4)


def _painted(photo: np.ndarray, old: np.ndarray, was: Design, new: np.ndarray, rgb: tuple) -> np.ndarray:
    def batch(pixels: np.ndarray) -> Tensor:
        return torch.as_tensor(pixels.transpose(2, 0, 1)[None]).float()

    grey, black = bare(photo, old, was.rgb)
    seen = painted(batch(grey), batch(black), batch(255 * new), torch.tensor([rgb]), batch(photo))
    return seen[0].permute(1, 2, 0).numpy()


def test_a_cover_is_the_visible_product_and_says_its_parts(designs: tuple[Design, ...]) -> None:
    scene = _scene(designs[0])
    cover, mask = render.covers(scene, SIDE)[0], render.masks(scene, (0,), SIDE)[0]
    inside = (cover[..., 2] > 0).reshape(SIDE, 3, SIDE, 3).mean((1, 3))
    assert (abs(inside - mask) < 0.6).mean() > 0.995
    assert set(np.unique(cover[..., 2])) == {0, *(ROLES.index(role) + 1 for role in ("print", "ground", "trim"))}
    assert cover[cover[..., 2] != 1][:, :2].max() == 0


def test_metal_takes_no_ink(designs: tuple[Design, ...]) -> None:
    chrome = designs[2]
    cover = render.covers(_scene(chrome), SIDE)[0]
    shares = inks(cover, *wrap(chrome, INKS)).sum(2)
    assert {1, 4} <= set(np.unique(cover[..., 2])) and 3 not in cover[..., 2]
    metal = (cover[..., 2] == 4).reshape(SIDE, 3, SIDE, 3).all((1, 3))
    printed = (cover[..., 2] == 1).reshape(SIDE, 3, SIDE, 3).all((1, 3))
    assert metal.any() and shares[metal].mean() < 0.2 and shares[printed].mean() > 0.95 and shares.max() < 1.02


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_product_in_its_own_inks_is_the_photograph(designs: tuple[Design, ...], which: int) -> None:
    design = designs[which]
    scene = _scene(design)
    photo, own = _photo(scene), inks(render.covers(scene, SIDE)[0], *wrap(design, INKS))
    again = _painted(photo, own, design, own, design.rgb)
    assert abs(again - photo)[own.sum(2) > 0.9].mean() < 15
    assert np.array_equal(again[own.sum(2) == 0].round(), photo[own.sum(2) == 0])


@pytest.mark.parametrize("print_", ["starred", "zigzag"])
def test_a_product_in_other_inks_looks_as_if_it_had_been_rendered_in_them(designs: tuple, print_: str) -> None:
    design = designs[0]
    other = replace(
        design, print=print_, print_seed=(1, 2, 3, 4), rgb=((0.9, 0.8, 0.2), (0.2, 0.3, 0.6), (0.7, 0.2, 0.2))
    )
    scene = _scene(design)
    cover, photo = render.covers(scene, SIDE)[0], _photo(scene)
    true = _photo(replace(scene, placements=(replace(scene.placements[0], design=other),)))
    new = inks(cover, *wrap(other, INKS))
    made = _painted(photo, inks(cover, *wrap(design, INKS)), design, new, other.rgb)
    whole = new.sum(2) > 0.9
    assert abs(made - true)[whole].mean() < 0.3 * abs(photo.astype(float) - true)[whole].mean()


def test_a_product_as_rendered_in_its_own_place_is_the_photograph(with_skins: Path) -> None:
    data = read_split(with_skins)
    pictures = Pictures.of(data)
    rng = np.random.default_rng(0)
    bare_outfits = [replace(pictures.outfit(k, rng), worn=None) for k in range(2)]
    plain, both, other = torch.eye(3).expand(2, 3, 3), np.array([0, 1]), np.array([0, 2])
    same = pictures.composed(both, both, bare_outfits, plain)
    torch.testing.assert_close(same.pixels, pictures.photos.pixels[both].float(), atol=1e-2, rtol=0)
    moved = pictures.composed(both, other, bare_outfits, plain)
    assert torch.equal(moved.limits, pictures.photos.limits[other])
    outside = pictures.masks_N1HW.expand(-1, 3, -1, -1)[1] == 0
    torch.testing.assert_close(moved.pixels[1][outside], pictures.plates.pixels[2][outside].float(), atol=1e-2, rtol=0)


def test_pictures_are_drawn_with_the_words_that_are_true_of_them(with_skins: Path) -> None:
    pictures = Pictures.of(read_split(with_skins))
    seen, words = pictures.draw(64, np.random.default_rng(0), torch.Generator().manual_seed(0))
    assert len(seen.pixels) == len(words) == len(pictures.words) and seen.pixels.max() <= 255
    picks, _ = products_and_places(len(words), 64, np.random.default_rng(0))
    assert [entry["shape"] for entry in words] == [pictures.words[k]["shape"] for k in picks]
    rng = np.random.default_rng(1)
    for _ in range(40):
        outfit = pictures.outfit(0, rng)
        assert set(outfit.words) | set(PLACE) == set(pictures.words[0])
        if outfit.worn is None:
            assert all(pictures.words[0][role] == word for role, word in outfit.words.items())
            continue
        assert outfit.words["print"] == pictures.prints[0][outfit.worn]
        named = np.array(COLOURS[outfit.words["ground"]]) / 255
        may_be = outfit.rgb[:2] if outfit.words["print"] in EVEN else outfit.rgb[:1]
        assert min(abs(np.array(rgb) - named).max() for rgb in may_be) < 0.16


def test_an_even_print_is_named_by_its_lighter_colour_first() -> None:
    assert in_words("checked", "navy", "white") == in_words("checked", "white", "navy") == ("white", "navy")
    assert in_words("starred", "navy", "white") == ("navy", "white")


def test_what_a_render_stores_is_as_large_as_its_photographs(with_skins: Path) -> None:
    for product in read_split(with_skins).products:
        sizes = {name: read_rgb(path).shape for name, path in product.skin.items()}
        assert sizes == {"cover": (192, 192, 3), "grey": (64, 64, 3), "black": (64, 64, 3)}
