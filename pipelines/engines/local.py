"""The engines that run a pipeline on this machine: DVC (default), and Kubeflow Pipelines in processes or in containers.

All run the same steps with the same parameters and leave the same datasets in the workspace's data/ folder.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_value
from components.common.data.reading import is_complete
from components.common.errors import GateStop, StageFailed, UserError
from components.common.stage.logged import LOCK_ENTRY
from components.common.stage.yaml_text import read_yaml
from pipelines.engines.collection import record
from pipelines.engines.dvc_file import local_sources
from pipelines.engines.dvc_locks import dead_locks_in_one_line, drop_damaged_list, set_aside_damaged_lock_file
from pipelines.engines.forking import stages_forked
from pipelines.engines.state import stops
from pipelines.engines.workspace import DATA, Workspace
from pipelines.steps import PIPELINES, STEPS, Step, last_steps


def run_dvc(workspace: Workspace, pipeline: str) -> None:
    """`dvc repro` of a pipeline's steps and of what they need.

    Raises `GateStop`, `UserError` or `StageFailed` if a stage stops it.
    """
    # DVC starts each stage through a shell, which must find the same `objectmate` as this process.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    from dvc.exceptions import DvcException

    set_aside_damaged_lock_file(workspace.root)  # only a run may: in an audit, the damage is evidence
    try:
        with open_dvc(workspace) as repo, stages_forked():
            repo.reproduce(targets=last_steps(PIPELINES[pipeline]))
    except DvcException as error:
        raise _explain(error, workspace) from error


@contextmanager
def open_dvc(workspace: Workspace) -> Iterator[Any]:
    """The workspace's DVC repository. In the block, the current folder is the workspace: DVC resolves paths from there.

    Raises `UserError` if the photographs cannot be listed: DVC compares their record with that of the last run.
    """
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    from dvc.logger import setup
    from dvc.repo import Repo

    from pipelines.engines.run_cache import RunCache

    record(workspace)
    drop_damaged_list(workspace.root)
    setup(level=30)
    with chdir(workspace.root), dead_locks_in_one_line(), Repo() as repo:
        repo.stage_cache = RunCache(repo)
        yield repo


def _explain(error: Exception, workspace: Workspace) -> Exception:
    """DVC's error for the user: the stage has said what is wrong, so this only names the stage."""
    causes: list[BaseException] = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    step = next((s for s in STEPS if f"'{s}'" in str(error)), "")
    code = re.search(r"exited with (-?\d+)", " ".join(str(cause) for cause in causes))
    if code and int(code[1]) == GateStop.exit_code:
        return GateStop(f"the run stopped at {step}")
    if code and int(code[1]) == UserError.exit_code:
        return UserError(f"the run stopped at {step}, for the reason above")
    if code:
        return StageFailed(f"{step} failed (exit code {code[1]}): run again, finished work is kept")
    return UserError(f"the run stopped{f' at {step}' if step else ''}: {causes[-1]}")


