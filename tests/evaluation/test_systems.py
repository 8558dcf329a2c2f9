"""Treatments and baselines."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluation.benchmark import insertion_samples, load
from components.evaluation.params import Params
from components.evaluation.systems import (
    clean_plate,
    copy_paste,
    derangement,
    model_system,
    one_reference,
    shuffled,
)


@given(st.integers(2, 40), st.integers(0, 1000))
def test_derangement_moves_everyone_and_uses_everyone_once(count: int, seed: int) -> None:
    names = [f"subject {k}" for k in range(count)]
    donors = derangement(names, seed)
    assert sorted(donors) == sorted(donors.values()) == sorted(names)
    assert all(name != donor for name, donor in donors.items())
    assert donors == derangement(names, seed)


def test_derangement_depends_on_the_seed_and_needs_two() -> None:
    names = [str(k) for k in range(12)]
    assert len({tuple(derangement(names, seed).items()) for seed in range(5)}) == 5
    with pytest.raises(ValueError, match="two names"):
        derangement(["alone"], 0)


def test_shuffling_changes_references_and_nothing_else(benchmark_folder: Path, params: Params) -> None:
    samples = insertion_samples(load(benchmark_folder), params)
    lent = shuffled(samples, params.seed)
    owner = {id(reference): sample.subject for sample in samples for reference in sample.references}
    for before, after in zip(samples, lent, strict=True):
        assert {owner[id(reference)] for reference in after.references} != {before.subject}
        assert len({owner[id(reference)] for reference in after.references}) == 1
        assert (after.name, after.background, after.truth, after.box) == (
            before.name,
            before.background,
            before.truth,
            before.box,
        )


def test_the_model_sees_equal_noise_whatever_the_references_and_the_batch(
    benchmark_folder: Path, params: Params
) -> None:
    samples = insertion_samples(load(benchmark_folder), params)
    calls = []

    def grid(references, *, background, mask, prompt, **options):
        calls.append((references, options))
        assert len(background) == len(mask) == len(prompt) == len(references)
        return list(background)

    run = model_system(grid, params)
    run(samples)
    run(one_reference(shuffled(samples, params.seed)))
    run(samples[5:6])
    seeds = [options["seeds"] for _, options in calls]
    assert seeds[0] == seeds[1] and seeds[2] == seeds[0][5:6] and len(set(seeds[0])) == len(samples)
    assert [len(own) for own in calls[1][0]] == [1] * len(samples)


def test_copy_paste_fills_the_box_and_keeps_the_rest(benchmark_folder: Path, params: Params) -> None:
    sample = insertion_samples(load(benchmark_folder), params)[0]
    (pasted,) = copy_paste([sample])
    inside = np.asarray(sample.mask) > 0
    changed = (np.asarray(pasted) != np.asarray(sample.background)).any(2)
    assert changed[inside].mean() > 0.5 and not changed[~inside].any()
    assert clean_plate([sample])[0].tobytes() == sample.background.tobytes()
