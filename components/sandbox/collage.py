"""Collages: products cut out by their masks and set into other photographs' clean plates, for models that memorise.

A few hundred photographs tie each product to a few rooms; collages break that tie. They lack shadows and true light.
"""

from dataclasses import replace

import numpy as np
from PIL import Image

from components.common.geometry import Box
from components.common.seeds import numpy_rng
from components.sandbox.crops import Product, SplitData

SIZE_RANGE = (0.75, 1.25)  # of the product's size in its own photograph


def collages(data: SplitData, count: int, seed: int) -> SplitData:
    """`count` collages as a split: each one product in one room that was photographed with a single product.

    A collage's attributes are the product's, but floor and wall are the room's.
    """
    alone = np.bincount([product.photo for product in data.products], minlength=len(data.photos)) == 1
    rooms = [product for product in data.products if alone[product.photo]]
    plates = [np.asarray(Image.open(room.plate).convert("RGB")) for room in rooms]
    photos, products = [], []
    for index in range(count):
        rng = numpy_rng(seed, "collage", index)
        product = data.products[rng.integers(len(data.products))]
        room = rng.integers(len(rooms))
        photo, box = _set_into(plates[room], _cut_out(data, product), rng)
        setting = {name: rooms[room].attributes[name] for name in ("floor", "wall")}
        photos.append(photo)
        products.append(replace(product, photo=index, box=box, attributes=product.attributes | setting))
    return SplitData(np.stack(photos), tuple(products))


def _cut_out(data: SplitData, product: Product) -> Image.Image:
    """The product's box as RGBA, transparent outside its mask."""
    pixels = Image.fromarray(data.photos[product.photo])
    pixels.putalpha(Image.open(product.mask).convert("L"))
    x, y, w, h = (round(v) for v in product.box)
    return pixels.crop((x, y, x + w, y + h))


def _set_into(plate: np.ndarray, product: Image.Image, rng: np.random.Generator) -> tuple[np.ndarray, Box]:
    """The plate with the product anywhere inside it, at another size; and the product's box."""
    side = len(plate)
    factor = min(rng.uniform(*SIZE_RANGE), (side - 1) / max(product.size))
    w, h = (max(8, round(length * factor)) for length in product.size)
    x, y = int(rng.integers(side - w + 1)), int(rng.integers(side - h + 1))
    product = product.resize((w, h), Image.Resampling.BICUBIC)
    scene = Image.fromarray(plate)
    scene.paste(product, (x, y), product)
    return np.asarray(scene), Box(x, y, w, h)
