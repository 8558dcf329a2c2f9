"""YAML as people write it: numbers as they are meant, no repeated keys, text in UTF-8."""

import re
from pathlib import Path
from typing import Any

import yaml

from components.common.errors import UserError, in_one_line


class _Loader(yaml.CSafeLoader):
    """The safe loader, in C, which also reads 1e-5 as a number, as DVC does, and refuses repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                where = f"in line {key.start_mark.line + 1}"
                raise yaml.constructor.ConstructorError(problem=f"the key '{key.value}' is repeated {where}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse_yaml(text: str | bytes, where: str) -> Any:
    """The value of a YAML text. where: begins the sentence of a `UserError`, which a wrong text raises."""
    try:
        return yaml.load(text.decode("utf-8-sig") if isinstance(text, bytes) else text, _Loader)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{where} is not UTF-8 text (line {line}): save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not valid YAML: {in_one_line(error)}") from None


def yaml_line(value: Any) -> str:
    """A value as YAML on one line."""
    # The YAML of a bare scalar ends in a document marker, which is not part of the value.
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file as a dict. Raises `UserError` if it is absent, unreadable, broken or not a mapping."""
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"there is no {path}: go to a folder that has one, or write it with `objectmate params > {path}`"
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): put a file there that this user may read") from None
    values = parse_yaml(text, str(path))
    if not isinstance(values, dict):
        raise UserError(f"{path} has no sections; copy params.yaml from the repository")
    return values
