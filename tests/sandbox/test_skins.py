"""Products in other prints: what covers them, the light on them, and pictures composed of both."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("mitsuba")

from components.common.data.seeds import numpy_rng
from components.sandbox.params import RenderParams
from components.sandbox.rendering import render
from components.sandbox.rendering.designs import Design, catalogue, in_words
from components.sandbox.rendering.palette import COLOURS
from components.sandbox.rendering.prints import EVEN
from components.sandbox.rendering.scenes import Scene, draw_scene
from components.sandbox.rendering.skins import INKS, ROLES, bare, inks, new_wrap, wrap
from components.sandbox.training.compositions import PLACE, Pictures, painted, products_and_places
from components.sandbox.training.crops import cut_window, read_rgb, read_split

SIDE = 96


@pytest.fixture(scope="module")
def designs() -> tuple[Design, ...]:
    """A satin mug, one with another print behind, one with chrome, and a matt one on black."""
    dealt = catalogue(RenderParams(), 0).recurring
    plain = next(d for d in dealt["pretrain"] if d.finish == "satin" and d.shape == "mug" and not d.back)
    sided = next(d for d in dealt["pretrain"] if d.finish == "matt" and d.back)
    chrome = next(d for d in dealt["pretrain"] if d.finish == "chrome" and d.shape == "vase")
    black = next(d for d in dealt["showroom"] if d.finish == "matt" and d.shape == "bottle" and d.colours[0] == "black")
    return plain, sided, chrome, black


def _scene(design: Design) -> Scene:
    return draw_scene((design,), (0, 7))


def _photo(scene: Scene) -> np.ndarray:
    return render.photograph(scene, (0,), SIDE, 64, 4)


def _painted(photo: np.ndarray, old: np.ndarray, was: Design, new: np.ndarray, rgb: tuple) -> np.ndarray:
    def batch(pixels: np.ndarray) -> Tensor:
        return torch.as_tensor(pixels.transpose(2, 0, 1)[None]).float()

    grey, black = bare(photo, old, was)
    seen = painted(batch(grey), batch(black), batch(255 * new), torch.tensor([rgb]), batch(photo))
    return seen[0].permute(1, 2, 0).numpy()


def test_a_cover_is_the_visible_product_and_names_its_parts(designs: tuple[Design, ...]) -> None:
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


def _error(made: np.ndarray, true: np.ndarray, whole: np.ndarray) -> float:
    """Mean error over the product's inks; a picture of its mean colour would have 1."""
    return float(abs(made - true)[whole].mean() / abs(true[whole] - true[whole].mean(0)).mean())


@pytest.mark.parametrize("which", range(4))
def test_a_product_in_its_own_inks_is_the_photograph(designs: tuple[Design, ...], which: int) -> None:
    design = designs[which]
    scene = _scene(design)
    photo, own = _photo(scene), inks(render.covers(scene, SIDE)[0], *wrap(design, INKS))
    assert _error(_painted(photo, own, design, own, design.rgb), photo, own.sum(2) > 0.9) < 0.3


@pytest.mark.parametrize("print_", ["starred", "zigzag"])
@pytest.mark.parametrize("which", [0, 3])
def test_a_product_in_other_inks_looks_as_if_it_had_been_rendered_in_them(
    designs: tuple[Design, ...], which: int, print_: str
) -> None:
    design, colours = designs[which], ((0.9, 0.8, 0.2), (0.2, 0.3, 0.6), (0.7, 0.2, 0.2))
    other = replace(design, print=print_, print_seed=(1, 2, 3, 4), rgb=colours)
    scene = _scene(design)
    cover, photo = render.covers(scene, SIDE)[0], _photo(scene)
    true = _photo(replace(scene, placements=(replace(scene.placements[0], design=other),)))
    new = inks(cover, *wrap(other, INKS))
    made = _painted(photo, inks(cover, *wrap(design, INKS)), design, new, other.rgb)
    assert _error(made, true, new.sum(2) > 0.9) < 0.5


def test_a_product_as_rendered_in_its_own_place_is_the_photograph(with_skins: Path) -> None:
    data = read_split(with_skins)
    pictures = Pictures.of(data)
    rng = np.random.default_rng(0)
    as_rendered = [replace(pictures.outfit(k, rng), worn=None) for k in range(2)]
    plain, both, other = torch.eye(3).expand(2, 3, 3), np.array([0, 1]), np.array([0, 2])
    same = pictures.composed(both, both, as_rendered, plain)
    torch.testing.assert_close(same.pixels, pictures.photos.pixels[both].float(), atol=1e-2, rtol=0)
    moved = pictures.composed(both, other, as_rendered, plain)
    assert torch.equal(moved.limits, pictures.photos.limits[other])
    mask = pictures.masks_N1HW.expand(-1, 3, -1, -1)[1]
    for where, shown in ((mask == 0, pictures.plates.pixels[2]), (mask == 255, pictures.photos.pixels[1])):
        assert where.any()
        torch.testing.assert_close(moved.pixels[1][where], shown[where].float(), atol=1e-2, rtol=0)


def test_prints_are_what_they_are_called(with_skins: Path) -> None:
    data = read_split(with_skins)
    pictures = Pictures.of(data)
    for n, product in enumerate(data.products[:3]):
        for k, name in enumerate(pictures.prints[n]):
            around, repeats = new_wrap(product.attributes["shape"], name, numpy_rng(0, "outfits", k, n))
            shares = inks(read_rgb(product.skin["cover"]), around, repeats)
            window = cut_window(np.round(255 * shares).astype(np.uint8), product.box, 2.3, 144)
            assert np.array_equal(pictures.inks_KN3HW[k, n].numpy(), window) and window.max() > 200


def test_pictures_are_drawn_with_their_true_words(with_skins: Path) -> None:
    pictures = Pictures.of(read_split(with_skins))
    seen, words = pictures.draw(64, np.random.default_rng(2), torch.Generator().manual_seed(0))
    assert len(seen.pixels) == len(words) == len(pictures.words)
    picks, places = products_and_places(len(words), 64, np.random.default_rng(2))
    assert (picks != places).any()
    assert [entry["shape"] for entry in words] == [pictures.words[k]["shape"] for k in picks]
    assert [entry["floor"] for entry in words] == [pictures.words[k]["floor"] for k in places]
    rng = np.random.default_rng(1)
    for outfit in (pictures.outfit(0, rng) for _ in range(40)):
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
