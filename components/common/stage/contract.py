"""The contract of a stage, declared once in its room's `__init__.py`.

The pipeline's table, the Kubeflow components, `dvc.yaml`, a cluster's settings and the report page are derived from it.
"""

import importlib
import inspect
import sys
from dataclasses import dataclass
from typing import Literal

from components.common.stage.params import StageParams

Family = Literal["data", "vision", "mining", "training", "gates"]
"""The container images that stages run in: infra/images/Dockerfile says what each contains."""


@dataclass(frozen=True)
class Size:
    """What a stage requests on a cluster. request, limit: cores. memory: in Kubernetes' notation. gpu: can use one."""

    request: str = "2"
    limit: str = "4"
    memory: str = "8Gi"
    gpu: bool = False


ON_GPU = Size(gpu=True)


@dataclass(frozen=True)
class Stage:
    """What a stage is.

    room: its package, whose module `stage` holds `run(inputs, outputs, params)` and whose docstring says what it does.
    title: its heading on the report page. flow: the roles of the datasets that go in and come out, `a b -> c`;
    `role:kind` where a role's name differs from the kind of its dataset (see `data.schemas`). shared: several workers
    can each make some of its parts. gate: its verdict is final, so a failure is not retried. named, does: the stage's
    own name and what it does, where a room has several stages.
    """

    room: str
    title: str
    params: type[StageParams]
    flow: str
    family: Family
    size: Size = Size()
    shared: bool = False
    gate: bool = False
    named: str = ""
    does: str = ""

    @property
    def name(self) -> str:
        """As in `objectmate stage NAME`: its room's name, unless it has one of its own."""
        return self.named or self.room.rpartition(".")[2]

    @property
    def about(self) -> str:
        """What goes in and comes out, on one line: `does`, or else the first paragraph of its room's docstring."""
        text = inspect.getdoc(sys.modules[self.room]) or ""
        return self.does or " ".join(text.partition("\n\n")[0].split())

    @property
    def inputs(self) -> dict[str, str]:
        """Role -> kind of each dataset that it reads."""
        return _roles(self.flow.partition("->")[0])

    @property
    def outputs(self) -> dict[str, str]:
        """Role -> kind of each dataset that it makes."""
        return _roles(self.flow.partition("->")[2])

    @property
    def folder(self) -> str:
        """The folder of its code, such as `components/mining`."""
        return self.room.replace(".", "/")


def find_stage(room: str, name: str) -> Stage:
    """The contract of the stage `name`, from the package that declares it."""
    contracts = [value for value in vars(importlib.import_module(room)).values() if isinstance(value, Stage)]
    return next(contract for contract in contracts if contract.name == name)


def _roles(words: str) -> dict[str, str]:
    pairs = [word.partition(":") for word in words.split()]
    return {role: kind or role for role, _, kind in pairs}
