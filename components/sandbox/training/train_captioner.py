"""The captioner: a tiny vision encoder-decoder that says what a rendered product looks like and where it stands.

Its vocabulary is the world's: some fifty words, each one token. During training, a linear layer on its encoder also
predicts the word of each place: in a trial, an encoder learned half as fast from the sentence alone.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import Tensor, nn
from transformers import (
    DPTConfig,
    GenerationConfig,
    GPT2Config,
    PreTrainedTokenizerFast,
    ResNetConfig,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from components.common.data.seeds import numpy_rng
from components.sandbox.training.compositions import DRESSED, MOVED, Pictures
from components.sandbox.training.course import Course
from components.sandbox.training.crops import Augmentation, SplitData, held_out, joined, sample, square_crops
from components.sandbox.training.fit import draws, fit, on_cpu, save_half
from components.sandbox.training.train_clip import WORDS
from components.sandbox.training.train_ir import processor

SIZE, SCALE, BATCH = 96, 1.7, 32  # px: about the size of such a window in a photograph
WIDTHS, PATCH = [32, 64, 128, 192], 32  # of the ResNet; how many times smaller it makes each side
WIDTH, LAYERS, HEADS = 160, 1, 4  # of the transformers
STEPS = 25_000
NAMING = 1.0  # weight of the words named without a sentence
SPECIAL = ("[PAD]", "[BOS]", "[EOS]", "[UNK]")
PAD, BOS, EOS = 0, 1, 2
SENTENCE = "a {print} {ground} and {figure} {shape} on a {floor} floor beside a {wall} wall"
# The words are about colours, so the light may change only a little. A mirrored print keeps its name.
LOOK = Augmentation(
    scale=(1.45, 2.0), shift=0.08, brightness=(0.8, 1.2), gain=0.05, gamma=0.1, blur=0.2, cutout=0.1, noise=0.01
)
GRAMMAR = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\w+)", SENTENCE) + "$")
ABOUT = (
    f"Says what a product looks like and where it stands, from a {SIZE} px window of {SCALE} x the longer side of its "
    "box: a transformer on a ResNet (DPT) and a GPT-2 as its decoder in a VisionEncoderDecoderModel, one token per "
    "word."
)


def train(worlds: Sequence[Path], course: Course) -> dict[str, float]:
    """Trains on the splits `worlds`; returns losses and the share of right words on held-out designs."""
    seed = course.seed
    data = joined(worlds)
    pictures = Pictures.of(data, seed)
    tokenizer = word_tokenizer()
    torch.manual_seed(seed)
    model = _model(len(tokenizer), tokenize(tokenizer, pictures.words[:1]).shape[1] + 1)
    namer = nn.Linear(WIDTH, sum(len(options) for options in WORDS.values()))

    def loss_at(step: int) -> Tensor:
        rng, generator = numpy_rng(seed, "captioner", step), draws(seed, "captioner", step)
        seen, shown = pictures.draw(BATCH, rng, generator)
        pixels = sample(seen, SIZE, LOOK, generator).contiguous(memory_format=torch.channels_last)
        previous = shifted(tokenize(tokenizer, [any_words(rng) for _ in shown]))
        output = model(pixel_values=pixels, decoder_input_ids=previous, labels=tokenize(tokenizer, shown))
        return output.loss + NAMING * naming_loss(namer(output.encoder_last_hidden_state.mean(1)), shown)

    losses = fit(nn.ModuleList([model, namer]), loss_at, course.steps or STEPS, lr=2e-3, description="train captioner")
    save_half(model, course.out)
    processor(SIZE).save_pretrained(course.out)
    tokenizer.save_pretrained(course.out)
    metrics = measure(course.out, held_out(course.held_out))
    facts = {
        "trained on": f"{len(data.products)} products (splits {', '.join(world.name for world in worlds)}); "
        f"{DRESSED:.0%} of them in other prints and colours than they were rendered in",
        "places": f"up to all in turned hues, with the walls renamed; {MOVED:.0%} of products stand in another's place",
        "loss": "cross-entropy of the next word after random ones, so that only the picture tells it; and, of a linear "
        f"layer on the encoder, {NAMING} x that of each place's word",
        "steps, batch, seed": f"{len(losses)}, {BATCH}, {seed}",
        "parameters": f"{model.num_parameters() / 1e6:.2f} M, stored as fp16",
        "vocabulary": f"{len(tokenizer)} words",
        "figures": "share of captions with the right word in each place; ground, figure: the first and the second "
        "colour, of a print without a ground the lighter one first; both_colours: in any order; words: the mean over "
        "the six places; grammatical: the sentence has the right form",
    }
    return course.finished("Captioner for rendered products", ABOUT, facts, metrics, losses)


def word_tokenizer() -> PreTrainedTokenizerFast:
    """One token per word that the world can say; the special tokens come first."""
    words = sorted({word for group in WORDS.values() for word in group} | set(re.findall(r"\b\w+\b(?!\})", SENTENCE)))
    core = Tokenizer(WordLevel({word: k for k, word in enumerate((*SPECIAL, *words))}, unk_token="[UNK]"))
    core.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", bos_token="[BOS]", eos_token="[EOS]", unk_token="[UNK]"
    )


def tokenize(tokenizer: PreTrainedTokenizerFast, words: Sequence[dict[str, str]]) -> Tensor:
    """The tokens of the sentences filled in with `words`, with EOS: int64 [B, L]; all have the same length."""
    sentences = [SENTENCE.format(**entry) for entry in words]
    return torch.tensor([[*tokenizer.encode(text, add_special_tokens=False), EOS] for text in sentences])


def any_words(rng: np.random.Generator) -> dict[str, str]:
    """Words for every place of the sentence, drawn independently.

    The decoder sees these before the word that it has to say: from the true words of designs it would learn which shape
    goes with which print and colours, and ignore the picture.
    """
    return {role: options[rng.integers(len(options))] for role, options in WORDS.items()}


def shifted(tokens_BL: Tensor) -> Tensor:
    """The decoder's input for tokens as labels: each sees those before it, the first one BOS."""
    return torch.cat([torch.full_like(tokens_BL[:, :1], BOS), tokens_BL[:, :-1]], dim=1)


