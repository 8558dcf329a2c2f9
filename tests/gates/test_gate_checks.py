"""Checks, Great Expectations and the verdict that follows."""

from itertools import count
from typing import Any

import numpy as np
import pytest

from components.gates.checks import Check, Gate, judge
from components.gates.expectations import Validator

NUMBERS = count()


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator(blocking=True)


def verdict(validator: Validator, *checks: Check) -> dict[str, Any]:
    gate = Gate(f"gate-{next(NUMBERS)}", checks)
    return judge(gate, validator.validate(gate)[0], blocking=True)


def test_limits_are_inclusive_unless_strict(validator: Validator) -> None:
    assert verdict(validator, Check("a", "a", 0.5, high=0.5))["verdict"] == "pass"
    assert verdict(validator, Check("b", "b", 0.0, low=0.0, strict=True))["verdict"] == "fail"
    assert verdict(validator, Check("c", "c", 1e-9, low=0.0, strict=True))["verdict"] == "pass"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.array([0.1, np.nan, 0.2])])
def test_what_is_not_a_number_never_passes(validator: Validator, value: float) -> None:
    row = verdict(validator, Check("share", "the share", value, low=0, high=1))
    assert row["verdict"] == "fail"
    assert row["observed"] is None
    assert "not a number" in row["reason"]


def test_rows_report_their_worst_value(validator: Validator) -> None:
    values = np.array([0.5, 0.95, 0.01, 0.6])
    row = verdict(validator, Check("area", "the area", values, low=0.04, high=0.9))
    assert (row["verdict"], row["observed"], row["limit"]) == ("fail", 0.95, 0.9)
    row = verdict(validator, Check("area2", "the area", values[[0, 2]], low=0.04, high=0.9))
    assert (row["observed"], row["limit"]) == (0.01, 0.04)


def test_a_certain_failure_outweighs_missing_evidence(validator: Validator) -> None:
    open_ = Check("bound", "the bound", 0.1, low=0.7, undecided="12 more labels would decide", next_step="label")
    row = verdict(validator, open_)
    assert (row["verdict"], row["next_step"]) == ("undecided", "label")
    assert "12 more labels" in row["reason"]
    failed = Check("pairs", "the pairs", 3, high=0, next_step="mend")
    row = verdict(validator, open_, failed)
    assert (row["verdict"], row["observed"], row["next_step"]) == ("fail", 3, "mend")


def test_documents_name_the_expectations(validator: Validator) -> None:
    gate = Gate("documented", (Check("one", "the one", 1.0, high=2), Check("rows", "the rows", np.ones(5), low=0)))
    _, documents = validator.validate(gate)
    assert sorted(documents) == [
        f"documented-{kind}.{suffix}" for kind in ("rows", "statistics") for suffix in ("html", "json")
    ]
    assert "expect_column_values_to_be_between" in documents["documented-rows.json"]
    assert '"severity": "critical"' in documents["documented-rows.json"]
    assert documents["documented-statistics.html"].lstrip().startswith("<!DOCTYPE html>")
