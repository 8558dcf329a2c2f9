"""`params.yaml`: every parameter of every stage, explained, and the profiles that override the defaults."""

from collections.abc import Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from components.common.errors import UserError
from components.common.stage.params import StageParams, collect, validate
from components.common.stage.yaml_text import read_yaml, yaml_line
from pipelines.steps import STEPS, Step

PROFILES = Path(__file__).parent / "profiles"
FILE = "params.yaml"
SHARED = ("", "models", "crops", "duplicates")
"""The sections that belong to no stage, in the order of the file."""
HEAD = """\
# Every parameter of every stage. `objectmate run` checks them all before it starts. Changing one re-runs only the
# stages that read it, and what depends on them.
"""


@cache
def fields() -> Mapping[str, FieldInfo]:
    """Every parameter by its dotted key: first those that several stages share, then stage by stage."""
    known: dict[str, FieldInfo] = {}
    for step in STEPS.values():
        known |= {key: step.stage.params.model_fields[name] for name, key in step.stage.params.places().items()}
    tops, sections = ([*dict.fromkeys([*SHARED, *map(of, known)])] for of in (_top, _section))
    return dict(sorted(known.items(), key=lambda item: (tops.index(_top(item[0])), sections.index(_section(item[0])))))


def keys_naming(what: str) -> set[str]:
    """The dotted keys of the parameters that name a `model`, or a `place`: a file, a folder or an address."""
    stages = [step.stage.params for step in STEPS.values()]
    return {params.places()[name] for params in stages for name in params.naming(what)}


def step_params(values: dict[str, Any], step: Step, where: str = FILE) -> StageParams:
    """A step's parameters from all sections. Raises `UserError` on a missing section or a wrong value."""
    return collect(step.stage.params, values, where)


def read_step(path: Path, step: Step) -> StageParams:
    """A step's parameters from a params.yaml. Raises `UserError` on an unknown key or section or a wrong value."""
    values = read_yaml(path)
    refuse_unknown(values, str(path))
    return step_params(values, step, str(path))


def profile_names() -> list[str]:
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def profile_settings(profile: str) -> dict[str, Any]:
    """`section.key` -> value of everything that a profile sets. Raises `UserError` if there is no such profile."""
    overlay = _overlay(profile)
    return {key: _get(overlay, key) for key in fields() if _has(overlay, key)}


def _overlay(profile: str) -> dict[str, Any]:
    if profile not in profile_names():
        raise UserError(f"there is no profile '{profile}': choose one of {', '.join(profile_names())}")
    return read_yaml(PROFILES / f"{profile}.yaml")


def resolve(profile: str, overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """All keys in their sections: the defaults, the profile's overlay, then `section.key -> value` overrides.

    Raises `UserError` if there is no such profile, an override has no such key, or a value is wrong.
    """
    overlay = _overlay(profile)
    for key, value in (overrides or {}).items():
        put(overlay, key, value)
    where = f"profile {profile}"
    refuse_unknown(overlay, where)
    values: dict[str, Any] = {}
    for step in STEPS.values():
        params = step.stage.params
        chosen = {name: _get(overlay, key) for name, key in params.places().items() if _has(overlay, key)}
        complete = validate(params, chosen, where).model_dump(mode="json")
        for name, key in params.places().items():
            put(values, key, complete[name])
    return {key: values[key] for key in dict.fromkeys(name.split(".")[0] for name in fields())}


def check(path: Path) -> dict[str, Any]:
    """All sections of a params.yaml, every parameter checked. Raises `UserError` on the first wrong section."""
    values = read_yaml(path)
    refuse_unknown(values, str(path))
    for step in STEPS.values():
        step_params(values, step, str(path))
    return values


def render(values: dict[str, Any]) -> str:
    """The text of a params.yaml: every key with its description as a comment, and the source of each default in use."""
    lines = [HEAD]
    opened: list[str] = []
    for section, keys in groupby(fields(), key=_section):
        path = section.split(".") if section else []
        if path[:1] != opened[:1]:
            lines += ["", *(f"{'  ' * depth}{name}:" for depth, name in enumerate(path))]
        elif path:
            lines += [f"  {name}:" for name in path[1:]]
        opened = path
        lines += [f"{'  ' * len(path)}{_line(key, _get(values, key))}" for key in keys]
    return "\n".join(lines).lstrip() + "\n"


def _line(key: str, value: Any) -> str:
    field = fields()[key]
    extra = field.json_schema_extra
    default = yaml.safe_load(yaml.safe_dump(_plain(field.get_default(call_default_factory=True))))
    source = extra.get("source") if isinstance(extra, dict) and value == default else ""
    said = f"{field.description} (default: {source})" if source else field.description
    return f"{key.split('.')[-1]}: {yaml_line(value)}  # {said}"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def refuse_unknown(values: dict[str, Any], where: str) -> None:
    """Raises `UserError` on a key or section that no stage has."""
    known = fields()
    sections = {".".join(key.split(".")[:depth]) for key in known for depth in range(1, key.count(".") + 1)}
    for key in _leaves(values, sections):
        if key not in known:
            section = _section(key)
            near = [name.split(".")[-1] for name in known if _section(name) == section] or sorted(sections)
            others = [name for name in known if name.split(".")[-1] == key.split(".")[-1]]
            meant = f" (perhaps {' or '.join(others)})" if others else ""
            raise UserError(f"{where}: unknown parameter '{key}'{meant}; known: {', '.join(near)}")


def _leaves(values: dict[str, Any], sections: set[str], path: str = "") -> list[str]:
    """The dotted keys of all values: mappings at a path in `sections` are followed, other values are leaves."""
    keys: list[str] = []
    for name, value in values.items():
        key = f"{path}{name}"
        if key not in sections:
            keys.append(key)
        elif isinstance(value, dict):
            keys += _leaves(value, sections, f"{key}.")
        elif value is not None:
            raise UserError(f"{key} has a value where a section should be: `objectmate params` shows all keys")
    return keys


def _top(key: str) -> str:
    return _section(key).partition(".")[0]


def _section(key: str) -> str:
    return key.rpartition(".")[0]


def _has(values: dict[str, Any], dotted: str) -> bool:
    *path, last = dotted.split(".")
    for key in path:
        values = values.get(key) or {}
    return last in values


def _get(values: dict[str, Any], dotted: str) -> Any:
    for key in dotted.split("."):
        values = values[key]
    return values


def put(values: dict[str, Any], dotted: str, value: Any) -> None:
    """Sets `section.key` in a dict of sections. Raises `UserError` if a section on the way is a value."""
    *path, last = dotted.split(".")
    for key in path:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise UserError(f"{dotted} has a value where a section should be: `objectmate params` shows all keys")
    values[last] = value
