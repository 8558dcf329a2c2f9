"""What got worse among the things that `--fail-on` names: the reason for exit code 1."""

from collections.abc import Sequence

from components.common.errors import UserError
from pipelines.compare.comparison import Against, Comparison
from pipelines.compare.scores import MAYBE_WORSE, WORSE, why_not

DATASETS, GATES, SCORES = "datasets", "gates", "scores"


def worse(comparison: Comparison, asked: Sequence[str]) -> list[str]:
    """A sentence for each thing that got worse in a run.

    asked: `gates` (one that the reference passes, and the run does not), `scores` (any is worse, also after Holm's
    correction), or one score such as insertion.ir (its paired interval lies below zero). `datasets` is ignored here.
    Raises `UserError` if a score could not be compared, so that this does not look like a pass.
    """
    return [
        sentence
        for against in comparison.against
        for what in asked
        if what != DATASETS
        for sentence in _sentences(against, what)
    ]


def _sentences(against: Against, what: str) -> list[str]:
    name = against.run.name
    if what == GATES:
        return [
            f"{name}: the gate {gate.name} passes in the reference; here: {gate.run or 'not judged'}"
            for gate in against.gates
            if gate.lost
        ]
    if not against.scores:
        raise UserError(f"--fail-on {what}: {name} has no score to compare: {'; '.join(why_not(against.refused))}")
    known = {score.name: score for score in against.scores}
    if what != SCORES and what not in known:
        why = against.refused.get(what, f"choose datasets, gates, scores or one of {', '.join(known)}")
        raise UserError(f"--fail-on {what}: {why}")
    looked_at = known.values() if what == SCORES else [known[what]]
    failing = (WORSE,) if what == SCORES else (WORSE, MAYBE_WORSE)
    return [
        f"{name}: {score.name} is worse by {-score.difference.mean:.3f} "
        f"({-score.difference.high:.3f} to {-score.difference.low:.3f})"
        for score in looked_at
        if score.verdict in failing
    ]
