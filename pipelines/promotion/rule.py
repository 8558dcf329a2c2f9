"""Which models may become the champion. The rule is here, and nowhere else:

1. the run's own model gate passed: the references help, by the metric and limits of gates.model;
2. none of the photographs that it was trained on have been taken down since;
3. on the gate's metric it is not worse than the champion: the 95 % interval of the paired difference over the
   benchmark's common subjects (`gates.model.min_subjects` at least) does not lie wholly below zero.

A model that is not shown to be worse may replace the champion, so many small losses could add up unnoticed; the card of
each version therefore states its difference to the one before.
"""

from collections.abc import Mapping

from components.common.errors import GateStop
from components.gates.params import Model
from pipelines.compare.scores import EVERY_SCORE, Score, Scored, compare_scores, current_scores
from pipelines.engines.state import verdicts
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.steps import STEPS

GATE = "model"


def model_gate(workspace: Workspace) -> Model:
    """The parameters of a run's model gate: which task and metric it judges."""
    params = read_step(workspace.params, STEPS["gate_model"])
    assert isinstance(params, Model)
    return params


def refuse_unless_passed(workspace: Workspace) -> str:
    """The sentence of the run's model gate. Raises `GateStop` unless it passed."""
    row = next((row for row in verdicts(workspace) if row["gate"] == GATE), None)
    if row is None:
        raise GateStop(f"not promoted: the model gate has not judged the current run in {workspace.root}: finish it")
    if row["verdict"] != "pass":
        next_step = f". Next: {row['next_step']}" if row["next_step"] else ""
        raise GateStop(f"not promoted: the run's model gate is {row['verdict']}: {row['reason']}{next_step}")
    return str(row["reason"])


def refuse_if_withdrawn(tags: Mapping[str, str]) -> None:
    """Raises `GateStop` if a takedown has tagged the run since it ended."""
    if names := [key for key in tags if key.startswith("takedown.")]:
        raise GateStop(
            f"not promoted: photographs that the model was trained on have been taken down since ({', '.join(names)}): "
            "train it again without them"
        )


def refuse_if_worse(workspace: Workspace, champion: Scored) -> Score:
    """Compares the run with the champion on the gate's metric. Raises `GateStop` if it is worse or not comparable."""
    gate = model_gate(workspace)
    name = f"{gate.task}.{gate.metric}"
    scores, refused = compare_scores(champion, current_scores(workspace))
    score = next((score for score in scores if score.name == name), None)
    if score is None:
        why = refused.get(EVERY_SCORE) or f"{name}: {refused.get(name, 'neither has it')}"
        raise GateStop(f"not promoted: it cannot be compared with the champion ({why}): evaluate both in the same way")
    if score.subjects < gate.min_subjects:
        raise GateStop(
            f"not promoted: only {score.subjects} subjects are common with the champion's evaluation, and "
            f"{gate.min_subjects} are needed: evaluate more subjects"
        )
    if score.difference.high < 0:
        raise GateStop(
            f"not promoted: by {name} it is worse than the champion by {-score.difference.mean:.3f} "
            f"({-score.difference.high:.3f} to {-score.difference.low:.3f}, {score.subjects} subjects, paired)"
        )
    return score


def in_words(score: Score | None) -> str:
    """How a promoted model compares with the previous champion."""
    if score is None:
        return "it is the first champion, so there was nothing to compare it with"
    low, high = score.difference.low, score.difference.high
    how = "better than" if low > 0 else "not shown to differ from"
    return (
        f"by {score.name} it is {how} the previous champion: {score.difference.mean:+.3f} "
        f"({low:+.3f} to {high:+.3f}, {score.subjects} subjects, paired)"
    )
