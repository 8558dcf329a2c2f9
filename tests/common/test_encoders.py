"""Encoders: every kind of transformers vision model gives unit vectors, the same each time."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image, ImageOps

from components.common.errors import UserError
from components.common.vision.encoders import load_encoder
from components.common.vision.models import weights_digest

SIDE = 32
VIT = {"image_size": SIDE, "patch_size": 8, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION = VIT | {"intermediate_size": 16}
TEXT = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}


def resnet() -> hf.PreTrainedModel:
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
    return hf.ResNetForImageClassification(hf.ResNetConfig(num_labels=24, **sizes))


MODELS = {
    "resnet": (resnet, hf.ConvNextImageProcessorPil(size={"shortest_edge": SIDE}), 24),
    "clip": (
        lambda: hf.CLIPModel(hf.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=12)),
        hf.CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}),
        12,
    ),
    "clip-vision": (
        lambda: hf.CLIPVisionModelWithProjection(hf.CLIPVisionConfig(**VISION, projection_dim=10)),
        hf.CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}),
        10,
    ),
    "siglip": (
        lambda: hf.SiglipModel(hf.SiglipConfig(text_config=TEXT, vision_config=VISION)),
        hf.SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}),
        16,
    ),
    "dinov2": (
        lambda: hf.Dinov2Model(hf.Dinov2Config(**VIT)),
        hf.BitImageProcessorPil(size={"shortest_edge": 40}, crop_size={"height": SIDE, "width": SIDE}),
        16,
    ),
    "vit": (lambda: hf.ViTModel(hf.ViTConfig(**VISION)), hf.ViTImageProcessorPil(size={"height": 32, "width": 32}), 16),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tiny random model per kind, saved as transformers saves them."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    for name, (model, processor, _) in MODELS.items():
        model().save_pretrained(folder / name)
        processor.save_pretrained(folder / name)
    return folder


def picture(seed: int, width: int = 50, height: int = 30) -> Image.Image:
    grid = np.random.default_rng(seed).integers(0, 255, (4, 6, 3), np.uint8)
    return Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_gives_unit_vectors(folders, name):
    encoder = load_encoder(str(folders / name))
    vectors = encoder.embed([picture(0), picture(1).convert("L"), picture(0)])
    assert vectors.dtype == np.float32 and vectors.shape == (3, MODELS[name][2]) == (3, encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)
    assert encoder.side == SIDE and encoder.digest == weights_digest(str(folders / name))


def test_the_vector_is_the_models_own_output(folders):
    """CLIP's projected features through transformers' own preprocessing of the padded square."""
    encoder = load_encoder(str(folders / "clip"), framing="squash")
    square = picture(3, SIDE, SIDE)
    model = hf.CLIPModel.from_pretrained(folders / "clip").eval()
    processor = hf.AutoImageProcessor.from_pretrained(folders / "clip", backend="pil")
    with torch.inference_mode():
        expected = model.get_image_features(**processor([square], return_tensors="pt")).pooler_output[0].numpy()
    np.testing.assert_allclose(encoder.embed([square])[0], expected / np.linalg.norm(expected), atol=1e-5)


def test_classifiers_use_their_logits_and_vits_their_cls_token(folders):
    encoder = load_encoder(str(folders / "resnet"))
    model = hf.ResNetForImageClassification.from_pretrained(folders / "resnet").eval()
    vit = load_encoder(str(folders / "vit"))
    bare = hf.ViTModel.from_pretrained(folders / "vit").eval()
    with torch.inference_mode():
        logits = model(encoder.pixels([picture(0)])).logits[0].numpy()
        cls = bare(vit.pixels([picture(0)])).last_hidden_state[0, 0].numpy()
    np.testing.assert_allclose(encoder.embed([picture(0)])[0], logits / np.linalg.norm(logits), atol=1e-5)
    np.testing.assert_allclose(vit.embed([picture(0)])[0], cls / np.linalg.norm(cls), atol=1e-5)


def test_mirrored_views_are_equal_only_with_mirror(folders):
    both = [picture(0), ImageOps.mirror(picture(0))]
    plain, averaged = (load_encoder(str(folders / "resnet"), mirror=mirror).embed(both) for mirror in (False, True))
    np.testing.assert_allclose(averaged[0], averaged[1], atol=1e-4)
    assert not np.allclose(plain[0], plain[1], atol=1e-4)


def test_framing_matters_and_is_recorded(folders):
    pad, squash = (load_encoder(str(folders / "vit"), framing=framing) for framing in ("pad", "squash"))
    assert pad.preprocess["framing"] == "pad" and squash.preprocess["side"] == SIDE
    assert not np.allclose(pad.embed([picture(0)]), squash.embed([picture(0)]), atol=1e-4)


def test_an_iterator_in_batches_gives_the_same(folders):
    encoder = load_encoder(str(folders / "dinov2"), batch=4)
    images = [picture(seed) for seed in range(10)]
    np.testing.assert_array_equal(encoder.embed(iter(images)), encoder.embed(images))
    assert encoder.embed([]).shape == (0, encoder.dim)


def test_what_cannot_be_loaded_is_one_sentence(folders, tmp_path):
    with pytest.raises(UserError, match="there is no model folder"):
        load_encoder(str(tmp_path / "absent"))
    for movable in ("", "@main", "@v1.0", "@47b73ee"):
        with pytest.raises(UserError, match="no pinned revision"):
            load_encoder(f"owner/name{movable}")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match=r"device = cuda.*set device to cpu or auto"):
            load_encoder(str(folders / "vit"), device="cuda")


def test_a_checkpoint_without_its_head_is_refused(folders, tmp_path):
    hf.ResNetModel.from_pretrained(folders / "resnet").save_pretrained(tmp_path / "headless")
    config = hf.ResNetConfig.from_pretrained(folders / "resnet")
    config.architectures = ["ResNetForImageClassification"]
    config.save_pretrained(tmp_path / "headless")
    with pytest.raises(UserError, match=r"has no weights for classifier.*random numbers"):
        load_encoder(str(tmp_path / "headless"))
