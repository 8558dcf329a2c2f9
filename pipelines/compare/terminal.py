"""The comparison as a few lines and a table on the terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from components.common.terminal import Terminal, shown
from pipelines.compare.comparison import Against, Comparison, Rows
from pipelines.compare.scores import BETTER, MAYBE_BETTER, MAYBE_WORSE, WORSE, Score, sentence

COLOURS = {BETTER: "green", MAYBE_BETTER: "green", WORSE: "red", MAYBE_WORSE: "red"}


def show(comparison: Comparison) -> None:
    """Prints what changed in each run, why, and what it did."""
    console = Terminal()
    for against in comparison.against:
        for line in _lines(comparison, against):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        if not all(score.identical for score in against.scores):
            console.print(_table(against))


def _lines(comparison: Comparison, against: Against) -> list[str]:
    reference, run = comparison.reference.name, against.run.name
    lines = [f"{run}, compared with {reference}"]
    lines.append(cause(against))
    lines += [f"  {row.dataset}: {row_counts(row)}" for row in against.rows if row.added or row.removed]
    lines += [f"  gate {gate.name}: {gate.reference or 'not judged'}, then {gate.run or 'not judged'}"
              for gate in against.gates if gate.reference != gate.run]  # fmt: skip
    told = [text for score in against.scores if (text := sentence(score, reference, run, comparison.tests))]
    told = told or ([nothing_shown(against)] if against.scores else [])
    return lines + [f"  {text}" for text in [*told, *(f"not compared: {why}" for why in against.refused)]]


def cause(against: Against) -> str:
    """The first dataset that differs, and why, in one sentence."""
    if not against.first:
        return "every dataset that both have is the same"
    others = len(against.causes) - 1
    more = f" (and {others} more that may count)" if others else ""
    return f"first difference: {against.first}, by {against.causes[0]}{more}"


def nothing_shown(against: Against) -> str:
    """What is said of a run none of whose scores stands out."""
    if all(score.identical for score in against.scores):
        return "every sample has the same scores in both"
    return "no score can be told apart: see how wide the intervals are"


def row_counts(rows: Rows) -> str:
    """How many rows there were, are, came and went, and the most frequent reasons."""
    told = [f"{reason.rows:,} {reason.what}: {reason.reason}" for reason in rows.reasons[:3]]
    counts = f"{rows.reference:,} rows, then {rows.run:,}: {rows.added:,} added, {rows.removed:,} removed"
    return counts + (f" ({'; '.join(told)})" if told else "")


def _table(against: Against) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in ("score", "before", "now", "paired difference"):
        table.add_column(heading, no_wrap=True)
    table.add_column("")
    for score in against.scores:
        colour = COLOURS.get(score.verdict)
        word = f"[{colour}]{score.verdict}[/]" if colour else ""
        table.add_row(shown(score.name), f"{score.reference.mean:.3f}", f"{score.run.mean:.3f}", interval(score), word)
    return table


def interval(score: Score) -> str:
    """The paired difference with its interval; positive where the run is better."""
    return f"{score.difference.mean:+.3f} [{score.difference.low:+.3f}, {score.difference.high:+.3f}]"
