"""The model card of an encoder: what it was trained on, and how well the recipe works on unseen subjects."""

from collections import Counter
from collections.abc import Sequence

from components.common.data.digests import short
from components.common.statistics import cluster_t
from components.common.vision.lite import PROVIDED
from components.photos.folds import FOLDS, PARTNERS, PRECISION, Figures, Measured
from components.photos.labelled import Crop
from components.photos.recipe import Recipe
from components.photos.tail import FIRST

TITLES = {
    "recall_at_1": "recall@1",
    "recall": f"recall of pairs at precision {PRECISION:g}",
    "served": f"objects with {PARTNERS} partners there",
}
TUNED = """Before that, the network's blocks from {first} on were tuned together with the trained dimensions:
their 1x1 convolutions alone, in {steps} small steps."""
UNTUNED = "The network is as it was published."
CARD = """# Instance retrieval on photographs of products

Embeds a crop of a product as {dim} logits; the cosine of two embeddings says whether the crops show the same product.
Average the embedding with that of the mirrored crop. A linear head on the mean-pooled features of Google's {backbone}
(Apache-2.0) at {side} px: {trained} dimensions are trained by supervised contrast, the others are whitened principal
components of the features.
{network}

{recipe}

| trained on | objects | subjects | other objects | licences of the photographs | dataset objects |
| --- | --- | --- | --- | --- | --- |
{sources}

Measured by {folds} folds over subjects: an encoder trained on all other objects is judged on the fold's subjects alone,
with their objects as the gallery. Means over folds, with Student's 95 % interval, which ignores that folds share
training subjects. The encoder in this folder was trained on all of them, so the figures are not about it.

| run | folds | what embeds | {titles} |
| --- | --- | --- | {lines} |
{rows}
"""


def card(crops: Sequence[Crop], measured: Measured, recipe: Recipe, dim: int) -> str:
    """The card as Markdown. dim: length of the embedding."""
    package = PROVIDED["ir"]
    values = recipe.head.model_dump() | recipe.model_dump(include={"views", "seed"})
    if recipe.tail.steps:
        values |= {f"tail {name}": value for name, value in recipe.tail.model_dump().items()}
    return CARD.format(
        dim=dim,
        backbone=package.module.removesuffix("_pytorch_model").replace("_", "-"),
        side=package.side,
        trained=recipe.head.trained,
        network=TUNED.format(first=FIRST, steps=recipe.tail.steps) if recipe.tail.steps else UNTUNED,
        recipe="Recipe: " + ", ".join(f"{name} {value:g}" for name, value in values.items()) + ".",
        sources="\n".join(_source(run, crops) for run in dict.fromkeys(run for run, _ in measured)),
        folds=FOLDS,
        titles=" | ".join(TITLES.values()),
        lines=" | ".join("---" for _ in TITLES),
        rows="\n".join(f"| {' | '.join(row)} |" for row in table(measured)),
    )


def table(measured: Measured) -> list[list[str]]:
    """One row per run and encoder: their names, the folds, and each figure's mean with its interval."""
    return [[run, str(len(folds)), part, *_in_words(folds)] for (run, part), folds in measured.items()]


def _in_words(folds: Sequence[Figures]) -> list[str]:
    names = [str(place) for place in range(len(folds))]
    means = [cluster_t(values, names) for values in zip(*folds, strict=True)]
    return [f"{mean.mean:.3f} [{max(mean.low, 0):.3f}, {min(mean.high, 1):.3f}]" for mean in means]


def _source(run: str, crops: Sequence[Crop]) -> str:
    own = [crop for crop in crops if crop.run == run]
    counts = Counter(crop.subject for crop in own)
    recurring = [count for count in counts.values() if count > 1]
    licences = ", ".join(f"{name or 'unknown'} ({n})" for name, n in Counter(crop.licence for crop in own).items())
    cells = (run, sum(recurring), len(recurring), len(counts) - len(recurring), licences, short(own[0].source))
    return f"| {' | '.join(map(str, cells))} |"
