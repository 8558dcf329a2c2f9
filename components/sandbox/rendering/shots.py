"""Which products share a photograph: designs are dealt from shuffled decks, so that view counts are even."""

from dataclasses import dataclass
from itertools import cycle

import numpy as np

from components.sandbox.params import SPLITS, RenderParams, Split, SplitParams
from components.sandbox.rendering.designs import Catalogue, Design

ALTERATIONS = ("recoded", "mirrored", "burst", "shifted")
_DECK, _DUPLICATES, _SCENE = 201, 202, 203


@dataclass(frozen=True)
class Shot:
    """One photograph to take. `source`: index of the photograph whose scene it shows, itself or the original."""

    index: int
    designs: tuple[Design, ...]
    source: int
    alteration: str | None = None


def scene_seed(seed: int, split: Split, source: int, attempt: int) -> tuple[int, ...]:
    """The counter that every random draw of a photograph starts from."""
    return (seed, _SCENE, SPLITS.index(split), source, attempt)


def plan(params: RenderParams, split: Split, catalogue: Catalogue, seed: int) -> list[Shot]:
    """All photographs of a split, near-duplicates last."""
    rng = np.random.default_rng([seed, _DECK, SPLITS.index(split)])
    settings = params.of(split)
    deal = _deal_subjects if settings.fixed_main else _deal_all
    groups = deal(settings, catalogue.recurring[split], catalogue.loners[split], rng)
    shots = [Shot(index, designs, index) for index, designs in enumerate(groups)]
    return shots + _duplicates(shots, settings.duplicate_share, np.random.default_rng([seed, _DUPLICATES]))


def _deck(designs: tuple[Design, ...], views: float, rng: np.random.Generator) -> list[Design]:
    """Each design floor(views) or ceil(views) times, never twice in one round."""
    total = round(len(designs) * views)
    deck: list[Design] = []
    while len(deck) < total:
        deck += [designs[k] for k in rng.permutation(len(designs))]
    return deck[:total]


def _deal_all(
    settings: SplitParams, designs: tuple[Design, ...], loners: tuple[Design, ...], rng: np.random.Generator
) -> list[tuple[Design, ...]]:
    """Singles and pairs of recurring designs, and singles of loners, shuffled."""
    deck = _deck(designs, settings.views, rng)
    groups: list[tuple[Design, ...]] = [(design,) for design in loners]
    while deck:
        first = deck.pop()
        together = bool(deck) and deck[-1] != first and rng.random() < settings.pair_share
        groups.append((first, deck.pop()) if together else (first,))
    return [groups[k] for k in rng.permutation(len(groups))]


def _deal_subjects(
    settings: SplitParams, designs: tuple[Design, ...], loners: tuple[Design, ...], rng: np.random.Generator
) -> list[tuple[Design, ...]]:
    """Each photograph has one subject, alone or with its own bystander."""
    deck = sorted(_deck(designs, settings.views, rng), key=lambda design: design.name)
    together = rng.random(len(deck)) < settings.pair_share
    return [(main, other) if pair else (main,) for main, other, pair in zip(deck, loners, together, strict=True)]


def _duplicates(shots: list[Shot], share: float, rng: np.random.Generator) -> list[Shot]:
    count = round(share * len(shots))
    chosen = sorted(rng.choice(len(shots), count, replace=False).tolist())
    return [
        Shot(len(shots) + k, shots[source].designs, source, alteration)
        for k, (source, alteration) in enumerate(zip(chosen, cycle(ALTERATIONS), strict=False))
    ]
