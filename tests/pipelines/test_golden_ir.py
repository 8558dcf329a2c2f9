"""The committed intermediate representation: it is what compiles today, sound, and the same on every machine."""

import os
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.common.errors import UserError
from pipelines.cluster.compile import compile_pipelines
from pipelines.ir.check import check, check_files
from pipelines.kubeflow import COMPILED, arguments, compile_pipeline
from pipelines.parameters import resolve
from pipelines.steps import STEPS

ROOT = Path(__file__).parents[2]
PATHS = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
GOLDEN = Path(__file__).parent / "golden"
BASE = ROOT / "infra" / "kustomize" / "base"
RENEW = "if the change is intended: objectmate compile --output tests/pipelines/golden (with no OBJECTMATE_IMAGE_* set)"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    assert compile_pipelines([], folder, check=True, cluster=False) == 0
    return {path.stem: path for path in folder.iterdir()}


def without_sdk(path: Path) -> str:
    """The file without the version of the SDK that wrote it, which differs between machines."""
    return re.sub(r"^sdkVersion: .*\n", "", path.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("name", COMPILED)
def test_what_compiles_is_what_is_committed(compiled, name):
    assert without_sdk(compiled[name]) == without_sdk(GOLDEN / f"{name}.yaml"), RENEW


@pytest.mark.parametrize("name", COMPILED)
def test_committed_pipelines_are_sound_and_name_no_machine(name):
    text = (GOLDEN / f"{name}.yaml").read_text()
    assert check(list(yaml.load_all(text, yaml.CSafeLoader))) == []
    assert str(ROOT) not in text and str(Path.home()) not in text


def test_tasks_use_what_the_manifests_make():
    (platform,) = [
        each for each in yaml.load_all((GOLDEN / "full.yaml").read_text(), yaml.CSafeLoader) if "platforms" in each
    ]
    base = [each for path in BASE.glob("*.yaml") for each in yaml.load_all(path.read_text(), yaml.CSafeLoader)]
    claims = {each["metadata"]["name"] for each in base if each["kind"] == "PersistentVolumeClaim"}
    maps = {made["name"] for each in base for made in each.get("configMapGenerator", ())}
    runbook = (ROOT / "infra/README.md").read_text()
    for pod in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
        assert {mount["constant"] for mount in pod["pvcMount"]} <= claims
        assert {each["configMapName"] for each in pod["configMapAsEnv"]} <= maps
        for secret in pod["secretAsEnv"]:
            assert f"| `{secret['secretName']}` |" in runbook, "the runbook says which secrets an operator makes"


def tasks(path: Path) -> tuple[dict, dict]:
    """What a compiled pipeline asks for, and its tasks but for the handler of its end."""
    spec = next(yaml.load_all(path.read_text(), yaml.CSafeLoader))
    return spec["root"]["inputDefinitions"]["parameters"], spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]


def test_one_share_starts_each_step_once(tmp_path):
    parameters, once = tasks(compile_pipeline("full", tmp_path, shares=False))
    assert once.keys() == {name.replace("_", "-") for name in STEPS}
    assert arguments("full", resolve("sandbox"), {}, shares=1).keys() == parameters.keys()


def test_several_shares_are_a_loop(compiled):
    _, shared = tasks(compiled["full"])
    assert arguments("full", resolve("sandbox"), {}, shares=2)["shares"] == ["1/2", "2/2"]
    assert any(name.startswith("for-loop") for name in shared)


def nodes(value, path=()):
    """The path of everything in a document."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [each for key, child in children for each in nodes(child, (*path, key))]


SMALLEST = (GOLDEN / "evaluation.yaml").read_text()
DOCUMENTS = list(yaml.load_all(SMALLEST, yaml.CSafeLoader))
ANYTHING = st.sampled_from([None, True, -1, 0.5, "", "Ü /", [], [None], {}, {"a": []}, {1: "b"}])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(path=st.sampled_from(nodes(DOCUMENTS)), value=ANYTHING)
def test_no_damage_makes_the_check_itself_fail(path, value):
    documents = deepcopy(DOCUMENTS)
    place = documents
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert all(fault.place and fault.message for fault in check(documents))


def test_the_command_names_file_task_and_fix(tmp_path):
    (tmp_path / "sound.yaml").write_text(SMALLEST)
    (tmp_path / "bad.yaml").write_text(SMALLEST.replace("producerTask: evaluation", "producerTask: nobody"))
    command = [sys.executable, "-m", "pipelines.cli.start", "compile", "--check", "sound.yaml", "bad.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": PATHS})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("bad.yaml: task comp-exit-handler-1/gate-model: ") and "correct the producer" in line


def test_what_is_compiled_here_passes_here_but_not_for_a_cluster(compiled, tmp_path, capsys):
    assert compiled.keys() == set(COMPILED)
    assert compile_pipelines([compiled["evaluation"]], tmp_path, check=False, cluster=True) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "task ending",
        "task comp-exit-handler-1/evaluation",
        "task comp-exit-handler-1/gate-model",
    ]


@pytest.mark.parametrize(
    ("text", "words"), [("a: [", "is not YAML"), ("- a", "is not a compiled pipeline"), ("", "0 pipeline specs")]
)
def test_other_files_are_one_fault(tmp_path, text, words):
    (tmp_path / "file.yaml").write_text(text)
    (line,) = check_files([tmp_path / "file.yaml"])
    assert words in line


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"nowhere.yaml cannot be read"):
        check_files([tmp_path / "nowhere.yaml"])
