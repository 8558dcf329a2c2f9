"""The recipes of CONTRIBUTING.md, followed to the letter on a copy of the code: what they add works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST_FILES, MOST_LINES = 3, 50
NO_CODE = shutil.ignore_patterns("__pycache__", "*.so")
DATA = ("world", "models")
"""Folders of the sandbox that are linked."""


def blocks(recipe: str) -> list[tuple[Path, str, str]]:
    """File, language and text of each block of the section `recipe`."""
    section = TEXT.split(f"\n## {recipe}\n")[1].split("\n## ")[0]
    matches = re.findall(r"^`([\w/.]+)`:\n\n```(\w+)\n(.*?)^```", section, flags=re.M | re.S)
    return [(Path(file), language, text) for file, language, text in matches]


def patched(source: str, patch: str) -> str:
    """The source with each hunk's old lines, which must be in it exactly once, replaced by its new ones."""
    for hunk in patch.split("@@\n")[1:]:
        lines = hunk.splitlines()
        old = "\n".join(line[1:] for line in lines if line[0] in " -")
        new = "\n".join(line[1:] for line in lines if line[0] in " +")
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the code; photographs and models are linked."""
    sandbox = ROOT / "components" / "sandbox"

    def left_out(folder: str, names: list[str]) -> set[str]:
        return {*NO_CODE(folder, names), *(DATA if Path(folder) == sandbox else ())}

    for package in ("components", "pipelines"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=left_out)
    for data in DATA:
        (tmp_path / "components" / "sandbox" / data).symlink_to(sandbox / data)
    return tmp_path


def follow(recipe: str, checkout: Path) -> None:
    """Does what a recipe says. Each touches at most three files, with at most 50 lines in each."""
    steps = blocks(recipe)
    assert 0 < len(steps) <= MOST_FILES
    for file, language, text in steps:
        target = checkout / file
        target.parent.mkdir(exist_ok=True)
        changed = [line for line in text.splitlines() if language == "python" or line[0] in "+-"]
        assert len(changed) <= MOST_LINES
        target.write_text(text if language == "python" else patched(target.read_text(), text))


def run(checkout: Path, *words: str) -> str:
    """Runs Python in the copy; returns what it prints."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(checkout), str(ROOT / "tests" / "gates")])}
    done = subprocess.run([sys.executable, *words], cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objectmate(checkout: Path, *words: str) -> str:
    return run(checkout, "-m", "pipelines.cli.start", *words)


def test_a_stage(checkout: Path) -> None:
    follow("A stage", checkout)
    (checkout / "params.yaml").write_text(objectmate(checkout, "params"))
    assert yaml.safe_load((checkout / "params.yaml").read_text())["sharpness"] == {"least": 4.0}
    stages = yaml.safe_load(objectmate(checkout, "dvc"))["stages"]
    assert {"components/sharpness", "data/objects"} <= set(stages["sharpness"]["deps"])
    objectmate(checkout, "compile", "--check", "--output", "ir")
    assert "sharpness" in (checkout / "ir" / "dataset.yaml").read_text()
    images = checkout / "photographs"
    images.mkdir()
    for name in sorted((ROOT / "components/sandbox/world/benchmark/images").glob("*.jpg"))[:3]:
        shutil.copy(name, images)
    settings = [f"ingest.images: {images}", "ingest.labels: ''", "detection.source: whole"]
    values = yaml.safe_load((checkout / "params.yaml").read_text())
    for setting in settings:
        key, value = setting.split(": ")
        section, name = key.split(".")
        values[section][name] = yaml.safe_load(value)
    (checkout / "params.yaml").write_text(yaml.safe_dump(values))
    for stage in ("ingest", "detection", "sharpness"):
        said = objectmate(checkout, "stage", stage)
    assert re.search(r"sharpness [0-3] sharp", said), said


def test_a_gate(checkout: Path) -> None:
    follow("A gate", checkout)
    (checkout / "params.yaml").write_text(objectmate(checkout, "params"))
    values = yaml.safe_load((checkout / "params.yaml").read_text())
    assert values["gates"]["intake"]["min_shorter_side"] == 32
    values["gates"]["intake"] |= {"min_shorter_side": 100_000, "blocking": False}
    values["ingest"] |= {"images": "sandbox:benchmark/images", "labels": ""}
    (checkout / "params.yaml").write_text(yaml.safe_dump(values))
    objectmate(checkout, "stage", "ingest")
    assert "intake pass, resolution fail" in objectmate(checkout, "stage", "gate_intake")


SCORES = """
from components.common.data.sandbox import WORLD
from components.evaluation.benchmark import insertion_samples, load
from components.evaluation.metrics import InsertionJudge
from components.evaluation.params import Params
from components.evaluation.stage import load_judges
from components.common.stage.params import collect
from pipelines.parameters import resolve

params = collect(Params, resolve("sandbox"), "sandbox")
samples = insertion_samples(load(WORLD / "benchmark"), params)[:6]
judge = InsertionJudge(samples, load_judges(params), params)
scores = judge.score([sample.name for sample in samples], [sample.truth for sample in samples])
print(len(scores["top1_dino"]), set(scores["top1_dino"]) <= {0, 1}, len(judge.specs["top1_dino"]))
"""


def test_a_metric(checkout: Path) -> None:
    follow("A metric", checkout)
    assert run(checkout, "-c", SCORES) == "6 True 64\n"


def test_an_encoder(checkout: Path) -> None:
    assert not blocks("An encoder")
    shutil.copytree(ROOT / "components" / "sandbox" / "models" / "second_ir", checkout / "models" / "my-encoder")
    setting = re.search(r"--set (models\.ir)=(\S+)", TEXT)
    assert setting, "the recipe sets the encoder"
    values = yaml.safe_load(objectmate(checkout, "params"))
    values["models"]["ir"] = setting[2]
    values["ingest"] |= {"images": "sandbox:benchmark/images", "labels": ""}
    values["detection"]["source"] = "whole"
    (checkout / "params.yaml").write_text(yaml.safe_dump(values))
    for stage in ("ingest", "detection", "embedding"):
        said = objectmate(checkout, "stage", stage)
    assert re.search(r"vectors of [1-9]\d* objects, and of [1-9]\d* of the benchmark", said), said
