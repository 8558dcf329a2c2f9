"""The Dockerfile's families hold what their components import, and the runner all that the package asks for."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from pipelines.steps import STEPS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "infra" / "images" / "Dockerfile").read_text(encoding="utf-8")
PACKAGES = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "faiss": "faiss-cpu",
    "great_expectations": "great-expectations",
    "huggingface_hub": "huggingface-hub",
    "pillow_heif": "pillow-heif",
    "yaml": "pyyaml",
}
FAMILIES = ("data", "vision", "mining", "training", "gates")
NOT_LISTED = {
    "data": {"torch"},  # seeds.torch_generator, and no stage of the family draws with torch
    "mining": {"triton"},  # comes with a torch for CUDA, and is called on a GPU only
}


def _stages() -> dict[str, tuple[str, set[str]]]:
    """Stage -> the one it builds on, and the packages that it adds."""
    found = {}
    for text in re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]:
        parent, stage = re.match(r"(\S+) AS (\S+)", text).groups()  # type: ignore[union-attr]
        line = re.search(r"^    install\.sh ([a-z0-9][a-z0-9 -]*)", text, flags=re.MULTILINE)
        found[stage] = parent, set(line[1].split()) if line else set()
    return found


def _installed(family: str) -> set[str]:
    stages = _stages()
    parent, packages = stages.get(family, ("", set()))
    return packages | _installed(parent) if family in stages else set()


def _imports(module: Path, seen: set[Path]) -> set[str]:
    """Third-party packages that a module of this repository, or one that it imports, imports anywhere."""
    seen.add(module)
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for dotted in names:
            top, path = dotted.partition(".")[0], ROOT / (dotted.replace(".", "/") + ".py")
            if top in ("components", "pipelines"):
                found |= _imports(path, seen) if path.exists() and path not in seen else set()
            elif top not in sys.stdlib_module_names:
                found.add(PACKAGES.get(top, top))
    return found


def _rooms(family: str) -> list[Path]:
    return sorted({ROOT / step.stage.folder for step in STEPS.values() if step.stage.family == family})


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_holds_what_its_components_import(family: str) -> None:
    seen: set[Path] = set()
    needed = {name for room in _rooms(family) for module in room.glob("*.py") for name in _imports(module, seen)}
    assert needed, "no component runs in this family"
    assert needed - NOT_LISTED.get(family, set()) <= _installed(family)


def test_the_runner_holds_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {re.match(r"[a-z0-9-]+", entry)[0] for entry in project["dependencies"]}  # type: ignore[index]
    assert asked <= _installed("runner")


def test_every_installed_package_has_its_version_in_the_constraints() -> None:
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    assert {package for _, packages in _stages().values() for package in packages} <= pinned


def test_images_run_as_nobody_special_and_carry_no_certificate() -> None:
    last = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert last.rstrip().endswith("USER 10001:10001")
    assert "org.opencontainers.image.revision" in last
    assert not re.search(r"^(COPY|ADD) .*(\.crt|\.pem|cacert)", DOCKERFILE, flags=re.MULTILINE)
    assert "# syntax=" not in DOCKERFILE, "it would be pulled from a registry"
