"""What only a person can say: a small YAML file of declarations. Nothing in it is checked, and nothing is inferred."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.common.errors import UserError
from components.common.stage.yaml_text import read_yaml

DATASET = {
    "title": "name of the dataset",
    "version": "version of the dataset, MAJOR.MINOR.PATCH",
    "published": "day of publication, YYYY-MM-DD",
    "licence": "licence of the dataset as a whole",
    "creator": "organisation that made the dataset",
    "permitted_actions": "actions that are permitted, as terms of ODRL or addresses, separated by spaces",
}
"""Declarations for Croissant and the card -> what each says."""


@dataclass(frozen=True)
class Declared:
    """A person's declarations: key -> text."""

    texts: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: str) -> str:
        """The text of a declaration; empty if there is none."""
        return self.texts.get(key, "")


def read_declared(path: Path | None, known: Mapping[str, str]) -> Declared:
    """Reads the file of declarations. known: key -> what it says.

    Raises `UserError` if there is no such file, it is not a mapping of keys to texts, or a key is unknown.
    """
    if path is None:
        return Declared()
    if not path.is_file():
        raise UserError(f"there is no file {path} of declarations: correct --declared, or leave it out")
    texts = {}
    for key, value in read_yaml(path).items():
        if key not in known:
            raise UserError(f"{path}: there is no declaration '{key}'; choose from {', '.join(known)}")
        if isinstance(value, dict | list):
            raise UserError(f"{path}: '{key}' must be one text or number ({known[key]})")
        texts[key] = "" if value is None else str(value).strip()
    return Declared(texts)
