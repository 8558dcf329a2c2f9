"""Parameters: wrong ones are refused before any work, in one sentence that names the key."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from pydantic import Field, ValidationError, model_validator

from components.common.errors import UserError
from components.common.stage.params import StageParams, section, validate
from components.common.stage.yaml_text import read_yaml
from pipelines.parameters import fields

ROOT = Path(__file__).parents[2]
KEY = re.compile(r"(?<![\w./-])[a-z_]+(?:\.[a-z_]+)+(?![\w(/])")


class Window(StageParams):
    """A window of similarities."""

    low: float = Field(default=0.93, ge=0, le=1)
    high: float = Field(default=0.975, ge=0, le=1)
    name: str = ""
    workers: int = 2

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")
        return self


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"lo": 0.5}, r"params\.yaml: mining: unknown parameter 'lo'; known are high, low, name, workers"),
        ({"only": {"index": 0, "of": 2}}, "only = .*[Ss]hare"),
        ({"low": 1.5}, r"params\.yaml: mining: low = 1\.5: .*less than or equal to 1"),
        ({"low": "much"}, r"params\.yaml: mining: low = 'much': .*number"),
        ({"low": float("nan")}, r"low = nan: .*finite"),
        ({"name": 2024}, r"name = 2024: .*string: write it in quotes"),
        ({"low": 0.9, "high": 0.8}, r"params\.yaml: mining: low 0\.9 must be below high 0\.8"),
    ],
)
def test_wrong_values_are_one_sentence(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        validate(Window, values, "params.yaml: mining")


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(UserError, match=r"high = 7.*; .*'lo'"):
        validate(Window, {"lo": 1, "high": 7}, "here")


def test_identity_leaves_out_how_to_compute() -> None:
    assert Window(workers=1).identity() == Window(workers=9).identity() == {"low": 0.93, "high": 0.975, "name": ""}


def test_values_cannot_change_after_reading() -> None:
    with pytest.raises(ValidationError):
        Window().low = 0.5  # type: ignore[misc]


def test_yaml_that_is_absent_broken_or_not_a_mapping(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no"):
        read_yaml(tmp_path / "params.yaml")
    for text, sentence in (("a: [1", "is not valid YAML"), ("- 1\n", "has no sections"), ("", "has no sections")):
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(UserError, match=sentence):
            read_yaml(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("name: Müsli\n".encode("latin-1"), r"params\.yaml is not UTF-8 text \(line 1\): save it as UTF-8"),
        ("a: {}\nname: x\n".encode("utf-16"), "is not UTF-8 text"),
        (b"a:\n  side: 1\n  side: 2\n", "the key 'side' is repeated in line 3"),
        (b"a: {side: 1, side: 1}\n", "the key 'side' is repeated"),
        (b"a:\n\tside: 1\n", r"not valid YAML: .*line 2"),
        (b"a: \x07\n", "not valid YAML"),
    ],
)
def test_odd_files_are_one_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(UserError, match=sentence) as caught:
        read_yaml(tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_the_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)"):
        read_yaml(tmp_path)


def test_numbers_are_read_as_they_are_meant(tmp_path: Path) -> None:
    text = "\ufeffrates: [1e-5, 1E3, -2e+1, 1.5e-3]\nnames: ['1e-5', e5, 1e5x, 7]\n"
    (tmp_path / "params.yaml").write_text(text)
    assert read_yaml(tmp_path / "params.yaml") == {
        "rates": [1e-5, 1e3, -20, 0.0015],
        "names": ["1e-5", "e5", "1e5x", 7],
    }


def test_sections_are_found_by_dotted_path() -> None:
    values = {"training": {"insertion": {"steps": 3}, "generation": None}}
    assert section(values, "training.insertion", "params.yaml") == {"steps": 3}
    assert section(values, "training.generation", "params.yaml") == {}
    with pytest.raises(UserError, match=r"params\.yaml has no section 'training\.other'"):
        section(values, "training.other", "params.yaml")


def test_messages_name_parameters_that_exist() -> None:
    """Who sets one that does not is refused."""
    sections = {key.rpartition(".")[0] for key in fields()} - {""}
    known = {*fields(), *sections, "models.lock"}
    named = {(where, key) for where, text in texts() for key in KEY.findall(text) if key.partition(".")[0] in sections}
    assert [(where, key) for where, key in sorted(named) if key not in known] == []
    assert any(key == "duplicates.photo_bits" for _, key in named)


def texts() -> Iterator[tuple[str, str]]:
    """File and text of every string in the code."""
    for path in (path for package in ("components", "pipelines") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.relative_to(ROOT).as_posix(), node.value
