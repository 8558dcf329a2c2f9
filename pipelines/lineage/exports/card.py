"""A dataset card: Markdown with the front matter of Hugging Face. Every figure is measured."""

from collections.abc import Iterator
from typing import Any

import yaml

from components.common.counts import counted
from components.common.data.digests import short
from pipelines.lineage.exports.counting import Rights, refused, rights, size, tally
from pipelines.lineage.exports.declared import Declared
from pipelines.lineage.exports.history import History
from pipelines.lineage.exports.licences import UNKNOWN, spdx
from pipelines.lineage.exports.markdown import table, text
from pipelines.lineage.exports.words import ROWS

SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}
"""Upper limit of samples -> the hub's category of size."""
MOST = "10M<n<100M"
DIGEST = 64
"""Hex digits of a sha256."""
WINDOW = {
    "low": "lower end of the window, cosine",
    "high": "upper end of the window, cosine",
    "target": "required precision",
    "confidence": "confidence of the bound",
    "passed": "whether labelled pairs reached it",
    "labelled": "labelled pairs",
    "labelled_objects": "labelled objects",
    "encoder": "encoder that the window belongs to",
    "calibration_id": "calibration",
}
"""Facts of a calibration -> what they are."""


def card(history: History, declared: Declared) -> bytes:
    """The card of a run."""
    measured = rights(history)
    title = declared.of("title") or f"ObjectMate run {history.name}"
    head = yaml.safe_dump(_front_matter(history, measured, declared, title), sort_keys=False, allow_unicode=True)
    parts = (
        _contents(history), _refused(history), rights_section(measured), gates_section(history), _window(history),
        _making(history), limits_section(history, measured),
    )  # fmt: skip
    body = "\n\n".join(line for part in parts for line in part)
    return f"---\n{head}---\n\n# {text(title)}\n\n{body}\n".encode()


def _front_matter(history: History, measured: Rights, declared: Declared, title: str) -> dict[str, Any]:
    samples = len(history.datasets.get("tuples", ()))
    return {
        "pretty_name": title,
        **_licence(measured, declared),
        "size_categories": [next((name for limit, name in SIZES.items() if samples < limit), MOST)],
        "tags": ["objectmate"],
    }


def _licence(measured: Rights, declared: Declared) -> dict[str, str]:
    """The hub's field: the declared licence, or the one that all photographs name. It takes a single value, so several
    licences become `other`, and any photograph without a licence makes it `unknown`."""
    if own := declared.of("licence"):
        return {"license": own.lower()}
    if measured.unlicensed or not measured.licences:
        return {"license": UNKNOWN}
    if len(measured.licences) == 1 and spdx(name := next(iter(measured.licences))):
        return {"license": spdx(name).lower()}
    return {"license": "other", "license_name": "several", "license_link": "#rights"}


def _contents(history: History) -> Iterator[str]:
    yield "## What it holds"
    yield table(
        ("dataset", "rows", "one row is", "MB", "made by", "sha256"),
        [
            (name, f"{len(made):,}", ROWS.get(made.manifest.kind, made.manifest.kind), f"{size(made) / 1e6:,.1f}",
             history.makers[name].name, short(made.digest))
            for name, made in history.datasets.items()
        ],
    )  # fmt: skip
    if tuples := history.datasets.get("tuples"):
        yield table(
            ("split", "samples"), [(split, f"{rows:,}") for (split,), rows in sorted(tally(tuples, "split").items())]
        )


def _refused(history: History) -> Iterator[str]:
    yield "## What was refused or rejected"
    yield table(
        ("kept in", "stage", "reason", "rows"),
        [(*where, f"{rows:,}") for where, rows in sorted(refused(history).items())],
    )


def rights_section(measured: Rights) -> Iterator[str]:
    """Licences, signals and sources of the photographs, counted."""
    yield "## Rights"
    yield (
        f"{counted(measured.photographs, 'photograph')}. Without a known licence: {measured.unlicensed:,}; with the "
        f"name to credit: {measured.attributed:,}; with a rights signal: {measured.signalled:,}; with the date on "
        f"which one was checked: {measured.checked:,}."
        + (f" The parameter {measured.stated_how}." if measured.stated else "")
    )
    for title, counts in (
        ("licence", measured.licences),
        ("where the signal was found", measured.mechanisms),
        ("train_ai", measured.train_ai),
    ):
        if counts:
            named = [(value or f"({UNKNOWN})", f"{count:,}") for value, count in counts.most_common()]
            yield table((title, "photographs"), named)
    if domains := [(name, f"{count:,}") for name, count in measured.domains.most_common(20) if name]:
        yield table(("most frequent source", "photographs"), domains)


def gates_section(history: History) -> Iterator[str]:
    """What every gate of the run decided."""
    yield "## Gates"
    rows = [row for stage in history.stages for row in stage.verdicts]
    yield table(
        ("gate", "verdict", "why", "observed", "limit"),
        [(row["gate"], row["verdict"], row["reason"], _number(row["observed"]), _number(row["limit"])) for row in rows],
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _window(history: History) -> Iterator[str]:
    yield "## Window and calibration"
    facts = history.datasets["calibration"].facts if "calibration" in history.datasets else {}
    yield table(("fact", "value"), [(about, facts[key]) for key, about in WINDOW.items() if key in facts])


def _making(history: History) -> Iterator[str]:
    yield "## How it was made"
    yield table(
        ("stage", "began", "seconds", "commit", "weights and other inputs"),
        [
            (stage.name, stage.record["started_at"], stage.record["seconds"], short(stage.record["commit"]) or UNKNOWN,
             ", ".join(f"{role} {_shown(value)}" for role, value in stage.models.items()))
            for stage in history.stages
        ],
    )  # fmt: skip
    if notes := [f"- {stage.name}: {text(note)}" for stage in history.stages for note in stage.notes]:
        yield "What the stages noted:"
        yield "\n".join(notes)


def _shown(value: str) -> str:
    """A digest, shortened; other entries, such as `cpu, 2 threads`, as they are."""
    return short(value) if len(value) == DIGEST else value


def limits_section(history: History, measured: Rights) -> Iterator[str]:
    """What the figures above do not settle."""
    yield "## Known limits"
    limits = [
        f"The gate {text(row['gate'])} is {row['verdict']}: {text(row['reason'])}. Next: {text(row['next_step'])}."
        for stage in history.stages
        for row in stage.verdicts
        if row["verdict"] != "pass"
    ]
    if measured.unlicensed:
        limits.append(f"The licence of {counted(measured.unlicensed, 'photograph')} is unknown.")
    if unsaid := measured.train_ai["unknown"]:
        limits.append(f"For {counted(unsaid, 'photograph')}, nobody said whether training is allowed.")
    if unsourced := measured.domains[""]:
        limits.append(f"The source of {counted(unsourced, 'photograph')} is unknown.")
    if undated := measured.months[""]:
        limits.append(f"The date of collection of {counted(undated, 'photograph')} is unknown.")
    if "tuples" not in history.datasets:
        limits.append("The run has made no training samples.")
    if history.left_out:
        limits.append(f"Finished datasets of the folder that this run did not make: {', '.join(history.left_out)}.")
    yield "\n".join(f"- {limit}" for limit in limits) or "None that was measured."
