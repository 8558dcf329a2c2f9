"""Synthetic vectors of a corpus in which products recur, for measurements: made from a seed, at any size."""

import numpy as np

from components.common.data.seeds import numpy_rng

LOW, HIGH = 0.93, 0.975  # the paper's window
VIEWS, CATEGORY = 40, 250  # vectors per product; products per category
ALIKE, NOISE = 0.6, 0.24  # cosine of two products of a category; distance of a view from its product


def product_vectors(n: int, d: int) -> np.ndarray:
    """fp16 unit vectors [n, d]: views of products, whose similarities are around the window.

    Products of a category resemble each other, so that many pairs are similar, but not enough.
    """
    rng = numpy_rng(0, "bench", n, d)

    def directions(count: int) -> np.ndarray:
        rows = rng.normal(size=(count, d))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    products = -(-n // VIEWS)
    category = directions(-(-products // CATEGORY))[np.arange(products) // CATEGORY]
    product = ALIKE**0.5 * category + (1 - ALIKE) ** 0.5 * directions(products)
    product /= np.linalg.norm(product, axis=1, keepdims=True)
    views = product[rng.permutation(n) % products] + NOISE * directions(n)
    return (views / np.linalg.norm(views, axis=1, keepdims=True)).astype(np.float16)
