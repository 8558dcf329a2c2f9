"""What both runs drew for the same benchmark samples from the same noise, next to the truth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.sandbox import resolve
from components.common.errors import UserError
from components.common.systems import MODEL
from components.common.vision.images import decode, webp_address
from components.common.vision.sheets import evenly_spread
from components.evaluation.benchmark import InsertionSample, load, samples_of
from components.evaluation.benchmark import Sample as Given
from components.evaluation.params import Params
from pipelines.compare.comparison import Against
from pipelines.compare.comparison import Sample as Changed
from pipelines.compare.named import Named
from pipelines.engines.request import moved
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.steps import STEPS

EXTREMES, SPREAD = 4, 4
"""How many of the greatest losses and gains of a benchmark are shown, and of the others, evenly spread between."""
BUDGET = 3_200_000
"""Bytes of pictures on a page, which base64 makes a third larger: the whole page stays below 5 MB."""
SIDE = 256


@dataclass(frozen=True)
class Card:
    """A sample as two runs drew it. Pictures are data URLs; truth and reference_view are empty if unavailable.

    why: the reason it was chosen. prompt: of a generated picture.
    """

    benchmark: str
    sample: str
    why: str
    by: str
    change: float
    reference: str
    run: str
    truth: str
    reference_view: str
    prompt: str


@dataclass(frozen=True)
class Cards:
    """The cards of one run, and sentences about what is missing or differs."""

    cards: list[Card]
    notes: list[str]


def all_cards(reference: Named, runs: Sequence[Named], against: Sequence[Against]) -> list[Cards]:
    """The cards of each run. Each gets an equal share of what a page holds."""
    share = BUDGET // max(len(runs), 1)
    return [_cards(reference, run, each.samples, share) for run, each in zip(runs, against, strict=True)]


def _cards(reference: Named, run: Named, samples: Sequence[Changed], budget: int) -> Cards:
    chosen = [pick for benchmark in dict.fromkeys(s.benchmark for s in samples) for pick in _chosen(samples, benchmark)]
    if not chosen:
        return Cards([], [])
    given, notes = _given(reference)
    drawn = [_drawn(each.workspace) for each in (reference, run)]
    cards: list[Card] = []
    for why, changed in chosen:
        key = (changed.benchmark, changed.sample)
        if not all(key in own for own in drawn):
            continue
        card = _card(why, changed, drawn[0][key], drawn[1][key], given.get(key))
        budget -= sum(len(picture) * 3 // 4 for picture in (card.reference, card.run, card.truth, card.reference_view))
        if budget < 0:
            break
        cards.append(card)
    if len(cards) < len(chosen):
        notes.append(
            f"{len(cards)} of {len(chosen)} chosen samples are shown: the others would make the page too large"
        )
    return Cards(cards, notes + list(_other_noise(reference.workspace, run.workspace)))


def _chosen(samples: Sequence[Changed], benchmark: str) -> Iterator[tuple[str, Changed]]:
    """The worst, the best, and some between, each once."""
    own = [sample for sample in samples if sample.benchmark == benchmark]
    lost, gained = own[:EXTREMES], own[EXTREMES:][::-1][:EXTREMES]
    between = own[EXTREMES : len(own) - len(gained)]
    yield from (("among the greatest losses", sample) for sample in lost)
    yield from (("among the greatest gains", sample) for sample in gained)
    yield from (("between", between[at]) for at in evenly_spread(len(between), SPREAD))


def _drawn(workspace: Workspace) -> dict[tuple[str, str], Image.Image]:
    """(benchmark, sample) -> what the model drew."""
    samples = Dataset(workspace.dataset("samples"))
    rows = [row for row in samples.rows() if row["system"] == MODEL]
    return {(row["benchmark"], row["sample"]): decode(samples.blob(row, "image")) for row in rows}


def _given(run: Named) -> tuple[Mapping[tuple[str, str], Given], list[str]]:
    """(benchmark, sample) -> what every system received, and a sentence if the benchmark is unavailable."""
    params = read_step(run.workspace.params, STEPS["evaluation"])
    assert isinstance(params, Params)
    params = _seen_from_here(params, run.home)
    try:
        benchmark = load(resolve(params.benchmark))
    except (UserError, OSError) as error:
        return {}, [f"truths and references are not shown: {error}"]
    by_benchmark = samples_of(benchmark, params)
    return {(name, sample.name): sample for name, samples in by_benchmark.items() for sample in samples}, []


def _seen_from_here(params: Params, home: Path) -> Params:
    """The parameters with the benchmark's path relative to the current folder."""
    return params.model_copy(update=moved({"benchmark": params.benchmark}, home, Path()))


def _card(why: str, changed: Changed, before: Image.Image, after: Image.Image, given: Given | None) -> Card:
    pictures = _embedded(before), _embedded(after)
    card = Card(changed.benchmark, changed.sample, why, changed.by, changed.change, *pictures, "", "", "")
    if given is None:
        return card
    truth = _embedded(given.truth) if isinstance(given, InsertionSample) else ""
    return replace(card, truth=truth, reference_view=_embedded(given.references[0]), prompt=given.prompt)


def _embedded(picture: Image.Image) -> str:
    """A data URL; lossless if the picture is small, where every pixel counts."""
    return webp_address(picture, SIDE, lossless=max(picture.size) <= SIDE // 4)


def _other_noise(reference: Workspace, run: Workspace) -> Iterator[str]:
    """A sentence if the two runs did not start from the same noise."""
    seeds = [read_step(each.params, STEPS["evaluation"]).model_dump()["seed"] for each in (reference, run)]
    if seeds[0] != seeds[1]:
        yield f"the runs drew from different noise (evaluation's seed {seeds[0]}, then {seeds[1]})"
