"""Each kind of remover does its work, the same way each time."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from anchor_data import BOX, photograph
from diffusers import UNet2DModel
from PIL import Image

from components.common.errors import UserError
from components.common.stage.params import validate
from components.common.vision.geometry import Box
from components.removal.params import Params
from components.removal.removers import load_remover

DISC = Box(*BOX)


def _params(**values: object) -> Params:
    return validate(Params, {"size": 64, **values}, "test")


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("algorithm", ["telea", "navier-stokes"])
def test_opencv_continues_the_ramp_over_the_disc(algorithm: str):
    plate, mask = load_remover(_params(kind="opencv", algorithm=algorithm)).remove(photograph(2), DISC, "key")
    without = photograph(2)
    y, x = np.mgrid[0:64, 0:64]
    ramp = np.stack([60 + x, 90 + y // 2, np.full_like(x, 60)], 2)
    erased = np.asarray(mask) > 0
    assert np.abs(_pixels(without) - ramp)[erased].mean() > 30
    assert np.abs(_pixels(plate) - ramp)[erased].mean() < 4
    assert (_pixels(plate) == _pixels(without))[~erased].all()


def test_residual_changes_only_the_allowed_area_and_is_repeatable(residual_model: Path):
    params = _params(kind="residual", remover=str(residual_model))
    first, second = (load_remover(params).remove(photograph(1), DISC, "key")[0] for _ in range(2))
    changed = (_pixels(first) != _pixels(photograph(1))).any(2)
    allowed = load_remover(params).framing.allowed(DISC, 64, 64)
    assert first.tobytes() == second.tobytes()
    assert changed[allowed].any() and not changed[~allowed].any()


def test_residual_refuses_a_unet_with_other_channels(tmp_path: Path):
    UNet2DModel(
        block_out_channels=(8,), norm_num_groups=4, down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",)
    ).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="3 input and 3 output channels; a residual remover has 32 and 12"):
        load_remover(_params(kind="residual", remover=str(tmp_path)))


def test_inpainting_draws_its_noise_from_seed_and_key(inpaint_model: Path):
    params = _params(kind="inpaint", remover=str(inpaint_model), remover_unet="", steps=2, strength=0.99)
    remover = load_remover(params)
    plates = [remover.remove(photograph(1), DISC, key)[0].tobytes() for key in ("a", "a", "b")]
    assert plates[0] == plates[1] != plates[2]
    other = load_remover(_params(**params.model_dump() | {"seed": 1}))
    assert other.remove(photograph(1), DISC, "a")[0].tobytes() != plates[0]


def test_inpainting_with_another_unet_is_another_model(inpaint_model: Path):
    own = {"kind": "inpaint", "remover": str(inpaint_model), "steps": 2}
    plain, swapped = (load_remover(_params(**own, remover_unet=u)) for u in ("", str(inpaint_model / "unet")))
    assert plain.digest != swapped.digest
    assert swapped.remove(photograph(1), DISC, "a")[0].size == (64, 64)


def test_a_pipelines_filter_of_its_own_results_is_not_loaded(inpaint_model: Path, tmp_path: Path):
    shutil.copytree(inpaint_model, tmp_path / "model")
    index = tmp_path / "model" / "model_index.json"
    named = {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
             "feature_extractor": ["transformers", "CLIPImageProcessor"], "requires_safety_checker": True}  # fmt: skip
    index.write_text(json.dumps(json.loads(index.read_text()) | named))
    remover = load_remover(_params(kind="inpaint", remover=str(tmp_path / "model"), remover_unet="", steps=2))
    assert remover.remove(photograph(1), DISC, "a")[0].size == (64, 64)


def test_a_photograph_larger_than_the_model_keeps_its_size(residual_model: Path):
    large = photograph(1).resize((640, 427), Image.Resampling.BICUBIC)
    box = Box(200, 120, 220, 174)
    for values in ({"kind": "opencv"}, {"kind": "residual", "remover": str(residual_model)}):
        remover = load_remover(_params(**values))
        plate, mask = remover.remove(large, box, "key")
        assert plate.size == mask.size == (640, 427)
        outside = ~remover.framing.allowed(box, 640, 427)
        assert (_pixels(plate) == _pixels(large))[outside].all()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"kind": "residual", "remover": ""}, "kind = residual needs models.remover"),
        ({"window_scale": 1.5}, "window_scale = 1.5 is below allowed_scale = 1.7"),
        ({"mask_scale": 1.9}, "allowed_scale = 1.7 is below mask_scale = 1.9"),
        ({"size": 60}, "multiple of 16"),
        ({"kind": "magic"}, "'opencv', 'residual' or 'inpaint'"),
    ],
)
def test_impossible_parameters_are_refused_with_the_reason(values: dict[str, object], sentence: str):
    with pytest.raises(UserError, match=sentence):
        _params(**values)


def test_an_absent_model_is_one_sentence():
    with pytest.raises(UserError, match="there is no model folder"):
        load_remover(_params(kind="residual", remover="/nowhere/at/all"))
    with pytest.raises(UserError, match="no pinned revision"):
        load_remover(_params(kind="inpaint", remover_unet=""))
