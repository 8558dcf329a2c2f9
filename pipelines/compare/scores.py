"""The scores of two runs on their common samples, paired: is the difference more than chance?

Samples of one subject are not independent, so each subject counts once. Both runs draw a sample from the same noise, so
their difference cancels what makes a sample easy or hard for every model: two runs whose own intervals overlap can
still clearly differ.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from components.common.data.reading import Dataset
from components.common.statistics import LEAST_CLUSTERS, Interval, holm, paired_difference
from components.common.systems import GAP, MODEL, PASTED, REAL, SHUFFLED
from components.evaluation.metrics import LOWER_IS_BETTER
from components.evaluation.summary import Table
from pipelines.engines.state import current_steps
from pipelines.engines.workspace import Workspace
from pipelines.steps import STEPS

CONFIDENCE = 0.95
BETTER, WORSE, MAYBE_BETTER, MAYBE_WORSE = "better", "worse", "perhaps better", "perhaps worse"
"""Better or worse: also after Holm's correction for all scores. Perhaps: only if it were the one score looked at."""
OPEN, SAME = "not told apart", "the same"
EVERY_SCORE = "every score"


@dataclass(frozen=True)
class Score:
    """One score of a run and of the reference, over the samples that both have.

    name: BENCHMARK.METRIC. subjects, samples: how many; left_out: samples that only one of the runs has.
    reference, run: means over samples, as on their pages. difference: paired, the mean over subjects, positive where
    the run is better. p: two-sided; p_holm: corrected for all scores of the comparison. identical: no sample differs.
    copy_paste, real: means of the trivial baseline and of real photographs in the run, where they were scored.
    reference_copies, run_copies: a score of likeness above the interval of real photographs, a sign of copying (see
    `Table.above_ceiling`).
    """

    name: str
    lower_is_better: bool
    subjects: int
    samples: int
    left_out: int
    reference: Interval
    run: Interval
    difference: Interval
    p: float
    p_holm: float
    identical: bool
    copy_paste: float | None
    real: float | None
    reference_copies: bool
    run_copies: bool

    @property
    def overlaps(self) -> bool:
        """Whether the two runs' own intervals overlap."""
        return self.reference.low <= self.run.high and self.run.low <= self.reference.high

    @property
    def verdict(self) -> str:
        """How the run compares with the reference."""
        if self.p >= 1 - CONFIDENCE:
            return SAME if self.identical else OPEN
        certain = self.p_holm < 1 - CONFIDENCE
        if self.difference.mean > 0:
            return BETTER if certain else MAYBE_BETTER
        return WORSE if certain else MAYBE_WORSE


Cells = Mapping[str, tuple[str, float]]
"""Sample -> (subject, value)."""


class Scored:
    """The scores of one run. name: its folder or another name. scores: None if it has none.

    absent: why there are none, one sentence; empty if there are some. specs: score -> digest of everything but the
    pictures that determines its values. seed: of its page's intervals.
    """

    def __init__(self, name: str, scores: Dataset | None):
        self.name = name
        self.absent = (
            "" if scores else f"{name} has no scores of its current run: let `objectmate run full` finish there"
        )
        self.specs: dict[str, str] = {}
        self.seed = 0
        self.cells: dict[tuple[str, str], dict[str, tuple[str, float]]] = defaultdict(dict)
        if scores:
            self._read(scores)

    def _read(self, scores: Dataset) -> None:
        self.benchmark = scores.manifest.models.get("benchmark", "")
        self.described: dict[str, dict[str, Any]] = scores.facts.get("specs", {})
        self.seed = scores.manifest.params["seed"]
        for row in scores.rows():
            name = f"{row['benchmark']}.{row['metric']}"
            self.specs[name] = row["spec_digest"]
            self.cells[name, row["system"]][row["sample"]] = (row["subject"], row["value"])
        for name in [name for name in self.specs if name.endswith(".second_ir")]:
            benchmark = name.partition(".")[0]
            own, other = (self.cells.get((name, system), {}) for system in (MODEL, SHUFFLED))
            gaps = {each: (own[each][0], own[each][1] - other[each][1]) for each in own if each in other}
            if gaps:
                self.specs[f"{benchmark}.{GAP}"] = self.specs[name]
                self.cells[f"{benchmark}.{GAP}", MODEL] = gaps

    def of(self, name: str, system: str = MODEL) -> Cells:
        """Sample -> (subject, value) of a score; empty if it was not measured."""
        return self.cells.get((name, system), {})


def current_scores(workspace: Workspace) -> Scored:
    """The scores that a workspace's current run made; those of an earlier run do not count."""
    current = STEPS["evaluation"] in current_steps(workspace)
    return Scored(str(workspace.root), Dataset(workspace.dataset("scores")) if current else None)


def compare_scores(reference: Scored, run: Scored) -> tuple[list[Score], dict[str, str]]:
    """The comparable scores that both runs have, without Holm's correction; and for the others (or for `EVERY_SCORE`),
    why they cannot be compared."""
    if reason := reference.absent or run.absent:
        return [], {EVERY_SCORE: reason}
    if reference.benchmark != run.benchmark:
        reason = f"the scores of {run.name} and of {reference.name} are from different benchmarks: evaluate both on one"
        return [], {EVERY_SCORE: reason}
    scores, refused = [], {}
    for name in dict.fromkeys([*reference.specs, *run.specs]):
        if reason := _incomparable(name, reference, run):
            refused[name] = reason
        else:
            scores.append(_score(name, reference, run))
    return scores, refused


