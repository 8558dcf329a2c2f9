"""Writes data/report/index.html: one self-contained page made from the manifests, reports and verdicts of a run.

Its first screen answers four questions: did it work, what came out, is the model any good, what does it look like.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.common.data.account import Equation
from components.common.data.digests import short
from components.common.data.files import read_json
from components.gates.conservation import ACCOUNT
from components.gates.questions import QUESTIONS
from pipelines.engines.state import current_steps, verdicts
from pipelines.engines.workspace import Workspace
from pipelines.report.flow import flow
from pipelines.report.galleries import Gallery, gallery
from pipelines.report.scores import benchmarks, first_chart
from pipelines.report.section import Section, section
from pipelines.report.templates import HERE, environment
from pipelines.steps import PIPELINES, STEPS, Step

LOOKS = (
    *(("evaluation", f"{benchmark}_samples") for benchmark in ("insertion", "placement", "generation")),
    *(("train_insertion", "samples"), ("assembly", "tuples"), ("mining", "sets"), ("detection", "boxes")),
    ("ingest", "photographs"),
)
"""Stage and figure: the page's first screen shows the first of these that a run has."""
LOOKED_AT = 42
"""Pictures on the first screen."""


def write_page(workspace: Workspace) -> Path:
    """Writes the page of the current steps and returns its path. Names and captions are escaped."""
    steps = current_steps(workspace)
    sections = [section(workspace, step) for step in steps]
    template = environment(HERE).get_template("page.html")
    html = template.render(
        name=workspace.root.resolve().name,
        sections=sections,
        pipelines=_by_pipeline(sections),
        questions=QUESTIONS,
        **_answers(workspace, steps, sections),
        account=_account(workspace, steps),
        seconds=sum(each.run["seconds"] for each in sections),
        made=max((each.run["started_at"] for each in sections), default="")[:16].replace("T", " "),
        commits=sorted({short(each.run["commit"]) for each in sections}),
    )
    workspace.page.parent.mkdir(parents=True, exist_ok=True)
    workspace.page.write_text(html, encoding="utf-8")
    return workspace.page


def _answers(workspace: Workspace, steps: Sequence[Step], sections: Sequence[Section]) -> dict[str, Any]:
    """The data for the four questions of the first screen."""
    gates = verdicts(workspace)
    made = {name for step in steps for name in step.outputs.values()}
    judged = benchmarks(workspace.report(STEPS["evaluation"])) if STEPS["evaluation"] in steps else []
    pictures = {each.name: each.galleries for each in sections}
    failed = [gate for gate in gates if gate["verdict"] != "pass"]
    return {
        "gates": gates,
        "failed": [gate | {"pictures": pictures[gate["stage"]]} for gate in failed],
        "worked": _worked(gates, steps),
        "levels": (levels := flow(workspace, made)),
        "most": max([level.count for level in levels], default=0),
        "benchmarks": judged,
        "scores": first_chart(judged),
        "looks": _looks(workspace, {step.name for step in steps}),
    }


def _worked(gates: Sequence[Mapping[str, Any]], steps: Sequence[Step]) -> tuple[str, str]:
    """The verdict that colours the first answer, and its sentence."""
    stopped = [gate for gate in gates if gate["stops"]]
    passed = sum(gate["verdict"] == "pass" for gate in gates)
    if stopped:
        return stopped[0]["verdict"], f"No: the run stopped at the gate {stopped[0]['gate']}."
    if passed < len(gates):
        return "fail", f"In part: it continued past {len(gates) - passed} of {len(gates)} gates, which did not pass."
    whole = [name for name, own in PIPELINES.items() if all(step in steps for step in own)]
    if len(steps) == len(STEPS):
        return "pass", f"Yes: all {len(STEPS)} stages are done, and all {passed} gates passed."
    if whole and sum(len(PIPELINES[name]) for name in whole) == len(steps):
        return "pass", f"Yes: all {len(steps)} stages of {' and '.join(whole)} are done, and all {passed} gates passed."
    return "pass", f"So far: {len(steps)} of {len(STEPS)} stages are done, and {passed} gates passed."


def _looks(workspace: Workspace, names: set[str]) -> tuple[str, Gallery] | None:
    """The stage and pictures that best show the run's results so far."""
    for stage, figure in LOOKS:
        sheet = workspace.report(STEPS[stage]) / "figures" / f"{figure}.png"
        if stage in names and sheet.is_file():
            return stage, gallery(sheet, stage, LOOKED_AT)
    return None


def _by_pipeline(sections: Sequence[Section]) -> dict[str, list[Section]]:
    named = {name: [each for each in sections if each.pipeline == name] for name in PIPELINES}
    return {name: own for name, own in named.items() if own}


def _account(workspace: Workspace, steps: Sequence[Step]) -> list[Equation]:
    """The equations of the conservation gate, if it has judged this run."""
    step = STEPS["gate_tuples"]
    path = workspace.report(step) / "files" / ACCOUNT
    return [Equation(**fields) for fields in read_json(path)] if step in steps and path.is_file() else []
