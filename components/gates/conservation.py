"""Conservation: nothing is lost without a named rule, from the files that came in to the tuples that go out."""

import json
from dataclasses import asdict
from pathlib import Path

from components.common.data.account import Equation, account
from components.common.stage.report import Report
from components.gates.checks import Check, Gate
from components.gates.params import Tuples

ACCOUNT = "conservation-account.json"
"""The file of the report that holds the equations."""

NAMES = ("files", "searched", "mined", "plates", "captions", "assembled", "objects", "photographs")
"""What each equation of `account` is about."""


def conservation(inputs: dict[str, Path], params: Tuples) -> Gate:
    """Measures, for each equation of the run's account, how many rows are not in exactly one of its parts."""
    equations = dict(zip(NAMES, account(inputs), strict=True))
    photographs = equations["photographs"]
    return Gate(
        "conservation",
        tuple(_check(name, equations[name]) for name in reversed(NAMES)),
        Report(
            {name: float(equation.total) for name, equation in equations.items()},
            {"where_photographs_end": [{"end": end, "photographs": n} for end, n in photographs.parts.items()]},
            files={ACCOUNT: json.dumps([asdict(equation) for equation in equations.values()], indent=1) + "\n"},
        ),
    )


def _check(name: str, equation: Equation) -> Check:
    return Check(
        f"unaccounted_{name}",
        f"the number of {equation.whole} without exactly one end ({name})",
        equation.astray,
        high=0,
        next_step="delete the datasets of that stage and run it again; if that does not help, a stage loses rows: "
        "report it with this sentence",
        sentence=str(equation),
    )
