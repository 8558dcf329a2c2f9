"""The command that repeats a workspace's run with another file of verdicts."""

import os
import shlex
from pathlib import Path

from components.common.stage.params import section as section_of
from components.common.stage.yaml_text import read_yaml, yaml_line
from pipelines.engines.identity import Identity, as_seen_from
from pipelines.engines.request import Request, moved
from pipelines.engines.workspace import RUNS, Workspace

VERDICTS = "gates.verdicts"


def how_to_run_again(workspace: Workspace, verdicts: Path) -> str:
    """What to do in the current folder to repeat the workspace's run with a file of verdicts.

    Settings are part of a run's identity. So unless the run already names this file, the command starts a run in a new
    folder, which takes from the cache what does not depend on verdicts.
    """
    command = ["objectmate", "run", *_pipeline(workspace)]
    if not workspace.identity.is_file():
        return _in_place(workspace, verdicts, command)
    identity = Identity.read(workspace)
    home = started_in(workspace.root)
    words = [*command, *_options(identity, workspace.root, home, verdicts)]
    if VERDICTS in identity.settings:
        words += ["--workspace", as_seen_from(home, str(workspace.root))]
        return f"run again with these answers:\n{_typed_in(home, words)}"
    return (
        "run again with these answers. They are a new setting, so that run gets a new folder; stages "
        f"that do not depend on them come from the cache:\n{_typed_in(home, words)}"
    )


def _pipeline(workspace: Workspace) -> list[str]:
    """The pipeline of the workspace's last run, unless it is the default one."""
    pipeline = workspace.recorded.read_text(encoding="utf-8") if workspace.recorded.is_file() else ""
    return [pipeline] if pipeline not in ("", Request("full").pipeline) else []


def _in_place(workspace: Workspace, verdicts: Path, command: list[str]) -> str:
    """What to do in a workspace whose settings are in its params.yaml alone, such as the plain default run's."""
    section, _, key = VERDICTS.rpartition(".")
    line = f"{key}: {as_seen_from(workspace.root, str(verdicts))}"
    named = section_of(read_yaml(workspace.params), section, str(workspace.params)).get(key)
    before = "" if named else f"write `{line}` below `{section}:` in {workspace.params}, and "
    return f"{before}run again with these answers:\n{_typed_in(workspace.root, command)}"


def _typed_in(folder: Path, words: list[str]) -> str:
    """A command that can be typed in the current folder and runs in `folder`."""
    command = shlex.join(words)
    here = folder.resolve() == Path().resolve()
    return command if here else f"cd {shlex.quote(os.path.relpath(folder.resolve()))} && {command}"


def started_in(root: Path) -> Path:
    """The folder in which the run was started: the one that holds runs/, whose cache it shares, or the current one."""
    for above in (root.absolute().parent, root.resolve().parent):  # runs/ may be a link to another disk
        if above.name == RUNS.name:
            return above.parent
    return root.resolve().parent if root.resolve() == Path().resolve() else Path()


def _options(identity: Identity, root: Path, home: Path, verdicts: Path) -> list[str]:
    """The options of `objectmate run` that give this identity with these verdicts; paths are relative to `home`."""
    sources = _sources(identity, root, home)
    photographs = Request("full", sources.get("--images", ""), profile=identity.profile)
    implied = photographs.settings()
    opened = Request("full", continue_past_gates=True).settings()
    words = [word for option in sources.items() for word in option]
    if opened.items() <= identity.settings.items():
        words.append("--continue-past-gates")
        implied |= opened
    own = {key: value for key, value in identity.settings.items() if key not in implied or implied[key] != value}
    own = moved(own, root, home) | {VERDICTS: as_seen_from(home, str(verdicts))}
    return [*words, *(word for key, value in own.items() for word in ("--set", f"{key}={yaml_line(value)}"))]


def _sources(identity: Identity, root: Path, home: Path) -> dict[str, str]:
    """Option -> value of photographs, labels and profile, where they are not the default run's."""
    plain = Request("full")
    images, labels = (as_seen_from(home, source, root) for source in (identity.images, identity.labels))
    if (images, labels) == plain.sources:
        images, labels = "", ""
    elif images == plain.sources[0]:
        images = ""
    profile = "" if identity.profile == plain.profile else identity.profile
    options = {"--images": images, "--labels": labels, "--profile": profile}
    return {option: value for option, value in options.items() if value}
