"""Latents as training samples: everything random about a sample is a function of (seed, its global index).

So a killed run that resumes at sample n sees the same samples as without the kill. The devices take the indices in
turn, so any number of devices sees the same samples per optimiser step (NVlabs/edm2 counts images in the same way).
"""

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from components.common.data.reading import Dataset
from components.common.data.seeds import numpy_rng, torch_generator
from components.common.references import REFERENCES, fill_references
from components.training.params import Params

Sample = dict[str, torch.Tensor]


class GlobalSampler(Sampler[int]):
    """The endless sequence of global sample indices of one device: start + rank, then every `world`-th."""

    def __init__(self, start: int = 0, rank: int = 0, world: int = 1):
        self.start, self.rank, self.world = start, rank, world

    def __iter__(self) -> Iterator[int]:
        return count(self.start + self.rank, self.world)


class Latents:
    """The arrays of a latents dataset, read row by row from memory-mapped files."""

    def __init__(self, dataset: Dataset, split: str):
        parts = [safe_open(path, "numpy") for path in dataset.files(".safetensors")]
        firsts = np.cumsum([0, *(part.get_slice("target").get_shape()[0] for part in parts)]).tolist()
        table = dataset.table(["split", "group"])
        splits = np.asarray(table["split"].to_pylist())
        self._parts, self._firsts = parts, firsts
        self.rows = np.flatnonzero(splits == split)
        self.groups = np.asarray(table["group"].to_pylist())[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Sample:
        """Row `position` of the split as float32 tensors: target, background, refs, mask, text."""
        row = int(self.rows[position])
        part = bisect_right(self._firsts, row) - 1
        arrays, within = self._parts[part], row - self._firsts[part]
        stored = {name: arrays.get_slice(name)[within] for name in arrays.keys()}  # noqa: SIM118  # not a mapping
        return {name: torch.from_numpy(array.astype(np.float32)) for name, array in stored.items()}


class Dropout(NamedTuple):
    """Which of its conditions a sample keeps."""

    refs: bool
    text: bool


class TrainingSamples(TorchDataset[Sample]):
    """Global sample index -> a training sample with its noise (`noise`), noise level (`level`) and dropout applied."""

    def __init__(self, latents: Latents, null_TD: torch.Tensor, params: Params):
        self.latents, self.null_TD, self.params = latents, null_TD, params
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def _shuffled(self, epoch: int) -> np.ndarray:
        return numpy_rng(self.params.seed, "order", epoch).permutation(len(self.latents))

    def __getitem__(self, index: int) -> Sample:
        epoch, position = divmod(index, len(self.latents))
        sample = self.latents[int(self._order(epoch)[position])]
        generator = torch_generator(self.params.seed, "sample", index)
        draws = torch.rand(4, generator=generator).tolist()
        conditions = dropout(draws[0], self.params)
        if not conditions.text or self.params.task == "insertion":
            sample["text"] = self.null_TD
        order = torch.randperm(REFERENCES, generator=generator).tolist()
        views = reference_count(draws[1:3], self.params.fewer_refs)
        sample["refs"] = sample["refs"][fill_references(order[:views])] * conditions.refs
        sample["level"] = torch.randn((), generator=generator)
        sample["noise"] = torch.randn(sample["target"].shape, generator=generator)
        return sample


def dropout(draw: float, params: Params) -> Dropout:
    """The conditions to keep, from ONE uniform draw: with independent draws, the share that loses both would differ
    from `drop_both`."""
    if draw < params.drop_both:
        return Dropout(refs=False, text=False)
    if draw < params.drop_both + params.drop_refs:
        return Dropout(refs=False, text=True)
    return Dropout(refs=True, text=draw >= params.drop_both + params.drop_refs + params.drop_text)


def reference_count(draws: list[float], fewer: float) -> int:
    """Three references; for a share `fewer` of the samples, one or two with equal probability."""
    return REFERENCES if draws[0] >= fewer else 1 + int(draws[1] * (REFERENCES - 1))
