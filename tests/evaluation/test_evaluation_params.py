"""What the parameters refuse, and with which words."""

from inspect import signature
from typing import get_args

import pytest

from components.common.diffusion.pipeline import GridPipeline
from components.common.errors import UserError
from components.common.stage.params import validate
from components.evaluation.metrics import IDENTITY
from components.evaluation.params import Params
from components.gates.params import Model
from components.inference.requests import Generation


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (dict(clip="m", dino="m", ir="m", second_ir="m"), "at least one judge must be another encoder"),
        (dict(outside={"copy-paste": "x"}), "outside names copy-paste belong to the stage"),
        (dict(context=1.1, crop_scale=1.3), "crop_scale 1.3 exceeds"),
        (dict(cell=4), "crops.cell = 4"),
        (dict(judge="m"), "unknown parameter 'judge'"),
    ],
)
def test_impossible_parameters_are_one_sentence(values: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        validate(Params, values, "params.yaml: evaluation")


def test_one_other_judge_is_enough() -> None:
    assert Params(clip="m", dino="m", ir="m", second_ir="n").second_ir == "n"


def test_a_model_is_used_as_it_was_judged() -> None:
    judged, asked = Params(), Generation(references=[], prompt="a mug")
    called = {name: each.default for name, each in signature(GridPipeline.__call__).parameters.items()}
    given = (asked.steps, asked.guidance, asked.guidance_text)
    assert given == (judged.steps, judged.guidance_refs, judged.guidance_text)
    assert given == (called["num_inference_steps"], called["guidance_refs"], called["guidance_text"])


def test_the_model_gate_decides_by_metrics_of_identity() -> None:
    assert set(get_args(Model.model_fields["metric"].annotation)) <= IDENTITY.keys()
