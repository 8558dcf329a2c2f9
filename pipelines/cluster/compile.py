"""`objectmate compile`: the pipelines as YAML, and whether a cluster would accept them."""

from collections.abc import Sequence
from pathlib import Path

from components.common.errors import UserError
from components.common.harmless import say


def compile_pipelines(files: Sequence[Path], output: Path, check: bool, cluster: bool) -> int:
    """Compiles all pipelines to `output`, or takes the compiled `files`; returns the exit code, 2 if a check refuses.

    check: print one line per fault to stderr. cluster: check, and refuse images that only this machine has.
    """
    if files and not (check or cluster):
        raise UserError(f"{files[0]} is already compiled: add --check to check it")
    if not files:
        from pipelines.kubeflow import compile_all

        files = compile_all(output)
        say("\n".join(map(str, files)))
    return _refusals(files, cluster) if check or cluster else 0


def _refusals(files: Sequence[Path], cluster: bool) -> int:
    from pipelines.ir.check import check_files

    lines = check_files(files, cluster)
    for line in lines:
        say(line, err=True)
    say(f"{len(files)} pipelines checked, {len(lines) or 'no'} fault{'s' * (len(lines) != 1)}")
    return 2 if lines else 0
