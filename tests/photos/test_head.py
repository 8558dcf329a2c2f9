"""The head: it learns what it is shown, keeps the rest, and repeats."""

import numpy as np

from components.photos.head import contrast, kept_part, make_head, train_part
from components.photos.recipe import HeadParams
from components.photos.views import embedding

DIM = 32
PARAMS = HeadParams(trained=8, kept=16, shrink=4, steps=150, batch=64, lr=0.02, drop=0.0)


def crops_of(subjects: int, each: int, seed: int) -> tuple[np.ndarray, list[str]]:
    """Unit features [N, 4, DIM], positive like pooled activations, of which eight dimensions are told apart only by
    weak signals under noise in the others."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((subjects, DIM))
    centres[:, :8] = 0.6 * rng.normal(size=(subjects, 8))
    names = np.repeat(np.arange(subjects), each)
    spread = np.r_[np.full(8, 0.1), np.full(DIM - 8, 0.7)]
    features = 1 + centres[names][:, None] + rng.normal(size=(len(names), 4, DIM)) * spread
    features[:, 1:] = features[:, :1] + rng.normal(size=features[:, 1:].shape) * 0.02
    return (features / np.linalg.norm(features, axis=-1, keepdims=True)).astype(np.float32), [str(n) for n in names]


def right_neighbours(vectors: np.ndarray, subjects: list[str]) -> float:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    return float(
        np.mean([subjects[near] == subject for near, subject in zip(similarity.argmax(1), subjects, strict=True)])
    )


def test_unseen_subjects_are_told_apart_better_than_without_it() -> None:
    seen, names = crops_of(60, 8, seed=0)
    unseen, others = crops_of(20, 8, seed=1)
    weight = train_part(seen, names, PARAMS, seed=0)
    assert right_neighbours(embedding(unseen, np.eye(DIM, dtype=np.float32)), others) < 0.5
    assert right_neighbours(embedding(unseen, weight), others) > 0.9


def test_it_repeats_and_depends_on_the_seed() -> None:
    seen, names = crops_of(10, 4, seed=0)
    first, again, other = (make_head(seen, names, PARAMS, seed=seed) for seed in (0, 0, 1))
    assert first.shape == (24, DIM) and first.dtype == np.float32
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_the_kept_part_is_blind_to_the_mean_and_to_length() -> None:
    seen, _ = crops_of(10, 4, seed=0)
    kept = kept_part(seen, PARAMS)
    assert np.abs(kept @ seen.reshape(-1, DIM).mean(0)).max() < 1e-4
    head = kept.astype(np.float32)
    assert np.allclose(embedding(seen, head), embedding(3 * seen, head), atol=1e-5)


def test_contrast_asks_only_crops_that_have_a_partner() -> None:
    import torch

    vectors = torch.eye(4)
    pair = contrast(torch.stack([vectors[0], vectors[0], vectors[1]]), torch.tensor([0, 0, 1]), 0.1)
    # Both rows of the pair see their partner at cosine 1 and the loner at 0.
    assert torch.isclose(pair, torch.log(1 + torch.exp(torch.tensor(-10.0))), atol=1e-6)
