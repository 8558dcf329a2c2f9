"""How `objectmate lineage check` prints its findings."""

from itertools import islice

from components.common.harmless import json_text, say
from components.common.terminal import Terminal
from pipelines.engines.workspace import Workspace
from pipelines.lineage.check.check import Evidence


def show_check(workspace: Workspace, everything: bool, as_json: bool) -> bool:
    """Prints the first difference (or all), and what could not be compared; True if there is no difference.

    Raises `UserError` if the workspace holds no finished dataset.
    """
    evidence = Evidence(workspace)
    differences = list(islice(evidence.differences(), None if everything else 1))
    absent = evidence.absent()
    if as_json:
        document = {
            "agrees": not differences,
            "differences": [each._asdict() for each in differences],
            "compared": dict(evidence.compared),
            "absent": absent,
        }
        say(json_text(document))
        return not differences
    console = Terminal()
    lines = [str(each) for each in differences] or [f"Everything agrees. {evidence.records()}."]
    if differences and not everything:
        lines[0] = f"The first difference: {lines[0]}"
        lines.append("--all lists every difference.")
    for line in [*lines, *(f"Not compared: {each}." for each in absent)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return not differences
