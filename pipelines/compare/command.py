"""The steps of `objectmate compare`: equality of datasets if asked, the comparison, its files, and what got worse."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.common.data.files import check_writable
from components.common.terminal import Terminal
from pipelines.compare.comparison import Comparison, compare
from pipelines.compare.equality import all_equal
from pipelines.compare.named import Names, holds_data
from pipelines.compare.page import write_page
from pipelines.compare.terminal import show
from pipelines.compare.worse import DATASETS, worse

VERSION = 1
"""Version of the JSON document; it changes when a field is removed or changes its meaning."""


@dataclass(frozen=True)
class Wanted:
    """What the user asked for. fail_on: see `worse`. pipeline: whose datasets must be equal, if that was asked."""

    output: Path | None
    json: Path | None
    fail_on: Sequence[str]
    pipeline: str


def compare_runs(names: Sequence[str], wanted: Wanted) -> list[str]:
    """Compares runs with the first of them, or one run with the current folder; returns what got worse.

    Raises `UserError` if a run is not found, or its data are gone.
    """
    for path in filter(None, (wanted.output, wanted.json)):
        check_writable(path)
    with Names() as known:
        reference, *runs = [known.find(name) for name in (names if len(names) > 1 else [".", *names])]
        unequal = [
            f"{run.name}: not every dataset is equal"
            for run in runs
            if DATASETS in wanted.fail_on and not all_equal(run.workspace, reference.workspace, wanted.pipeline)
        ]
        if not holds_data(reference.workspace) and DATASETS in wanted.fail_on:
            return unequal  # a fresh clone has only its dvc.lock, which is enough to compare datasets but nothing else
        comparison = compare(reference, runs)
        show(comparison)
        failures = unequal + worse(comparison, wanted.fail_on)
        if wanted.output:
            write_page(comparison, reference, runs, wanted.output)
            Terminal().print(f"Page: {wanted.output}", markup=False, highlight=False, soft_wrap=True)
        if wanted.json:
            wanted.json.write_text(json.dumps(document(comparison, failures), indent=1) + "\n", encoding="utf-8")
    return failures


def document(comparison: Comparison, failures: Sequence[str]) -> dict[str, Any]:
    """The comparison as JSON. failures: what `--fail-on` names and got worse."""
    whole = asdict(comparison)
    for against, own in zip(comparison.against, whole["against"], strict=True):
        for score, values in zip(against.scores, own["scores"], strict=True):
            values |= {"verdict": score.verdict, "own_intervals_overlap": score.overlaps}
    return {"version": VERSION, "worse": list(failures), **whole}
