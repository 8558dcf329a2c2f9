"""What a gate measured and how a verdict follows from it. Great Expectations decides which checks are met."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.common.stage.report import Report

RUN = "RUN"
"""The run's folder in the command of a next step: a gate does not know it."""

SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True)
class Check:
    """A measured number, or one number per row, that must lie between its limits.

    name: the column it gets in the suite and its key in the metrics. what: the same in words.
    measured: the number, or a 1-d array. low, high: the limits, inclusive unless `strict`; None: unlimited.
    next_step: what a person does about a failure. after: the gate whose next step comes first, if it has not passed.
    undecided: why a failure would only mean that too little is known; empty where a failure is a failure.
    sentence: what a reader is told, where the numbers alone do not say it.
    """

    name: str
    what: str
    measured: float | np.ndarray
    low: float | None = None
    high: float | None = None
    strict: bool = False
    next_step: str = ""
    after: str = ""
    undecided: str = ""
    sentence: str = ""

    @property
    def values(self) -> np.ndarray:
        """The measured numbers, [N]."""
        return np.atleast_1d(np.asarray(self.measured, np.float64))

    @property
    def excess(self) -> np.ndarray:
        """How far each value lies beyond its nearer limit, [N]; negative inside, infinite where not a number."""
        below = (self.low if self.low is not None else -np.inf) - self.values
        above = self.values - (self.high if self.high is not None else np.inf)
        return np.where(np.isfinite(self.values), np.maximum(below, above), np.inf)

    @property
    def observed(self) -> float | None:
        """The value furthest out, to 6 digits; None if there is none or it is not a number."""
        if not self.values.size:
            return None
        worst = self.values[np.argmax(self.excess)]
        return rounded(worst) if np.isfinite(worst) else None

    @property
    def limit(self) -> float | None:
        """The limit that `observed` is nearest to."""
        if self.low is None or self.high is None or self.observed is None:
            return self.low if self.high is None else self.high
        return self.low if self.low - self.observed >= self.observed - self.high else self.high

    def __str__(self) -> str:
        if self.sentence:
            return self.sentence
        seen = "not a number" if self.observed is None else f"{self.observed:.4g}"
        return f"{self.what} is {seen}, {self.allowed}"

    @property
    def allowed(self) -> str:
        """The limits in words."""
        if self.low is not None and self.high is not None:
            return f"allowed is {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"it must be above {self.low:g}" if self.strict else f"at least {self.low:g} is required"
        return f"it must be below {self.high:g}" if self.strict else f"at most {self.high:g} is allowed"


@dataclass(frozen=True)
class Gate:
    """One gate's checks, the first being its headline, and what else it has to show."""

    name: str
    checks: tuple[Check, ...]
    shows: Report = field(default_factory=Report)

    @property
    def metrics(self) -> dict[str, float]:
        """The observed numbers by name."""
        return {check.name: check.observed for check in self.checks if check.observed is not None}


def judge(gate: Gate, met: Mapping[str, bool], blocking: bool, unsettled: Collection[str] = ()) -> dict[str, Any]:
    """The row of `verdicts` for a gate. met: check name -> whether its expectations were met. unsettled: the gates
    before it that did not pass."""
    failed = [check for check in gate.checks if not met[check.name]]
    certain = [check for check in failed if not check.undecided]
    shown = (certain or failed or gate.checks)[0]
    steps = [_step(check, unsettled) for check in certain or failed if check.next_step]
    return {
        "gate": gate.name,
        "verdict": "fail" if certain else "undecided" if failed else "pass",
        "blocking": blocking,
        "observed": shown.observed,
        "limit": shown.limit,
        "reason": "; ".join(map(_why, failed)) if failed else _summary(gate),
        "next_step": "; ".join(dict.fromkeys(steps)),
    }


def _step(check: Check, unsettled: Collection[str]) -> str:
    return f"first do what the gate {check.after} says" if check.after in unsettled else check.next_step


def _why(check: Check) -> str:
    """A check that failed, in words."""
    return f"{check} ({check.undecided})" if check.undecided and not check.sentence else str(check)


def _summary(gate: Gate) -> str:
    """A gate that passed, in words: its headline, and how many more checks it has."""
    others = len(gate.checks) - 1
    return f"{gate.checks[0]}; {others} more check{'s' * (others > 1)} passed" if others else str(gate.checks[0])


def rounded(value: float) -> float:
    """To 6 significant digits: what a reader needs, and no last bits that depend on the number of threads."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
