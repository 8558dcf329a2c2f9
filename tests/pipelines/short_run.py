"""The `objectmate` command as a user starts it, and settings that make a full run short."""

import csv
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHORT = {
    "train_insertion.images": 32,
    "train_generation.images": 32,
    "training.batch": 8,
    "evaluation.limit": 4,
    "evaluation.steps": 2,
    "gates.model.blocking": "false",
    "gates.tuples.min_clean_share": 0.8,
    "detection.source": "detector",
}
SETTINGS = [word for key, value in SHORT.items() for word in ("--set", f"{key}={value}")]


SHOP = ("--images", "shop", "--labels", "shop/labels.csv")
PRODUCTS = 24


def make_shop(folder: Path, products: int = PRODUCTS) -> None:
    """Writes `folder`/shop: the photographs and labels of the rendered world's most frequent products."""
    world = ROOT / "components" / "sandbox" / "world" / "corpus"
    with (world / "labels.csv").open(newline="") as file:
        labels = list(csv.DictReader(file))
    counts = Counter(row["subject"] for row in labels)
    frequent = {subject for subject, _ in counts.most_common(products)}
    shown = {row["path"] for row in labels if row["subject"] in frequent}
    (folder / "shop" / "images").mkdir(parents=True)
    for path in shown:
        shutil.copy(world / path, folder / "shop" / path)
    with (folder / "shop" / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, labels[0])
        table.writeheader()
        table.writerows(row for row in labels if row["path"] in shown)


def objectmate(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a folder; settings: environment variables."""
    return subprocess.run(command(*words), cwd=cwd, capture_output=True, text=True, env=environment() | settings)


def command(*words: str) -> list[str]:
    """The command line that starts `objectmate` with `words`."""
    return [sys.executable, "-m", "pipelines.cli.start", *words]


def environment() -> dict[str, str]:
    """The variables of this process, with which the command and its stages are found."""
    own = {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return {name: value for name, value in (os.environ | own).items() if name != "MLFLOW_RUN_ID"}