def why_not(refused: Mapping[str, str]) -> list[str]:
    """What could not be compared, a sentence for each reason."""
    names = defaultdict(list)
    for name, reason in refused.items():
        names[reason].append(name)
    return [reason if each == [EVERY_SCORE] else f"{', '.join(each)}: {reason}" for reason, each in names.items()]


def _incomparable(name: str, reference: Scored, run: Scored) -> str:
    specs = [scored.specs.get(name) for scored in (reference, run)]
    if None in specs:
        return f"measured in {(reference if specs[0] else run).name} only"
    if specs[0] != specs[1]:
        parts = [scored.described.get(spec or "", {}) for scored, spec in zip((reference, run), specs, strict=True)]
        differing = [key for key in parts[0] if parts[0][key] != parts[1].get(key)] or ["spec_digest"]
        return f"measured differently ({', '.join(differing)}), so values cannot be compared"
    common = reference.of(name).keys() & run.of(name).keys()
    subjects = {reference.of(name)[sample][0] for sample in common}
    if len(subjects) < LEAST_CLUSTERS:
        return f"{len(subjects)} common subjects are too few for a test, {LEAST_CLUSTERS} are needed"
    return ""


def sample_changes(name: str, reference: Scored, run: Scored) -> dict[str, float]:
    """Sample -> how much better the run scores than the reference, for the samples that both have."""
    sign = -1 if name.split(".")[-1] in LOWER_IS_BETTER else 1
    before, after = reference.of(name), run.of(name)
    return {sample: sign * (after[sample][1] - before[sample][1]) for sample in before if sample in after}


def _score(name: str, reference: Scored, run: Scored) -> Score:
    changes = sample_changes(name, reference, run)
    before, after = reference.of(name), run.of(name)
    subjects = [before[sample][0] for sample in changes]
    difference = paired_difference(list(changes.values()), subjects, CONFIDENCE)
    values = {system: [value for _, value in run.of(name, system).values()] for system in (PASTED, REAL)}
    before_own, before_copies = _own(name, reference, changes)
    after_own, after_copies = _own(name, run, changes)
    return Score(
        name=name,
        lower_is_better=name.split(".")[-1] in LOWER_IS_BETTER,
        subjects=len(set(subjects)),
        samples=len(changes),
        left_out=len(before.keys() ^ after.keys()),
        reference=before_own,
        run=after_own,
        difference=Interval(difference.mean, difference.low, difference.high),
        p=difference.p,
        p_holm=difference.p,
        identical=not any(changes.values()),
        copy_paste=fmean(values[PASTED]) if values[PASTED] else None,
        real=fmean(values[REAL]) if values[REAL] else None,
        reference_copies=before_copies,
        run_copies=after_copies,
    )


def _own(name: str, scored: Scored, samples: Collection[str]) -> tuple[Interval, bool]:
    """The model's mean with its interval, as on the run's page but of these samples only; and whether that is above the
    ceiling."""
    benchmark, _, metric = name.partition(".")
    cells = {
        system: {sample: cell for sample, cell in scored.of(name, system).items() if sample in samples}
        for system in (MODEL, REAL)
    }
    table = Table({(benchmark, metric): {system: each for system, each in cells.items() if each}}, scored.seed)
    return table.interval(benchmark, metric, MODEL), table.above_ceiling(benchmark, metric, MODEL)


def corrected(families: list[list[Score]]) -> Iterator[list[Score]]:
    """The scores of all runs with Holm's correction over all of them together, since many tests find some by chance."""
    adjusted = iter(holm([score.p for scores in families for score in scores]))
    for scores in families:
        yield [replace(score, p_holm=next(adjusted)) for score in scores]


def sentence(score: Score, reference: str, run: str, tests: int) -> str:
    """Which run is better, by how much, and how certainly; empty if they do not differ clearly. tests: how many."""
    if score.verdict in (OPEN, SAME):
        return ""
    better, other = (run, reference) if score.difference.mean > 0 else (reference, run)
    low, high = sorted(abs(end) for end in (score.difference.low, score.difference.high))
    digits = next((n for n in range(3, 9) if float(f"{low:.{n}f}") and f"{low:.{n}f}" != f"{high:.{n}f}"), 3)
    certain = score.verdict in (BETTER, WORSE)
    copies = score.run_copies if better == run else score.reference_copies
    copying = f"; {better} scores above the ceiling of real photographs, a sign of copying" if copies else ""
    overlap = ", although the runs' own intervals overlap" if score.overlaps else ""
    doubt = f"; not certain among {tests} scores, p {score.p_holm:.2g} after Holm's correction"
    return (
        f"{score.name}: {better} is {'better' if certain else 'perhaps better'} than {other} by "
        f"{abs(score.difference.mean):.{digits}f} ({low:.{digits}f} to {high:.{digits}f}, {score.subjects} subjects, "
        f"paired){overlap if certain else doubt}{copying}"
    )
