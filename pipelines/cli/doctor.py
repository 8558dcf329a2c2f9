"""The command `doctor`."""

from typing import Annotated

import typer

from components.common.harmless import json_text, say

commands = typer.Typer()


@commands.command()
def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """Say what this machine has and lacks, and how to fix it. Exit code 1 if the default run cannot work."""
    from dataclasses import asdict

    from pipelines.doctor.examine import examine, fitting, lacking

    findings = examine()
    profile, why = fitting(findings)
    if json:
        rows = [asdict(finding) for finding in findings]
        say(json_text({"findings": rows, "profile": profile, "why": why}))
    else:
        for finding in findings:
            say(f"{finding.state:<11} {finding.name:<15} {finding.says}")
            if finding.mend:
                say(f"{'':<27} fix: {finding.mend}")
        say(f"\nProfile that fits: {profile or 'none'}: {why}.")
    raise typer.Exit(1 if lacking(findings) else 0)
