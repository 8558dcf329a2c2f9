"""Imports point down, light modules stay light, and files and functions stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("components", "pipelines")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FILES = [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))]
MOST_LINES, MOST_FUNCTION_LINES = 350, 60
HEAVY = {
    "cv2", "diffusers", "dvc", "faiss", "great_expectations", "kfp", "kubeflow", "matplotlib", "mitsuba", "mlflow",
    "pandas", "scipy", "torch", "torchvision", "transformers", "triton",
}  # fmt: skip
LIGHT = [
    path
    for path in MODULES
    if path.match("components/*/__init__.py")
    or path.match("components/*/params.py")
    or path.match("pipelines/cli/*.py")
    or path.relative_to(ROOT).as_posix() in ("pipelines/steps.py", "pipelines/parameters.py")
]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room(module: str) -> str:
    """The part of the code that a module is in: `common`, `sandbox`, `pipelines` or a stage's name."""
    parts = module.split(".")
    return parts[1] if parts[0] == "components" and len(parts) > 1 else parts[0]


def layer(room_name: str) -> int:
    """common < stages < sandbox < pipelines: a room may import from lower layers."""
    return {"common": 0, "sandbox": 2, "pipelines": 3}.get(room_name, 1)


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that code imports, anywhere in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_module_level(tree: ast.Module) -> ast.Module:
    """The statements that run on import: without functions' bodies and what is only for the type checker."""
    kept = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return ast.Module([node for node in kept if not _for_type_checker(node)], [])


def _for_type_checker(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def on_import(path: Path, seen: set[Path]) -> Iterator[tuple[Path, str]]:
    """(file, module) of everything from outside that importing a file imports, directly or not."""
    if path in seen:
        return
    seen.add(path)
    for parent in path.parents:
        if ROOT in parent.parents and (parent / "__init__.py").is_file():
            yield from on_import(parent / "__init__.py", seen)
    for module in imported(at_module_level(ast.parse(path.read_text(encoding="utf-8")))):
        if module.split(".")[0] not in PACKAGES:
            yield path, module
        elif own := source(module):
            yield from on_import(own, seen)


def source(module: str) -> Path | None:
    """The file of one of our own modules, or of the module whose member this is."""
    for name in (module, module.rpartition(".")[0]):
        base = ROOT / name.replace(".", "/")
        if (path := base.with_suffix(".py")).is_file() or (path := base / "__init__.py").is_file():
            return path
    return None


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_imports_point_down(path: Path) -> None:
    own = room(path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."))
    for module in imported(ast.parse(path.read_text(encoding="utf-8"))):
        if module.split(".")[0] in PACKAGES and (other := room(module)) != own:
            assert layer(other) < layer(own), f"{named(path)} ({own}) imports {module}"


def test_only_the_command_line_imports_the_command_line() -> None:
    others = [path for path in MODULES if not path.match("pipelines/cli/*.py")]
    trees = {named(path): ast.parse(path.read_text(encoding="utf-8")) for path in others}
    assert [
        path for path, tree in trees.items() if any(each.startswith("pipelines.cli") for each in imported(tree))
    ] == []


@pytest.mark.parametrize("path", LIGHT, ids=named)
def test_light_modules_import_nothing_heavy(path: Path) -> None:
    heavy = [(named(file), module) for file, module in on_import(path, set()) if module.split(".")[0] in HEAVY]
    assert not heavy, f"importing {named(path)} loads {heavy}"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_files_and_functions_are_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MOST_FUNCTION_LINES, f"{node.name} has {lines} lines"


def test_only_the_contact_sheet_writes_captions() -> None:
    """One renderer: a print on a rendered product is not a caption."""
    fonts = {named(path) for path in MODULES if "ImageFont" in path.read_text(encoding="utf-8")}
    assert fonts == {"components/common/vision/sheets.py", "components/sandbox/rendering/prints.py"}


def test_on_import_finds_what_it_must(tmp_path: Path) -> None:
    """A heavy import two files away, one inside a function, one for types: only the first is loaded."""
    tree = ast.parse("import torch\nif TYPE_CHECKING:\n    import mlflow\ndef run():\n    import kfp\n")
    assert [*imported(at_module_level(tree))] == ["torch"]
    assert set(imported(tree)) == {"torch", "mlflow", "kfp"}
    grid = ROOT / "components/common/diffusion/grid.py"
    assert "torch" in {module.split(".")[0] for _, module in on_import(grid, set())}
    assert layer("common") < layer("mining") == layer("gates") < layer("sandbox") < layer("pipelines")
