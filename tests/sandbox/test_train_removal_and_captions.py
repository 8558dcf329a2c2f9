"""The remover and the captioner, each trained on a handful of photographs: what they store loads and works."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from components.captioning.captioners import load_captioner
from components.captioning.params import Params as Captioning
from components.common.errors import UserError
from components.common.vision.geometry import Box
from components.removal.params import Params as Removal
from components.removal.removers import load_remover
from components.sandbox.training import train_captioner, train_remover
from components.sandbox.training.course import Course
from components.sandbox.training.crops import read_split
from components.sandbox.training.train_clip import words_of


@pytest.fixture(scope="module")
def world(beginning: Callable[[int], Path]) -> Path:
    return beginning(6)


def test_the_remover_learns_and_its_folder_serves_the_stage(world: Path, tmp_path: Path):
    figures = train_remover.train(world, Course(tmp_path, steps=12, held_out=[world]))
    assert figures["box_error"] < figures["telea_box_error"]
    assert figures["last_loss"] < figures["first_loss"]
    assert (tmp_path / "diffusion_pytorch_model.safetensors").stat().st_size <= 4e6
    assert "Telea" in (tmp_path / "README.md").read_text()
    remover = load_remover(Removal(kind="residual", remover=str(tmp_path), size=128))
    plate, _ = remover.remove(Image.new("RGB", (128, 128), "grey"), Box(40, 40, 30, 30), "key")
    assert plate.size == (128, 128)


def test_an_untrained_remover_returns_the_classical_fill(world: Path, tmp_path: Path):
    train_remover.blank_unet().save_pretrained(tmp_path)
    figures = train_remover.measure(tmp_path, [world])
    assert figures["telea_over_remover"] == pytest.approx(1)
    assert figures["win_share"] == 0


def test_the_captioner_learns_and_its_folder_serves_the_stage(with_skins: Path, tmp_path: Path):
    figures = train_captioner.train([with_skins], Course(tmp_path, steps=25, held_out=[with_skins]))
    assert figures["last_loss"] < 0.7 * figures["first_loss"]
    assert 0 <= figures["words"] <= 1
    assert (tmp_path / "model.safetensors").stat().st_size <= 4e6
    params = Captioning(captioner=str(tmp_path), prompt="", max_tokens=20)
    captions = load_captioner(params).caption([Image.new("RGB", (90, 90), "red")] * 2, ["mug"] * 2)
    assert captions[0] == captions[1] != ""


def test_tokens_spell_captions_as_the_world_does(world: Path):
    tokenizer = train_captioner.word_tokenizer()
    for product in read_split(world).products:
        tokens = train_captioner.tokenize(tokenizer, [words_of(product.attributes)])
        assert tokenizer.decode(tokens[0], skip_special_tokens=True) == product.caption


def test_what_the_decoder_hears_says_nothing_about_the_picture():
    tokenizer, rng = train_captioner.word_tokenizer(), np.random.default_rng(0)
    heard = [train_captioner.any_words(rng) for _ in range(300)]
    assert len({(words["print"], words["shape"]) for words in heard}) > 100
    tokens = train_captioner.tokenize(tokenizer, heard)
    inputs = train_captioner.shifted(tokens)
    assert (inputs[:, 0] == train_captioner.BOS).all() and torch.equal(inputs[:, 1:], tokens[:, :-1])


def test_the_naming_loss_is_least_for_the_true_words():
    words = [{role: options[k] for role, options in train_captioner.WORDS.items()} for k in (0, 3)]
    places = [torch.eye(len(options))[[0, 3]] for options in train_captioner.WORDS.values()]
    right = torch.cat(places, 1)
    assert train_captioner.naming_loss(50 * right, words) < 1e-3
    assert train_captioner.naming_loss(50 * right.flip(0), words) == pytest.approx(50, abs=1e-3)
    chance = np.mean([np.log(len(options)) for options in train_captioner.WORDS.values()])
    assert train_captioner.naming_loss(0 * right, words) == pytest.approx(chance)


def test_a_caption_is_compared_word_by_word():
    true = "a striped red and white mug on a wooden floor beside a blue wall"
    swapped = train_captioner.compare("a striped white and red mug on a wooden floor beside a grey wall", true)
    assert (swapped["print"], swapped["ground"], swapped["both_colours"], swapped["wall"]) == (1, 0, 1, 0)
    assert train_captioner.compare("a a a", true)["grammatical"] == 0


def test_an_unfinished_split_is_one_sentence(tmp_path: Path):
    with pytest.raises(UserError, match="no finished split"):
        train_remover.train(tmp_path, Course(tmp_path / "out"))


def test_a_split_without_skins_is_one_sentence(world: Path, tmp_path: Path):
    with pytest.raises(UserError, match="has no skins: remove it and run"):
        train_captioner.train([world], Course(tmp_path))
