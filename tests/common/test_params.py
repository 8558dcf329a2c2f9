"""Parameters: wrong ones are refused before any work, in one sentence that names the key."""

from pathlib import Path
from typing import Self

import pytest
from pydantic import Field, ValidationError, model_validator

from components.common.errors import UserError
from components.common.stage.params import StageParams, read_yaml, section, validate


class Window(StageParams):
    """A window of similarities."""

    low: float = Field(default=0.93, ge=0, le=1)
    high: float = Field(default=0.975, ge=0, le=1)
    workers: int = 2

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")
        return self


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"lo": 0.5}, r"params\.yaml: mining: unknown parameter 'lo'; known are high, low, workers"),
        ({"only": {"index": 0, "of": 2}}, "only = .*[Ss]hare"),
        ({"low": 1.5}, r"params\.yaml: mining: low = 1\.5: .*less than or equal to 1"),
        ({"low": "much"}, r"params\.yaml: mining: low = 'much': .*number"),
        ({"low": float("nan")}, r"low = nan: .*finite"),
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
    assert Window(workers=1).identity() == Window(workers=9).identity() == {"low": 0.93, "high": 0.975}


def test_values_cannot_change_after_reading() -> None:
    with pytest.raises(ValidationError):
        Window().low = 0.5  # type: ignore[misc]


def test_yaml_that_is_absent_broken_or_not_a_mapping(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no"):
        read_yaml(tmp_path / "params.yaml")
    for text, sentence in (("a: [1", "is not valid YAML"), ("- 1\n", "holds no sections"), ("", "holds no sections")):
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(UserError, match=sentence):
            read_yaml(tmp_path / "params.yaml")


def test_sections_are_found_by_dotted_path() -> None:
    values = {"training": {"insertion": {"steps": 3}, "generation": None}}
    assert section(values, "training.insertion", "params.yaml") == {"steps": 3}
    assert section(values, "training.generation", "params.yaml") == {}
    with pytest.raises(UserError, match=r"params\.yaml has no section 'training\.other'"):
        section(values, "training.other", "params.yaml")
