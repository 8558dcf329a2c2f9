"""Encoding on a tiny base: cells encoded alone, the right arrays, byte-identical resuming, refusals."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, FlowMatchEulerDiscreteScheduler, UNet2DConditionModel
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.diffusion.pipeline import GridPipeline
from components.common.errors import UserError
from components.common.stage.params import StageParams
from components.encoding import stage
from components.encoding.params import Params

WORDS = ["<pad>", "<unk>", "a", "red", "blue", "mug"]
TOKENS, WIDTH, CELL = 6, 8, 16


def variational() -> AutoencoderKL:
    return AutoencoderKL(
        latent_channels=4, block_out_channels=(8, 8), norm_num_groups=4, sample_size=CELL, scaling_factor=0.5,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def plain() -> AutoencoderTiny:
    return AutoencoderTiny(
        latent_channels=4, encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1),
    )  # fmt: skip


def save_base(folder: Path, vae: AutoencoderKL | AutoencoderTiny) -> Path:
    unet = UNet2DConditionModel(
        sample_size=CELL, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8,),
        down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",), mid_block_type=None, norm_num_groups=4,
        cross_attention_dim=WIDTH,
    )  # fmt: skip
    text = CLIPTextConfig(
        vocab_size=len(WORDS), hidden_size=WIDTH, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=TOKENS, pad_token_id=0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    words = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", unk_token="<unk>")
    parts = (vae, unet, CLIPTextModel(text), tokenizer, FlowMatchEulerDiscreteScheduler())
    GridPipeline(*parts, cell=CELL).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session", params=[variational, plain])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return save_base(tmp_path_factory.mktemp("base"), request.param())


class Nothing(StageParams):
    """Parameters of the made-up dataset."""


def picture(rng: np.random.Generator, mode: str = "RGB") -> bytes:
    shape = (24, 24, 3) if mode == "RGB" else (24, 24)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def tuples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven tuples of random pictures."""
    folder, rng = tmp_path_factory.mktemp("tuples"), np.random.default_rng(0)
    rows = [
        {"tuple_id": f"t{k}", "anchor": k, "refs": [1, 2, 3], "caption": "a red mug", "split": "train", "group": k,
         "parents": [], "sources": []}
        for k in range(7)
    ]  # fmt: skip
    names = ("target", "background", "ref0", "ref1", "ref2")
    blobs = [{f"{name}.png": picture(rng) for name in names} | {"mask.png": picture(rng, "L")} for _ in rows]
    with Writer(folder, "tuples", "assembly", {}, Nothing()) as out:
        out.facts = {"cell": CELL}
        out.write(0, rows, blobs)
    return folder


def make_params(base: Path, **changes: Any) -> Params:
    return Params(**({"base_generation": str(base), "part_rows": 3, "batch": 2} | changes))


def test_arrays_have_the_promised_shapes(base: Path, tuples: Path, tmp_path: Path) -> None:
    report = stage.run({"tuples": tuples}, {"latents": tmp_path}, make_params(base))
    arrays, side = Dataset(tmp_path).arrays(), CELL // 2
    shapes = {name: array.shape for name, array in arrays.items()}
    assert shapes == {
        "target": (7, 4, side, side), "background": (7, 4, side, side), "refs": (7, 3, 4, side, side),
        "mask": (7, 1, side, side), "text": (7, TOKENS, WIDTH),
    }  # fmt: skip
    assert all(array.dtype == np.float16 for array in arrays.values())
    assert 0 <= arrays["mask"].min() < arrays["mask"].max() <= 1
    assert [row["row"] for row in Dataset(tmp_path).rows()] == list(range(7))
    assert report.metrics["tuples"] == 7


def test_each_cell_is_encoded_alone(base: Path, tuples: Path, tmp_path: Path) -> None:
    stage.run({"tuples": tuples}, {"latents": tmp_path}, make_params(base))
    dataset, pipeline = Dataset(tuples), GridPipeline.from_pretrained(base)
    stored, row = Dataset(tmp_path).arrays(), dataset.rows()[4]
    for name, latent in (("target", stored["target"][4]), ("ref1", stored["refs"][4, 1])):
        alone = pipeline.encode([Image.open(io.BytesIO(dataset.blob(row, name)))])[0].numpy()
        assert np.abs(alone - latent.astype(np.float32)).max() < 5e-3  # fp16


def test_a_killed_and_resumed_run_is_byte_identical(
    base: Path, tuples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    stage.run({"tuples": tuples}, {"latents": whole}, make_params(base))
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(stage, "_arrays", killed_after(1, stage._arrays))
        stage.run({"tuples": tuples}, {"latents": cut}, make_params(base))
    assert (cut / "part-00000.safetensors").exists() and not (cut / "part-00001.safetensors").exists()
    stage.run({"tuples": tuples}, {"latents": cut}, make_params(base))
    files = sorted(path.name for path in whole.iterdir())
    assert files == sorted(path.name for path in cut.iterdir())
    assert all((whole / name).read_bytes() == (cut / name).read_bytes() for name in files)


def killed_after(parts: int, real: Callable[..., Any]) -> Callable[..., Any]:
    calls = []

    def arrays(*args: Any) -> Any:
        calls.append(args)
        if len(calls) > parts:
            raise RuntimeError("killed")
        return real(*args)

    return arrays


def test_a_caption_reaches_the_embedding(base: Path, tuples: Path, tmp_path: Path) -> None:
    stage.run({"tuples": tuples}, {"latents": tmp_path}, make_params(base))
    text = torch.from_numpy(Dataset(tmp_path).arrays()["text"][0].astype(np.float32))
    pipeline = GridPipeline.from_pretrained(base)
    assert torch.allclose(text, pipeline.encode_text(["a red mug"])[0], atol=5e-3)
    assert not torch.allclose(text, pipeline.encode_text(["a blue mug"])[0], atol=5e-2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_generation": "/absent/model"}, "no model folder"),
        ({"base_generation": "owner/name"}, "no pinned revision"),
    ],
)
def test_absent_models_are_one_sentence(
    changes: dict[str, Any], said: str, base: Path, tuples: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        stage.run({"tuples": tuples}, {"latents": tmp_path}, make_params(**{"base": base} | changes))
