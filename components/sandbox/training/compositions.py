"""Captioned pictures of designs that were never rendered: products in other prints and in other products' places.

From a few thousand photographs a model memorises designs and what was next to them. Here any print in any colours
meets any shape on any floor and wall, and the words are known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from components.common.data.seeds import numpy_rng
from components.common.errors import UserError
from components.common.stage.progress import track
from components.sandbox.rendering.designs import in_words
from components.sandbox.rendering.palette import COLOURS, Rgb, draw_palette, jitter
from components.sandbox.rendering.prints import PRINTS
from components.sandbox.rendering.skins import GREY, inks, new_wrap
from components.sandbox.training.crops import Product, SplitData, Windows, cut_window, dyed, read_rgb, windows
from components.sandbox.training.train_clip import recolour, words_of

REACH, WINDOW = 2.3, 144  # of the windows: in sides of the box; px, about as many as the photograph has there
PRINTS_EACH = 4  # prints a product can be shown in
DRESSED = 0.75  # share of products shown in one of these
MOVED = 0.5  # share of products shown in another photograph's place
THREE = 1 / 3  # share of palettes whose trim is always a third colour, as in the world
PLACE = ("floor", "wall")


@dataclass(frozen=True)
class Outfit:
    """How a product is shown. worn: which of its prints, None for as rendered. rgb: of its three inks."""

    worn: int | None
    words: dict[str, str]
    rgb: tuple[Rgb, Rgb, Rgb]


@dataclass(frozen=True)
class Pictures:
    """Windows of all products: the photograph, the photograph without the product, the product in grey and in black.

    masks: of the product. inks: of the prints it can be shown in, see `printed`.
    prints: their names, [N][PRINTS_EACH]. words: of the product as rendered and of its place.
    """

    photos: Windows
    plates: Windows
    grey: Windows
    black: Windows
    masks_N1HW: Tensor
    inks_KN3HW: Tensor
    prints: Sequence[Sequence[str]]
    words: Sequence[dict[str, str]]

    @classmethod
    def of(cls, data: SplitData, seed: int = 0) -> "Pictures":
        """The windows of splits with plates and skins; the seed draws the prints."""

        def cut(picture: Callable[[Product], np.ndarray] | None = None) -> Windows:
            return windows(data, REACH, WINDOW, picture)

        rng = numpy_rng(seed, "outfits")
        prints = [[list(PRINTS)[k] for k in rng.permutation(len(PRINTS))[:PRINTS_EACH]] for _ in data.products]
        grey, black = (cut(partial(_read_skin, name=name)) for name in ("grey", "black"))
        masks = cut(lambda product: read_rgb(product.mask)).pixels[:, :1].clone()
        words = [words_of(product.attributes) for product in data.products]
        plates = cut(lambda product: read_rgb(product.plate))
        return cls(cut(), plates, grey, black, masks, printed(data.products, prints, seed), prints, words)

    def draw(
        self, count: int, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Windows, list[dict[str, str]]]:
        """Up to `count` pictures, float windows in 0..255, and their words."""
        picks, places = products_and_places(len(self.words), count, rng)
        outfits = [self.outfit(k, rng) for k in picks]
        place, dye_B33 = recolour([{role: self.words[k][role] for role in PLACE} for k in places], generator, 1.0)
        words = [outfit.words | there for outfit, there in zip(outfits, place, strict=True)]
        return self.composed(picks, places, outfits, dye_B33), words

    def outfit(self, product: int, rng: np.random.Generator) -> Outfit:
        """With probability DRESSED, one of the product's prints in colours drawn as the world draws them."""
        words = {role: word for role, word in self.words[product].items() if role not in PLACE}
        if rng.random() >= DRESSED:
            return Outfit(None, words, ((0.0, 0.0, 0.0),) * 3)
        worn, names = int(rng.integers(PRINTS_EACH)), draw_palette(rng, three=rng.random() < THREE)
        print_ = self.prints[product][worn]
        ground, figure = in_words(print_, *names[:2])
        one, two, three = (jitter(COLOURS[name], rng) for name in names)
        return Outfit(worn, words | {"print": print_, "ground": ground, "figure": figure}, (one, two, three))

    def composed(self, picks: np.ndarray, places: np.ndarray, outfits: Sequence[Outfit], dye_B33: Tensor) -> Windows:
        """Products `picks` in their outfits, in the dyed places `places`: their own place, or another's plate."""
        own, other = torch.as_tensor(picks), torch.as_tensor(places)
        photos, mask = self.photos[own], self.masks_N1HW[own] / 255
        worn = torch.tensor([outfit.worn or 0 for outfit in outfits])
        dressed = torch.tensor([outfit.worn is not None for outfit in outfits])[:, None, None, None]
        product = painted(self.grey.pixels[own], self.black.pixels[own], self.inks_KN3HW[worn, own] * dressed,
                          torch.tensor([outfit.rgb for outfit in outfits]), photos.pixels)  # fmt: skip
        behind = torch.where((own == other)[:, None, None, None], photos.pixels, self.plates.pixels[other])
        pixels = mask * product + (1 - mask) * dyed(behind, dye_B33)
        return replace(photos, pixels=pixels.clamp(0, 255), limits=self.photos.limits[other])


def printed(products: Sequence[Product], prints: Sequence[Sequence[str]], seed: int) -> Tensor:
    """Each product in the named prints: shares of three inks, 0..255, uint8 [K, N, 3, WINDOW, WINDOW]."""
    worn = np.empty((PRINTS_EACH, len(products), 3, WINDOW, WINDOW), np.uint8)
    for n, product in enumerate(track(products, "print products")):
        cover = _read_skin(product, "cover")
        for k, name in enumerate(prints[n]):
            around, repeats = new_wrap(product.attributes["shape"], name, numpy_rng(seed, "outfits", k, n))
            shares = np.round(255 * inks(cover, around, repeats)).astype(np.uint8)
            worn[k, n] = cut_window(shares, product.box, REACH, WINDOW)
    return torch.as_tensor(worn)


def painted(grey_B3HW: Tensor, black_B3HW: Tensor, inks_B3HW: Tensor, rgb_B33: Tensor, photo_B3HW: Tensor) -> Tensor:
    """Photographs with the product in other inks, float32 [B, 3, H, W] in 0..255 like all pictures here.

    inks: shares, 0..255. rgb: the colours of the three inks, 0..1, one row each. What shines through the rim of the
    product, and what floors mirror, keeps the photograph's colours.
    """
    inks_B3HW = inks_B3HW / 255
    share = inks_B3HW.sum(1, keepdim=True)
    paint = torch.einsum("bihw,bij->bjhw", inks_B3HW, rgb_B33) / share.clamp(min=1e-3)
    black = (black_B3HW / 255) ** 2
    light = black + paint**2 / GREY * ((grey_B3HW / 255) ** 2 - black)
    share = share.clamp(max=1)
    return share * 255 * light.clamp(1e-6, 1).sqrt() + (1 - share) * photo_B3HW


def products_and_places(count: int, batch: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions of up to `batch` products, and of those whose places they take: another's with probability MOVED."""
    picks, others = (rng.permutation(count)[:batch] for _ in range(2))
    return picks, np.where(rng.random(len(picks)) < MOVED, others, picks)


def _read_skin(product: Product, name: str) -> np.ndarray:
    if name not in product.skin:
        raise UserError(f"{product.mask.parents[1]} has no skins: remove it and run `objectmate sandbox render`")
    return read_rgb(product.skin[name])
