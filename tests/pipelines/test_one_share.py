"""If one worker makes each stage, Kubeflow starts each step once."""

import yaml

from pipelines.kubeflow import arguments, compile_pipeline
from pipelines.parameters import resolve
from pipelines.steps import STEPS


def test_one_share_starts_each_step_once(tmp_path):
    spec = next(yaml.safe_load_all(compile_pipeline("full", tmp_path, shares=False).read_text()))
    inner = spec["components"]["comp-exit-handler-1"]["dag"]
    assert set(inner["tasks"]) == {name.replace("_", "-") for name in STEPS}
    assert set(arguments("full", resolve("sandbox"), {}, shares=1)) == set(
        spec["root"]["inputDefinitions"]["parameters"]
    )


def test_several_shares_are_a_loop(tmp_path):
    spec = next(yaml.safe_load_all(compile_pipeline("full", tmp_path).read_text()))
    assert arguments("full", resolve("sandbox"), {}, shares=2)["shares"] == ["1/2", "2/2"]
    assert any(name.startswith("for-loop") for name in spec["components"]["comp-exit-handler-1"]["dag"]["tasks"])
