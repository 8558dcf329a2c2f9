"""The contract of a stage, stated once in its room's `__init__.py`.

The pipeline's table, the Kubeflow components, `dvc.yaml`, a cluster's settings and the report page are derived from it.
"""

import importlib
from dataclasses import dataclass
from typing import Literal

from components.common.stage.params import StageParams

Family = Literal["data", "vision", "mining", "training", "gates"]
"""The container images that stages run in: infra/images/Dockerfile says what each holds."""


@dataclass(frozen=True)
class Size:
    """What a stage asks for on a cluster. request, limit: cores. memory: as Kubernetes writes it. gpu: can use one."""

    request: str = "2"
    limit: str = "4"
    memory: str = "8Gi"
    gpu: bool = False


@dataclass(frozen=True)
class Stage:
    """What a stage is.

    name: as in `objectmate stage NAME`. room: its package, whose module `stage` holds `run(inputs, outputs, params)`.
    title: its heading on the report page. about: what goes in and comes out, a sentence. takes, makes: the roles of its
    datasets, as words; `role:kind` where a role is not called like the kind of its dataset (see `data.schemas`).
    shared: several workers can each make some of its parts. gate: its verdict is final, so a failure is not retried.
    """

    name: str
    room: str
    title: str
    about: str
    params: type[StageParams]
    takes: str
    makes: str
    family: Family
    size: Size = Size()
    shared: bool = False
    gate: bool = False

    @property
    def inputs(self) -> dict[str, str]:
        """Role -> kind of each dataset that it reads."""
        return _roles(self.takes)

    @property
    def outputs(self) -> dict[str, str]:
        """Role -> kind of each dataset that it makes."""
        return _roles(self.makes)

    @property
    def folder(self) -> str:
        """The folder of its code, such as `components/mining`."""
        return self.room.replace(".", "/")


def find_stage(room: str, name: str) -> Stage:
    """The contract of the stage `name`, by the package that states it."""
    contracts = [value for value in vars(importlib.import_module(room)).values() if isinstance(value, Stage)]
    return next(contract for contract in contracts if contract.name == name)


def _roles(words: str) -> dict[str, str]:
    pairs = [word.partition(":") for word in words.split()]
    return {role: kind or role for role, _, kind in pairs}