def lock_entries(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Step -> its entry in dvc.lock; empty if there is no lock.

    DVC writes no lock for a stage that failed: a gate that stops has an earlier run's entry there, and is left out.
    """
    if not workspace.dvc_lock.is_file():
        return {}
    stages = read_yaml(workspace.dvc_lock).get("stages", {})
    return {name: entry for name, entry in stages.items() if not stops(workspace, name)}


def dvc_digests(workspace: Workspace) -> dict[str, str]:
    """Dataset name -> its hash in dvc.lock (`<md5>.dir`), of the steps of `lock_entries`."""
    return _hashes(lock_entries(workspace))


def _hashes(entries: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    listed = [out for entry in entries.values() for out in entry.get("outs", ())]
    outs = {out["path"]: out["md5"] for out in listed if {"path", "md5"} <= out.keys()}  # a damaged entry has no hash
    return {Path(path).name: digest for path, digest in outs.items() if _holds_a_dataset(path)}


def logged_by_dvc(entries: Mapping[str, dict[str, Any]], step: Step | None = None) -> dict[str, str]:
    """What MLflow's record of a step takes from dvc.lock: every dataset's hash, and the digest of the step's entry.

    entries: see `lock_entries`. step: None for the record of the whole run, which has the hashes only.
    """
    own = {LOCK_ENTRY: digest_value(entries[step.name])} if step and step.name in entries else {}
    return _hashes(entries) | own


def dvc_hashes(workspace: Workspace) -> dict[str, str]:
    """Dataset name -> the hash (`<md5>.dir`) that DVC gives to what is on disk now."""
    with open_dvc(workspace) as repo:
        outputs = [out for stage in repo.index.stages for out in stage.outs if out.exists]
        return {Path(out.fs_path).name: out.get_hash().value for out in outputs if _holds_a_dataset(out.fs_path)}


def _holds_a_dataset(path: str) -> bool:
    """Whether a path is a dataset's folder; a report's folder has its step's name, which may also be a dataset's."""
    return Path(path).parent.name == DATA


def run_kfp(workspace: Workspace, pipeline: str, shares: int = 1) -> None:
    """Kubeflow Pipelines' local runner in processes; see `_run_local`."""
    from kfp import local

    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    _run_local(workspace, pipeline, local.SubprocessRunner(use_venv=False), shares)


def run_docker(workspace: Workspace, pipeline: str, shares: int = 1) -> None:
    """Kubeflow Pipelines' local runner in containers of the stages' images; see `_run_local`."""
    from pipelines.engines.docker import runner
    from pipelines.kubeflow import images

    sources = local_sources(workspace, pipeline)
    _run_local(workspace, pipeline, runner(workspace.root, sources, images(pipeline)), shares)


def _run_local(workspace: Workspace, pipeline: str, runner: Any, shares: int) -> None:
    """Runs a pipeline with one of Kubeflow's local runners, then moves the datasets to data/.

    The result is judged by the manifests on disk, never by the runner's status alone.
    """
    from kfp import local

    from components.common.stage.kubeflow import noted_failure
    from components.common.stage.yaml_text import read_yaml
    from pipelines.kubeflow import arguments, build, given_datasets

    # This run holds the workspace, so anything there is left over from an earlier run.
    root = workspace.kubeflow.resolve()
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    local.init(runner, pipeline_root=str(root), raise_on_error=False)
    given = {name: str(workspace.dataset(name).resolve()) for name in given_datasets(PIPELINES[pipeline])}
    with chdir(workspace.root):
        build(pipeline, shares=shares > 1)(**arguments(pipeline, read_yaml(Path("params.yaml")), given, shares))
    run = next(root.iterdir(), root)
    collected = [step for step in PIPELINES[pipeline] if _collect(workspace, step, run)]
    for step in collected:
        if stops(workspace, step.name):
            raise GateStop(f"the run stopped at {step.name}")
    if missing := [step.name for step in PIPELINES[pipeline] if step not in collected]:
        failure = StageFailed(f"{missing[0]} failed (see above): run again, finished work is kept")
        raise noted_failure(run) or failure


def forget_kubeflow(workspace: Workspace, remade: Iterable[str]) -> None:
    """Removes Kubeflow's records of steps that have been remade since: they describe datasets that are gone."""
    for name in remade:
        for task in workspace.kubeflow.glob(f"*/{task_name(name)}"):
            shutil.rmtree(task)


def task_name(step: str) -> str:
    """What Kubeflow calls a step."""
    return step.replace("_", "-")


def _collect(workspace: Workspace, step: Step, run: Path) -> bool:
    """Moves a step's datasets and report from the runner's folders into the workspace; False if any is incomplete."""
    task = run / task_name(step.name)
    for role, folder in workspace.outputs(step).items():
        if not is_complete(task / role):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(task / role, folder)
    shutil.rmtree(workspace.report(step), ignore_errors=True)
    shutil.move(task / "report", workspace.report(step))
    return True
