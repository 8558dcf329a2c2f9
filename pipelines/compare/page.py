"""The comparison as one self-contained HTML file."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from components.common.data.digests import short
from pipelines.compare.comparison import Against, Comparison
from pipelines.compare.named import Named
from pipelines.compare.pictures import all_cards
from pipelines.compare.scores import BETTER, MAYBE_BETTER, MAYBE_WORSE, OPEN, SAME, WORSE, Score, sentence, why_not
from pipelines.compare.terminal import answer, cause, nothing_shown
from pipelines.report.templates import environment

WIDTH, MARGIN = 140, 6
"""px: width of an interval's drawing, and the margin on each side."""


def write_page(comparison: Comparison, reference: Named, runs: Sequence[Named], path: Path) -> None:
    """Writes the page. Names and values are escaped, and the page loads nothing from elsewhere."""
    cards = all_cards(reference, runs, comparison.against)
    templates = environment(Path(__file__).parent)
    templates.globals |= {
        "answer": answer,
        "cause": cause,
        "told": _told,
        "why_not": why_not,
        "nothing_shown": nothing_shown,
        "tally": _tally,
        "scale": _scale,
        "place": _place,
        "short": short,
        "width": WIDTH,
    }
    html = templates.get_template("compare.html").render(
        comparison=comparison,
        pairs=list(zip(comparison.against, cards, strict=True)),
        firsts={score.name: score for each in reversed(comparison.against) for score in each.scores},
        scores_by_run=[{score.name: score for score in each.scores} for each in comparison.against],
        lost=[[gate for gate in each.gates if gate.lost] for each in comparison.against],
    )
    path.write_text(html, encoding="utf-8")


def _told(comparison: Comparison, against: Against) -> list[str]:
    """A sentence for each score by which the run differs from the reference."""
    names = comparison.reference.name, against.run.name
    return [text for score in against.scores if (text := sentence(score, *names, comparison.tests))]


def _tally(against: Against) -> str:
    """Which scores are better or worse, and how many have each other verdict."""
    counts = Counter(score.verdict for score in against.scores)
    certain = [f"{score.verdict} on {score.name}" for score in against.scores if score.verdict in (BETTER, WORSE)]
    others = [f"{counts[word]} {word}" for word in (MAYBE_BETTER, MAYBE_WORSE, OPEN, SAME) if counts[word]]
    return ", ".join([*certain, *others]) or "not compared"


def _scale(scores: Sequence[Score]) -> float:
    """The largest difference that the drawings of a table must hold."""
    ends = [abs(end) for score in scores for end in (score.difference.low, score.difference.high)]
    return max(ends, default=0) or 1.0


def _place(value: float, scale: float) -> float:
    """Where a difference is drawn, px from the left; zero is in the middle."""
    return round(WIDTH / 2 + value / scale * (WIDTH / 2 - MARGIN), 1)
