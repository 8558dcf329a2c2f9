"""Shared by all tests: one thread a process, no network, and where the real photographs are."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "1"
# GPU kernels run in Triton's interpreter, on CPU tensors. Triton asks when it is imported, and lightning imports it, so
# this cannot wait for the tests of the kernel. With TRITON_INTERPRET=0 they use a real GPU.
os.environ.setdefault("TRITON_INTERPRET", "1")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photographs: OBJECTMATE_PHOTOS, or ../shared/photos beside the checkout."""
    folder = Path(os.environ.get("OBJECTMATE_PHOTOS", ROOT.parent / "shared" / "photos"))
    if not folder.is_dir():
        pytest.skip(f"no real photographs at {folder}; set OBJECTMATE_PHOTOS to run this test")
    return folder
