"""Which hub models the parameters of a run name, and the commits that `models.lock` gives for them."""

import shlex
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.common.data.digests import short
from components.common.errors import UserError
from components.common.vision.models import hub_id, locate
from pipelines.models.lock import FILE, Lock, read_lock
from pipelines.parameters import put, step_params
from pipelines.steps import STEPS, Step

COMMAND = "objectmate models lock"


@dataclass
class Use:
    """How parameters use a hub model. keys: the parameters. left_out: parts of a pipeline that none of them loads."""

    keys: set[str] = field(default_factory=set)
    left_out: frozenset[str] | None = None

    def add(self, key: str, left_out: frozenset[str]) -> None:
        """Adds a use; what it loads is needed, whatever the others leave out."""
        self.keys.add(key)
        self.left_out = left_out if self.left_out is None else self.left_out & left_out


def declared(values: dict[str, Any], steps: Sequence[Step], root: Path = Path()) -> dict[str, Use]:
    """Reference -> use of every hub model that `steps` load. values: all sections. root: as for `locate`."""
    uses: dict[str, Use] = {}
    for step in steps:
        params = step_params(values, step)
        for name in params.loads():
            reference = getattr(params, name)
            if locate(reference, root).revision is not None:
                left_out = params.left_out().get(name, frozenset())
                uses.setdefault(reference, Use()).add(params.places()[name], left_out)
    return uses


def pinned(values: dict[str, Any], steps: Sequence[Step], root: Path, command: str = COMMAND) -> dict[str, Any]:
    """The parameters with `owner/name@commit` for every hub model, as `models.lock` has it.

    values: all sections. steps: those that will run, whose models must be locked. root: as for `locate`. command: the
    one that locks them, for the message. Raises `UserError` if the lock does not hold one of them.
    """
    wanted = declared(values, [*STEPS.values()], root)
    if not wanted:
        return values
    lock, result = read_lock(), deepcopy(values)
    _refuse_unlocked(lock, declared(values, steps, root), command)
    for reference, use in wanted.items():
        if model := lock.find(reference):
            for key in use.keys:
                put(result, key, f"{hub_id(reference)}@{model.commit}")
    return result


def check_in_place(values: dict[str, Any], steps: Sequence[Step]) -> None:
    """Raises `UserError` if a params.yaml, which stages read as it is, names a hub model without its locked commit."""
    wanted = {key: reference for reference, use in declared(values, steps).items() for key in use.keys}
    locked = pinned(values, steps, Path(), lock_command("sandbox", [f"{key}={name}" for key, name in wanted.items()]))
    commits = {key: name for name, use in declared(locked, steps).items() for key in use.keys}
    if loose := sorted(key for key, reference in wanted.items() if commits[key] != reference):
        lines = ", ".join(f"{key.removeprefix('models.')}: {commits[key]}" for key in loose)
        raise UserError(f"the stages read params.yaml as it is, so it must name the locked commits: write {lines}")


def _refuse_unlocked(lock: Lock, wanted: Mapping[str, Use], command: str) -> None:
    missing = {reference: use for reference, use in wanted.items() if not lock.find(reference)}
    if not missing:
        return
    named = [
        f"{', '.join(sorted(use.keys))} = {reference}{_held(lock, reference)}" for reference, use in missing.items()
    ]
    problem = f"{FILE} does not hold" if FILE.exists() else f"there is no {FILE} that says which commit to load of"
    raise UserError(f"{problem} {'; '.join(named)}: run `{command}`")


def _held(lock: Lock, reference: str) -> str:
    """A phrase about the commit that the lock has of the same model; empty if it has none."""
    held = [model.commit for name, model in lock.models.items() if hub_id(name) == hub_id(reference)]
    return f", of which it has {short(held[0])}" if held else ""


def lock_command(profile: str, settings: Sequence[str] = ()) -> str:
    """The command that locks the models of a profile with some settings (`section.key=value`)."""
    words = ["--profile", profile, *(word for setting in settings for word in ("--set", setting))]
    return f"{COMMAND} {shlex.join(words)}"
