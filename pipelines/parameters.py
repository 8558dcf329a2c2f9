"""`params.yaml`: one file, one section a stage, every key explained; and the profiles laid over the defaults."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from components.common.errors import UserError
from components.common.stage.params import StageParams, read_yaml, section, validate
from components.common.vision.models import lacks_pin
from pipelines.steps import STEPS, Step

PROFILES = Path(__file__).parent / "profiles"
FILE = "params.yaml"


def params_class(step: Step) -> type[StageParams]:
    """The pydantic model of a step's parameters."""
    module, name = step.params.split(":")
    return getattr(importlib.import_module(module), name)


def read_step(path: Path, step: Step) -> StageParams:
    """A step's parameters from a params.yaml. Raises `UserError` on an unknown key or section or a wrong value."""
    return validate(params_class(step), section(read_yaml(path), step.section, str(path)), f"{path}: {step.section}")


def profile_names() -> list[str]:
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def resolve(profile: str, overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """All sections, all keys: the stages' defaults, the profile's overlay, then `section.key -> value` overrides."""
    if profile not in profile_names():
        raise UserError(f"there is no profile '{profile}': choose one of {', '.join(profile_names())}")
    overlay = read_yaml(PROFILES / f"{profile}.yaml")
    for key, value in (overrides or {}).items():
        _put(overlay, key, value)
    _refuse_unknown(overlay)
    values: dict[str, Any] = {}
    for step in STEPS.values():
        chosen = _get(overlay, step.section)
        complete = validate(params_class(step), chosen, f"profile {profile}: {step.section}")
        _put(values, step.section, complete.model_dump(mode="json"))
    return values


def check(path: Path, steps: Sequence[Step] = ()) -> None:
    """Validates every section before any work, and that hub models of the `steps` to be run are pinned.

    Raises `UserError` on the first wrong section.
    """
    values = read_yaml(path)
    _refuse_unknown(values)
    for step in STEPS.values():
        read_step(path, step)
    refuse_unpinned(values, steps, path.parent)


def refuse_unpinned(values: dict[str, Any], steps: Sequence[Step], root: Path) -> None:
    """Raises a `UserError` naming every hub model that `steps` load without a pinned revision.

    values: all sections, valid ones. root: the folder from which model folders are named.
    """
    missing = []
    for step in steps:
        params = params_class(step).model_validate(_get(values, step.section))
        pins = [(getattr(params, model), pin) for model, pin in params.models().items()]
        missing += [
            f"--set {step.section}.{pin}=COMMIT for {model}"
            for model, pin in pins
            if lacks_pin(model, getattr(params, pin), root)
        ]
    if missing:
        raise UserError(
            "models from the hub need a pinned revision, so that a run can be repeated; give the 40 hex digits of "
            f"each one's commit: {', '.join(missing)}"
        )


def render(values: dict[str, Any]) -> str:
    """The text of a params.yaml: every key with its description as a comment."""
    lines = ["# Every parameter of every stage. `objectmate run` checks them all before any work;", "#"]
    lines[-1:] = ["# DVC reruns only the stages below a changed one.", ""]
    sections: dict[str, list[Step]] = {}
    for step in STEPS.values():
        sections.setdefault(step.section.split(".")[0], []).append(step)
    for top, steps in sections.items():
        lines.append(f"{top}:")
        for step in steps:
            lines += _section_lines(step, _get(values, step.section))
        lines.append("")
    return "\n".join(lines)


def _section_lines(step: Step, values: dict[str, Any]) -> list[str]:
    nested = step.section.split(".")[1:]
    indent = "  " * (len(nested) + 1)
    lines = [f"  {name}:" for name in nested]
    for key, field in params_class(step).model_fields.items():
        if field.exclude:
            continue
        # A bare scalar's YAML ends in a document marker, which is no part of the value.
        shown = yaml.safe_dump(values[key], default_flow_style=True, width=10_000).removesuffix("...\n").strip()
        lines.append(f"{indent}{key}: {shown}" + (f"  # {field.description}" if field.description else ""))
    return lines


def _refuse_unknown(values: dict[str, Any]) -> None:
    known = {step.section.split(".")[0] for step in STEPS.values()}
    for name in values:
        if name not in known:
            raise UserError(f"unknown section '{name}': known are {', '.join(sorted(known))}")


def _get(values: dict[str, Any], dotted: str) -> dict[str, Any]:
    for key in dotted.split("."):
        values = _mapping(values, dotted).get(key) or {}
    return _mapping(values, dotted)


def _put(values: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for key in path:
        values = _mapping(values, dotted).setdefault(key, {})
    _mapping(values, dotted)[last] = value


def _mapping(value: Any, dotted: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{dotted}: a value stands where a section should: `objectmate params` shows all keys")
    return value
