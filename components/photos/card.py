"""The model card of a head: what it was trained on, and how the recipe does on subjects that it has not seen."""

from collections import Counter
from collections.abc import Mapping, Sequence

from components.common.statistics import Interval, cluster_t
from components.common.vision.lite import PROVIDED
from components.photos.folds import FOLDS, PARTNERS, PRECISION, Figures
from components.photos.head import HeadParams
from components.photos.labelled import Crop

TITLES = {
    "recall_at_1": "recall@1",
    "recall": f"recall of pairs at precision {PRECISION:g}",
    "served": f"objects with {PARTNERS} partners there",
    "threshold": "cosine there",
}
CARD = """# Instance retrieval on photographs of products

Embeds a crop of a product as {trained} + {kept} logits; the cosine of two embeddings says whether the crops show the
same product. Average the embedding with that of the mirrored crop. A linear head on the mean-pooled features of
Google's {backbone} (Apache-2.0) at {side} px: {trained} dimensions are trained, {kept} are whitened principal
components.

| | |
| --- | --- |
| trained on | {trained_on} |
| loss | supervised contrastive on frozen features, temperature {temperature} |
| steps, batch, dropout, seed | {steps}, {batch}, {drop}, {seed} |

Measured by {folds} folds over subjects: a head trained on the other subjects of all runs is judged on the fold's
subjects alone. Means over folds, with Student's 95 % interval over the folds, which does not know that the folds share
training subjects.

| run | folds | {titles} |
| --- | --- | {lines} |
{rows}

The head in this folder was trained on all of these subjects, so they say nothing about it.
"""


def card(crops: Sequence[Crop], measured: Mapping[str, list[Figures]], params: HeadParams, seed: int) -> str:
    """The card as Markdown."""
    package = PROVIDED["ir"]
    return CARD.format(
        backbone=package.module.removesuffix("_pytorch_model").replace("_", "-"),
        side=package.side,
        trained_on="; ".join(_counts(run, crops) for run in measured),
        folds=FOLDS,
        titles=" | ".join(TITLES.values()),
        lines=" | ".join("---" for _ in TITLES),
        rows="\n".join(f"| {run} | {len(found)} | {' | '.join(in_words(found))} |" for run, found in measured.items()),
        seed=seed,
        **params.model_dump(),
    )


def in_words(found: Sequence[Figures]) -> list[str]:
    """Each figure's mean over folds with its interval, as text."""
    return [f"{mean.mean:.3f} [{max(mean.low, 0):.3f}, {min(mean.high, 1):.3f}]" for mean in means(found)]


def means(found: Sequence[Figures]) -> list[Interval]:
    """The mean of each figure over folds, with Student's 95 % interval."""
    names = [str(place) for place in range(len(found))]
    return [cluster_t(values, names) for values in zip(*found, strict=True)]


def _counts(run: str, crops: Sequence[Crop]) -> str:
    counts = Counter(crop.subject for crop in crops if crop.run == run)
    recurring = [count for count in counts.values() if count > 1]
    return f"{run}: {sum(recurring)} objects of {len(recurring)} subjects, {len(counts) - len(recurring)} other objects"
