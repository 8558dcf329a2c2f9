"""A run as Kubeflow leaves it in a bucket."""

from pathlib import Path
from typing import Any

from pipelines.engines.local import task_name
from pipelines.steps import STEPS

ADDRESS = "s3://runs/objectmate"
PLACES = {name: (task_name(step.name), role) for step in STEPS.values() for role, name in step.outputs.items()}


def put_run(bucket: Any, data: Path, run: str = "run-1", times: int = 1) -> None:
    """Uploads a run's datasets, with a report for each; every object gets so many versions."""
    for manifest in [*data.glob("*/manifest.json")] * times:
        task, role = PLACES[manifest.parent.name]
        root = f"objectmate/full/{run}/{task}/7f3a"
        bucket.put_object(Bucket="runs", Key=f"{root}/report/figures/sheet.png", Body=b"a contact sheet")
        for path in (path for path in manifest.parent.rglob("*") if path.is_file()):
            bucket.upload_file(str(path), "runs", f"{root}/{role}/{path.relative_to(manifest.parent)}")
