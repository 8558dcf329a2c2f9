"""The comparison as a few lines and a table on the terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from components.common.terminal import Terminal, shown
from pipelines.compare.comparison import Against, Comparison, Rows
from pipelines.compare.scores import BETTER, MAYBE_BETTER, MAYBE_WORSE, WORSE, Score, sentence, why_not

COLOURS = {BETTER: "green", MAYBE_BETTER: "green", WORSE: "red", MAYBE_WORSE: "red"}


def show(comparison: Comparison) -> None:
    """Prints what changed in each run, why, and the effect."""
    console = Terminal()
    for against in comparison.against:
        for line in _lines(comparison, against):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        if not all(score.identical for score in against.scores):
            console.print(_table(against))
    for line in answer(comparison):
        console.print(f"{line}.", markup=False, highlight=False, soft_wrap=True)


def _lines(comparison: Comparison, against: Against) -> list[str]:
    reference, run = comparison.reference.name, against.run.name
    lines = [f"{run}, compared with {reference}"]
    lines.append(cause(against))
    lines += [f"  {row.dataset}: {row_counts(row)}" for row in against.rows if row.added or row.removed]
    lines += [f"  gate {gate.name}: {gate.reference or 'not judged'}, then {gate.run or 'not judged'}"
              for gate in against.gates if gate.reference != gate.run]  # fmt: skip
    sentences = [text for score in against.scores if (text := sentence(score, reference, run, comparison.tests))]
    sentences = sentences or ([nothing_shown(against)] if against.scores else [])
    sentences += [f"not compared: {why}" for why in why_not(against.refused)]
    return lines + [f"  {text}" for text in sentences]


def cause(against: Against) -> str:
    """The first dataset that differs, and why, in one sentence."""
    if not against.first:
        return "every dataset that both have is the same"
    others = len(against.causes) - 1
    rest = f" (and {others} more that may matter)" if others else ""
    return f"first difference: {against.first}, by {_first_cause(against)}{rest}"


def _first_cause(against: Against) -> str:
    """The most certain cause; for weights, the model's parameter, which says more than a digest."""
    models = [each for each in against.parameters if each.key.startswith("models.")]
    if against.causes[0].startswith("weights") and models:
        return "; ".join(f"parameter {each.key}: {each.reference} became {each.run}" for each in models)
    return against.causes[0]


def answer(comparison: Comparison) -> list[str]:
    """Which run is better, in sentences: only what is certain among all scores, and the gates."""
    reference, sentences = comparison.reference.name, []
    for against in comparison.against:
        for word in (BETTER, WORSE):
            if names := [score.name for score in against.scores if score.verdict == word]:
                sentences.append(f"{against.run.name} is {word} than {reference} on {', '.join(names)}")
    if not sentences and comparison.tests:
        sentences = [f"No run is shown to be better or worse than {reference} on any of the {comparison.tests} scores"]
    for against in comparison.against:
        if lost := [gate.name for gate in against.gates if gate.lost]:
            sentences.append(f"{against.run.name} does not pass what {reference} passes: {', '.join(lost)}")
    if any(against.scores and "model_insertion" not in against.equal for against in comparison.against):
        sentences.append("Each run is one training, and another training seed moves scores too: this judges models")
    if len(comparison.against) > 1:
        sentences.append(f"All are compared with {reference}; to compare with another run, name that one first")
    return sentences


def nothing_shown(against: Against) -> str:
    """The sentence for a run none of whose scores differs clearly."""
    if all(score.identical for score in against.scores):
        return "every sample has the same scores in both"
    return "no score differs clearly: see how wide the intervals are"


def row_counts(rows: Rows) -> str:
    """The number of rows before and after, added and removed, and the most frequent reasons."""
    reasons = [f"{reason.rows:,} {reason.what}: {reason.reason}" for reason in rows.reasons[:3]]
    counts = f"{rows.reference:,} rows, then {rows.run:,}: {rows.added:,} added, {rows.removed:,} removed"
    return counts + (f" ({'; '.join(reasons)})" if reasons else "")


def _table(against: Against) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in ("score", "ref.", "run", "paired, + is better"):
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
