"""Checks as Great Expectations suites: the library decides what is met and draws the Data Docs."""

import json
import re
from collections.abc import Mapping
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from components.gates.checks import Check, Gate

TIME = re.compile(r"\d{4}-?\d\d-?\d\dT\d\d:?\d\d:?\d\d(\.\d+)?(Z|\+00:00)?")
RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Validator:
    """Validates gates in one in-memory Great Expectations context; nothing is stored and nothing leaves the machine."""

    def __init__(self, blocking: bool):
        self.severity = "critical" if blocking else "warning"
        self.context: EphemeralDataContext = gx.get_context(mode="ephemeral")
        self.context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)

    def validate(self, gate: Gate) -> tuple[dict[str, bool], dict[str, str]]:
        """Returns check name -> met, and the documents: the results as JSON and as a Data Docs page for each suite.

        Checks of single numbers form the suite `statistics` over one row, checks of many numbers the suite `rows`.
        """
        met: dict[str, bool] = {}
        documents: dict[str, str] = {}
        for kind, checks in _by_frame(gate).items():
            result = self._run(f"{gate.name}-{kind}", checks)
            met |= _met(result, checks)
            page = ValidationResultsPageRenderer().render(result)
            documents[f"{gate.name}-{kind}.json"] = repeatable(json.dumps(result.to_json_dict(), indent=1) + "\n")
            documents[f"{gate.name}-{kind}.html"] = repeatable(DefaultJinjaPageView().render(page))
        return met, documents

    def _run(self, name: str, checks: list[Check]) -> ExpectationSuiteValidationResult:
        suite = gx.ExpectationSuite(name=name, meta={"checks": [check.name for check in checks]})
        for check in checks:
            for expectation in self._expectations(check):
                suite.add_expectation(expectation)
        frame = pd.DataFrame({check.name: check.values for check in checks})
        batch = (
            self.context.data_sources.add_pandas(name)
            .add_dataframe_asset(name)
            .add_batch_definition_whole_dataframe("whole")
        )
        definition = gx.ValidationDefinition(name=name, data=batch, suite=self.context.suites.add(suite))
        definition = self.context.validation_definitions.add(definition)
        return definition.run(batch_parameters={"dataframe": frame})

    def _expectations(self, check: Check) -> list[gxe.Expectation]:
        # A range alone would let missing numbers through: the library leaves nulls out of it.
        common: dict[str, Any] = {
            "column": check.name,
            "severity": self.severity,
            "notes": check.what,
            "meta": {"what": check.what, "next_step": check.next_step},
        }
        limits: dict[str, Any] = {
            "min_value": check.low,
            "max_value": check.high,
            "strict_min": check.strict,
            "strict_max": check.strict,
        }
        return [
            gxe.ExpectColumnValuesToNotBeNull(**common),
            gxe.ExpectColumnValuesToBeBetween(**common, **limits),
        ]


def repeatable(document: str) -> str:
    """A document of the library without its times (run.json has the stage's) and with its random ids numbered.

    Equal checks then give equal bytes, as everything that DVC has a hash of must.
    """
    numbers: dict[str, str] = {}
    return RANDOM_ID.sub(lambda match: numbers.setdefault(match[0], f"id-{len(numbers)}"), TIME.sub("", document))


def _by_frame(gate: Gate) -> dict[str, list[Check]]:
    frames: dict[str, list[Check]] = {}
    for check in gate.checks:
        kind = "rows" if isinstance(check.measured, np.ndarray) else "statistics"
        frames.setdefault(kind, []).append(check)
    return frames


def _met(result: ExpectationSuiteValidationResult, checks: list[Check]) -> Mapping[str, bool]:
    met = {check.name: True for check in checks}
    for outcome in result.results:
        if outcome.expectation_config is not None:
            met[outcome.expectation_config.kwargs["column"]] &= bool(outcome.success)
    return met