def naming_loss(logits_BW: Tensor, words: Sequence[dict[str, str]]) -> Tensor:
    """Mean cross-entropy of each place's word among those that fit there; W counts the words of all places."""
    places = logits_BW.split([len(options) for options in WORDS.values()], dim=1)
    losses = [
        F.cross_entropy(logits_BN, torch.tensor([options.index(entry[role]) for entry in words]))
        for (role, options), logits_BN in zip(WORDS.items(), places, strict=True)
    ]
    return torch.stack(losses).mean()


def _model(words: int, positions: int) -> VisionEncoderDecoderModel:
    # A transformer on top of a ResNet: alone it learns little from a few thousand pictures.
    resnet: dict[str, Any] = {"embedding_size": WIDTHS[0], "hidden_sizes": WIDTHS, "depths": [1, 1, 1, 1]}
    stages = ["stage2", "stage3", "stage4"]  # the last is used; DPT requires three
    backbone = ResNetConfig(**resnet, layer_type="basic", out_features=stages)  # type: ignore[call-arg]
    encoder = DPTConfig(
        is_hybrid=True, backbone_config=backbone, backbone_featmap_shape=[1, WIDTHS[-1], SIZE // PATCH, SIZE // PATCH],
        image_size=SIZE, patch_size=PATCH, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=2 * WIDTH, backbone_out_indices=[0],
    )  # fmt: skip
    decoder = GPT2Config(
        vocab_size=words,
        n_positions=positions + 1,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        encoder, decoder, decoder_start_token_id=BOS, pad_token_id=PAD, eos_token_id=EOS
    )
    model = VisionEncoderDecoderModel(config)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=BOS, pad_token_id=PAD, eos_token_id=EOS, bos_token_id=BOS, max_length=positions + 1
    )
    return model


@on_cpu
def measure(folder: Path, splits: Sequence[SplitData]) -> dict[str, float]:
    """Share of captions with the right word in each place, over all products of the splits."""
    rows = comparisons(folder, splits)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def comparisons(folder: Path, splits: Sequence[SplitData]) -> list[dict[str, float]]:
    """What is right in the stored model's caption of each product; see `compare`."""
    captions = [text for data in splits for text in say(folder, square_crops(data, SCALE))]
    truth = [product.caption for data in splits for product in data.products]
    return [compare(text, true) for text, true in zip(captions, truth, strict=True)]


@torch.inference_mode()
def say(folder: Path, pictures: Sequence[Image.Image]) -> list[str]:
    """The stored model's captions."""
    model = VisionEncoderDecoderModel.from_pretrained(folder).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    pixels = ViTImageProcessorPil.from_pretrained(folder)(list(pictures), return_tensors="pt")["pixel_values"]
    return tokenizer.batch_decode(model.generate(pixels, do_sample=False, num_beams=1), skip_special_tokens=True)


def compare(text: str, true: str) -> dict[str, float]:
    """1 where a word is right. colours: both, in any order."""
    parsed, wanted = GRAMMAR.match(text), GRAMMAR.match(true)
    if wanted is None:
        raise ValueError(f"the caption {true!r} does not follow the world's grammar")
    words = parsed.groupdict() if parsed else {}
    right = {name: float(words.get(name) == value) for name, value in wanted.groupdict().items()}
    colours = {words.get("ground"), words.get("figure")} == {wanted["ground"], wanted["figure"]}
    return right | {
        "both_colours": float(colours),
        "words": float(np.mean(list(right.values()))),
        "grammatical": float(bool(parsed)),
    }
