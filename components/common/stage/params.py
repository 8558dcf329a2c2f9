"""Parameters: one pydantic model a stage, read from its section of `params.yaml`, refused before any work if wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, InstanceOf, ValidationError

from components.common.errors import UserError


@dataclass(frozen=True)
class Share:
    """What one of several workers does of a stage: every part whose number leaves `index` when divided by `of`."""

    index: int
    of: int

    @classmethod
    def read(cls, text: str) -> "Share":
        """From text such as `2/5`, the second of five."""
        number, of = text.split("/")
        return cls(int(number) - 1, int(of))

    def has(self, part: int) -> bool:
        """Whether part number `part` is in this share."""
        return part % self.of == self.index


class StageParams(BaseModel):
    """Base of every stage's `Params`. Unknown keys are refused; values cannot change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    execution: ClassVar[frozenset[str]] = frozenset({"workers", "device", "only"})
    """Fields that say how to compute, not what: they stay out of a dataset's identity."""

    only: InstanceOf[Share] | None = Field(default=None, exclude=True)
    """Makes these parts only and raises `ShareDone`; None: the whole dataset. Set by whoever runs several workers."""

    def identity(self) -> dict[str, Any]:
        """The parameters that decide the bytes of the result, JSON-able."""
        return self.model_dump(mode="json", exclude=set(self.execution))

    def models(self) -> dict[str, str]:
        """The fields that name a model which the stage will load -> the fields of these models' revisions."""
        return {}


Params = TypeVar("Params", bound=StageParams)


def validate(cls: type[Params], values: dict[str, Any], where: str) -> Params:
    """Builds `cls` from `values`; `where` (such as `params.yaml: mining`) starts the sentence of a `UserError`."""
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(_sentence(problem, cls, where) for problem in error.errors())) from None


def _sentence(problem: Any, cls: type[StageParams], where: str) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = sorted(name for name, field in cls.model_fields.items() if not field.exclude)
        return f"{where}: unknown parameter '{key}'; known are {', '.join(known)}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {key} = {problem['input']!r}: {message}" if key else f"{where}: {message}"


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file as a dict. Raises `UserError` if it is absent, broken or not a mapping."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"there is no {path}: go to a folder that has one, or write it with `objectmate params > {path}`"
        ) from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no sections; copy params.yaml from the repository")
    return values


def section(values: dict[str, Any], path: str, where: str) -> dict[str, Any]:
    """The mapping at a dotted path, such as `training.insertion`. Raises `UserError` if it is absent."""
    found: Any = values
    for key in path.split("."):
        if not isinstance(found, dict) or key not in found:
            raise UserError(f"{where} has no section '{path}'; copy it from the repository's params.yaml")
        found = found[key]
    return found or {}
