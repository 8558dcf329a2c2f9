"""Parameters: one pydantic model per stage, read from `params.yaml`, refused before any work if wrong.

A field is in the section of the class that declares it. So a stage inherits what it shares with other stages
(`components.common.stage.shared`), and the value is in `params.yaml` only once.
"""

import inspect
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, ValidationError

from components.common.errors import UserError


@dataclass(frozen=True)
class Names:
    """Marks a parameter that names something outside the datasets: a `model` or a `place` (file, folder, address)."""

    what: str


ModelReference = Annotated[str, Names("model")]
"""`sandbox:NAME`, a folder, or `owner/name@commit`; empty for none. See `components.common.vision.models`."""
Place = Annotated[str, Names("place")]
"""A path, an `s3://` address or `sandbox:NAME`; empty for none."""
Places = Annotated[dict[str, str], Names("place")]
"""Name -> place."""


def parameter(default: Any, description: str, source: str = "", **limits: Any) -> Any:
    """A field of a stage's parameters.

    description: meaning and unit, true for any value. source: where the default comes from; shown only with the
    default. A default without a source is this project's own choice. limits: pydantic's, such as `ge` and `le`.
    """
    return Field(default=default, description=description, json_schema_extra={"source": source}, **limits)


@dataclass(frozen=True)
class Share:
    """One worker's part of a stage: the parts whose number modulo `of` is `index`."""

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
    """Base class of every stage's parameters. Unknown keys are refused; values cannot change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    section: ClassVar[str] = ""
    """Dotted path in `params.yaml` of the fields that a class declares; empty for the top level.

    If a base class names no section, its fields are in the section of the class that inherits them.
    """
    execution: ClassVar[frozenset[str]] = frozenset({"workers", "device", "threads", "only"})
    """Fields that say how to compute, not what: they are not part of a dataset's identity. For networks, the effective
    device and threads are: see `components.common.computing`."""

    only: InstanceOf[Share] | None = Field(default=None, exclude=True)
    """Makes only these parts and raises `ShareDone`; None: the whole dataset. Set by whoever runs several workers."""

    @classmethod
    def places(cls) -> dict[str, str]:
        """Field -> its dotted key in `params.yaml`."""
        keys: dict[str, str] = {}
        for owner in reversed(cls.__mro__):
            if issubclass(owner, StageParams):
                home = owner.__dict__.get("section", cls.section)
                declared = inspect.get_annotations(owner)
                keys |= {name: f"{home}.{name}".removeprefix(".") for name in declared if name in cls.model_fields}
        return {name: keys[name] for name, field in cls.model_fields.items() if not field.exclude}

    @classmethod
    def naming(cls, what: str) -> list[str]:
        """The fields that name a `model` or a `place`."""
        return [name for name, field in cls.model_fields.items() if Names(what) in field.metadata]

    def identity(self) -> dict[str, Any]:
        """The parameters that decide the bytes of the result, JSON-able.

        What a parameter names does not count by its name: stages add the digest of its content.
        """
        named = {*self.naming("model"), *self.naming("place")}
        return self.model_dump(mode="json", exclude=set(self.execution) | named)

    def loads(self) -> list[str]:
        """The fields that name a model that the stage will load."""
        return [name for name in self.naming("model") if getattr(self, name)]

    def left_out(self) -> dict[str, frozenset[str]]:
        """Field that names a pipeline of several parts -> its parts (subfolders) that the stage does not load."""
        return {}

    def sources(self) -> list[tuple[str, str]]:
        """Field and source of every model, file, folder and address that the stage will read."""
        named = [(name, getattr(self, name)) for name in (*self.loads(), *self.naming("place"))]
        listed = [(name, value.values() if isinstance(value, dict) else [value]) for name, value in named]
        return [(name, source) for name, sources in listed for source in sources if source]


Params = TypeVar("Params", bound=StageParams)


def validate(cls: type[Params], values: dict[str, Any], where: str) -> Params:
    """Builds `cls` from field -> value; `where` (such as `params.yaml`) begins the sentence of a `UserError`."""
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(_sentence(problem, cls, where) for problem in error.errors())) from None


def collect(cls: type[Params], values: dict[str, Any], where: str) -> Params:
    """Builds `cls` from the sections of a `params.yaml`; fields that a section omits take their defaults.

    Raises `UserError` if a section is absent or a value is wrong.
    """
    chosen: dict[str, Any] = {}
    for name, place in cls.places().items():
        path, _, key = place.rpartition(".")
        table = section(values, path, where) if path else values
        if key in table:
            chosen[name] = table[key]
    return validate(cls, chosen, where)


def _sentence(problem: Any, cls: type[StageParams], where: str) -> str:
    places = cls.places()
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown parameter '{key}'; known are {', '.join(sorted(places))}"
    message = problem["msg"].removeprefix("Value error, ")
    message += ": write it in quotes" if problem["type"] == "string_type" else ""
    if not key:
        return f"{where}: {f'{cls.section}: ' if cls.section else ''}{message}"
    first = str(problem["loc"][0])
    return f"{where}: {places.get(first, first)}{key.removeprefix(first)} = {problem['input']!r}: {message}"


def section(values: dict[str, Any], path: str, where: str) -> dict[str, Any]:
    """The mapping at a dotted path, such as `gates.intake`. Raises `UserError` if it is absent."""
    table: Any = values
    for key in path.split("."):
        if not isinstance(table, dict) or key not in table:
            raise UserError(f"{where} has no section '{path}'; copy it from the repository's params.yaml")
        table = table[key]
    return table or {}
