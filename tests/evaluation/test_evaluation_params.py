"""What the parameters refuse, and with which words."""

import pytest

from components.common.errors import UserError
from components.common.stage.params import validate
from components.evaluation.params import Params


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
