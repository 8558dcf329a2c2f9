"""Samples are functions of (seed, global index); dropout shares are as requested."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from components.common.data.reading import Dataset
from components.training.data import GlobalSampler, Latents, TrainingSamples, dropout, reference_count
from components.training.loop import loader
from components.training.params import Insertion

PARAMS = Insertion(images=64, batch=8, warmup=0, fewer_refs=0.5, drop_refs=0.1, drop_text=0.1, drop_both=0.1)
NULL = torch.zeros(8, 16)


@pytest.fixture
def samples(latents: Path) -> TrainingSamples:
    return TrainingSamples(Latents(Dataset(latents), "train"), NULL, PARAMS)


def test_rows_of_all_parts_are_found(latents: Path) -> None:
    dataset = Dataset(latents)
    train, arrays = Latents(dataset, "train"), dataset.arrays()
    assert len(train) == 32 and len(Latents(dataset, "validation")) == 8
    row = int(train.rows[-1])
    assert row > 24  # in the second part
    assert np.array_equal(train[len(train) - 1]["target"].numpy(), arrays["target"][row].astype(np.float32))


def test_world_size_does_not_change_the_samples(samples: TrainingSamples) -> None:
    one = [batch["noise"] for batch in islice(loader(samples, PARAMS, start=16), 3)]
    ranks = [islice(loader(samples, PARAMS, start=16, rank=rank, world=2), 3) for rank in range(2)]
    for whole, *parts in zip(one, *([b["noise"] for b in rank] for rank in ranks), strict=True):
        dealt = torch.stack(parts, dim=1).flatten(0, 1)  # rank 0 has even positions, rank 1 odd ones
        assert torch.equal(whole, dealt)


def test_a_later_start_continues_the_same_sequence() -> None:
    assert list(islice(GlobalSampler(), 10))[6:] == list(islice(GlobalSampler(6), 4))


def test_a_sample_is_the_same_whenever_it_is_drawn(samples: TrainingSamples) -> None:
    first = samples[41]
    samples[3]
    again = samples[41]
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["noise"], samples[42]["noise"])


def test_each_epoch_visits_every_tuple_in_another_order(samples: TrainingSamples) -> None:
    orders = [samples._order(epoch).tolist() for epoch in range(2)]
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]) == list(range(32))


def test_one_draw_gives_the_requested_shares() -> None:
    kept = [dropout(draw, PARAMS) for draw in np.linspace(0, 1, 1000, endpoint=False)]
    shares = {pair: kept.count(pair) / 1000 for pair in set(kept)}  # (refs, text)
    expected = {(False, False): 0.1, (False, True): 0.1, (True, False): 0.1, (True, True): 0.7}
    assert shares == pytest.approx(expected, abs=0.002)


def test_one_two_and_three_references_occur() -> None:
    rng = np.random.default_rng(0)
    counts = [reference_count(rng.random(2).tolist(), 0.5) for _ in range(2000)]
    assert np.bincount(counts, minlength=4)[1:] / 2000 == pytest.approx([0.25, 0.25, 0.5], abs=0.03)


def test_insertion_never_sees_a_caption(samples: TrainingSamples) -> None:
    assert all(torch.equal(samples[k]["text"], NULL) for k in range(8))


def test_generation_sees_captions(latents: Path) -> None:
    params = PARAMS.model_copy(update={"task": "generation"})
    samples = TrainingSamples(Latents(Dataset(latents), "train"), NULL, params)
    seen = [bool(samples[k]["text"].any()) for k in range(200)]
    assert 0.7 < np.mean(seen) < 0.9  # text and both are dropped: 20 %
