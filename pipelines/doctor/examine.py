"""All findings, in the order in which they are shown, and the profile that fits them."""

from collections.abc import Sequence

from pipelines.doctor import machine, packages, services
from pipelines.doctor.finding import Finding

PHOTOS = "photos"


def examine() -> list[Finding]:
    """Checks everything; takes a few seconds."""
    return [
        machine.python(),
        packages.packages(),
        machine.kernel(),
        machine.cores(),
        machine.memory(),
        machine.gpu(),
        *machine.disk(),
        *packages.decoders(),
        *packages.extras(),
        services.docker_engine(),
        services.hub(),
        services.model_lock(),
        *services.records(),
    ]


def lacking(findings: Sequence[Finding]) -> list[Finding]:
    """What the default run needs but is absent."""
    return [finding for finding in findings if finding.needed and finding.state == "absent"]


def fitting(findings: Sequence[Finding]) -> tuple[str, str]:
    """The profile that fits (empty if not even the default run works), and why."""
    state = {finding.name: finding.state for finding in findings}
    if lacking(findings):
        return "", "nothing runs until what is absent above is fixed"
    if state["GPU"] != "absent" and state["model hub"] == "ok":
        return "open", "a GPU and the model hub are available"
    why = "there is no GPU that torch can use" if state["GPU"] == "absent" else "the model hub does not answer"
    if state.get(f"extra {PHOTOS}") == "ok":
        return PHOTOS, f"for real photographs; {why}, so the hub's large models do not fit"
    return "sandbox", f"the embedded world and small photograph sets; {why}, so the hub's large models do not fit"
