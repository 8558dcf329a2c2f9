"""Runs for the tests of exports, made once: they are only read."""

import pytest
from exports_data import make_run

from pipelines.engines.workspace import Workspace


@pytest.fixture(scope="session")
def exported_run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A whole run, in a folder `shop`."""
    return make_run(tmp_path_factory.mktemp("exports") / "shop")


@pytest.fixture(scope="session")
def stopped_run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A run that the gate of recurrence stopped, in a folder `stopped`."""
    return make_run(tmp_path_factory.mktemp("exports") / "stopped", stopped="gate_recurrence")
