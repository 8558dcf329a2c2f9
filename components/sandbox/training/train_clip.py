"""A tiny CLIP: windows around products and their captions in one space; its text tower also conditions generation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from components.common.data.seeds import numpy_rng
from components.sandbox.rendering.designs import SHAPES, in_words
from components.sandbox.rendering.palette import COLOURS, WALLS
from components.sandbox.rendering.prints import PRINTS
from components.sandbox.rendering.surfaces import FLOORS
from components.sandbox.training.course import Course
from components.sandbox.training.crops import (
    Augmentation,
    SplitData,
    dyes,
    held_out,
    joined,
    sample,
    square_crops,
    windows,
)
from components.sandbox.training.fit import draws, fit, on_cpu, save_half

SIZE, PATCH, LENGTH = 48, 8, 24
BATCH, WRONG, STEPS = 128, 3, 800
DYED, TRIES = 0.4, 12
NAMEABLE = 20.0  # CIE Lab distance within which a colour has a palette colour's name
SCALE = 1.6  # of the plain window: floor and wall are in the caption, so they must be in the picture
TOKENS = {"<pad>": 0, "<bos>": 1, "<unk>": 2, "<eos>": 3}  # for an end token 2, CLIPTextModel has a legacy rule
COMMON = """
a an the on in at of and with beside near next to by under behind over for from is it its my this that one two photo
photograph picture image product object thing close up view shot scene background floor wall room table shelf shop
kitchen wood stone fabric rug tile tiles brick paint dark light bright pale warm cold small large tall short round
square new old clean standing placed lying sitting seen front side top pattern print colour color colored coloured
stripes dots stars flowers hearts checks label letters , .
"""
# "ground" and "figure" are the two colours in the order of captions (`designs.in_words`).
WORDS: dict[str, tuple[str, ...]] = {
    "shape": SHAPES, "print": tuple(PRINTS), "ground": tuple(COLOURS), "figure": tuple(COLOURS),
    "floor": tuple(FLOORS), "wall": tuple(WALLS),
}  # fmt: skip
PHRASE = "a {print} {ground} and {figure} {shape}"
PALETTES = {"ground": COLOURS, "figure": COLOURS, "wall": WALLS}
TEMPLATES = (PHRASE + " on a {floor} floor beside a {wall} wall",) * 5 + (
    PHRASE, PHRASE + " on a {floor} floor", PHRASE + " beside a {wall} wall", "a photo of " + PHRASE,
    "the {print} {ground} and {figure} {shape} in a room",
)  # fmt: skip
LOOK = Augmentation(scale=(1.45, 2.0), cutout=0.1, gain=0.08, gamma=0.1, brightness=(0.8, 1.25))
ABOUT = (
    f"CLIP with a word-level tokenizer over the captions' vocabulary. Image side: a {SIZE} px square window of about "
    f"{SCALE} x the product's box. `CLIPTextModel` loads from the same folder."
)


def train(worlds: Sequence[Path], course: Course) -> dict[str, float]:
    """Trains on the splits `worlds`; returns losses and held-out figures."""
    seed = course.seed
    data = joined(worlds)
    source = windows(data, reach=2.3, size=80)
    words = [words_of(product.attributes) for product in data.products]
    tokenizer = build_tokenizer()
    torch.manual_seed(seed)
    model = CLIPModel(_config(len(tokenizer)))

    def loss_at(step: int) -> Tensor:
        rng, generator = numpy_rng(seed, "clip", "batch", step), draws(seed, "clip", step)
        picks = rng.permutation(len(words))[:BATCH]
        shown, dyed = recolour([words[k] for k in picks], generator)
        pixels = sample(source[torch.as_tensor(picks)], SIZE, LOOK, generator, dyed)
        right, wrong = zip(*(captions(entry, rng) for entry in shown), strict=True)
        return contrastive(model, pixels, tokenize(tokenizer, [*right, *(text for texts in wrong for text in texts)]))

    losses = fit(model, loss_at, course.steps or STEPS, lr=1e-3, description="train clip")
    _save(model, tokenizer, course.out)
    metrics = measure(course.out, held_out(course.held_out))
    facts = {
        "trained on": f"{len(words)} products with captions (splits {', '.join(world.name for world in worlds)}); "
        f"up to {DYED:.0%} of them in turned hues, with the colours renamed",
        "loss": f"symmetric contrastive, {BATCH} pairs per step, {WRONG} captions with one wrong word for each picture",
        "steps, seed": f"{len(losses)}, {seed}",
        "parameters": f"{model.num_parameters() / 1e6:.2f} M",
        "vocabulary": f"{len(tokenizer)} words, at most {LENGTH} tokens",
    }
    return course.finished("Pictures and captions of rendered products (clip)", ABOUT, facts, metrics, losses)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Lower-cased whole words: every word the world can say, and common words of prompts."""
    spoken = sorted({word for words in WORDS.values() for word in words} | set(COMMON.split()))
    vocabulary = TOKENS | {word: len(TOKENS) + k for k, word in enumerate(spoken)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    ends = [(name, TOKENS[name]) for name in ("<bos>", "<eos>")]
    tokenizer.post_processor = TemplateProcessing(single="<bos> $A <eos>", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
        model_max_length=LENGTH, padding_side="right",
    )  # fmt: skip


def _config(vocabulary: int) -> CLIPConfig:
    text = {
        "vocab_size": vocabulary, "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 3,
        "num_attention_heads": 4, "max_position_embeddings": LENGTH, "projection_dim": 64,
        "pad_token_id": TOKENS["<pad>"], "bos_token_id": TOKENS["<bos>"], "eos_token_id": TOKENS["<eos>"],
    }  # fmt: skip
    vision = {
        "image_size": SIZE, "patch_size": PATCH, "hidden_size": 128, "intermediate_size": 320,
        "num_hidden_layers": 4, "num_attention_heads": 4, "projection_dim": 64,
    }  # fmt: skip
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=64)


def words_of(attributes: dict[str, Any]) -> dict[str, str]:
    """The words of a caption by their role, from an annotation's attributes."""
    ground, figure = in_words(attributes["print"], *attributes["colours"][:2])
    roles = {role: attributes[role] for role in ("shape", "print", "floor", "wall")}
    return roles | {"ground": ground, "figure": figure}


def recolour(
    words: list[dict[str, str]], generator: torch.Generator, share: float = DYED
) -> tuple[list[dict[str, str]], Tensor]:
    """Dyes [B, 3, 3] for up to `share` of the pictures, and the words that are true after dyeing.

    All entries have the same roles. A picture keeps its colours if none of a few dyes turns all of them into colours
    that have a name.
    """
    count = len(words)
    drawn = dyes(TRIES * count, share, generator)
    named = {role: _named_after(PALETTES[role], drawn) for role in PALETTES if role in words[0]}
    shown, chosen = [], torch.eye(3).repeat(count, 1, 1)
    for k, entry in enumerate(words):
        shown.append(entry)
        for draw in range(k, TRIES * count, count):
            new = {role: names[draw][list(PALETTES[role]).index(entry[role])] for role, names in named.items()}
            if all(new.values()) and ("ground" not in new or new["ground"] != new["figure"]):
                if "ground" in new:
                    new["ground"], new["figure"] = in_words(entry["print"], new["ground"], new["figure"])
                shown[k], chosen[k] = entry | new, drawn[draw]
                break
    return shown, chosen


def _named_after(palette: dict[str, tuple[int, int, int]], dyes_B33: Tensor) -> list[list[str]]:
    """Each palette colour's name after each dye: that of the nearest colour, empty if that is too far off."""
    names, rgb = list(palette), torch.tensor(list(palette.values())) / 255
    dyed = (rgb @ dyes_B33.transpose(1, 2)).clamp(0, 1)
    own, other = (cv2.cvtColor(colours.cpu().numpy(), cv2.COLOR_RGB2Lab) for colours in (rgb[None], dyed))
    distance = np.linalg.norm(other[:, :, None] - own[:, None], axis=3)
    nearest = distance.argmin(2)
    return [[names[k] if away[j, k] < NAMEABLE else "" for j, k in enumerate(row)]
            for row, away in zip(nearest, distance, strict=True)]  # fmt: skip


def captions(words: dict[str, str], rng: np.random.Generator) -> tuple[str, list[str]]:
    """A caption in one of the templates, and WRONG captions in the same template with one word or two colours wrong."""
    template = TEMPLATES[rng.integers(len(TEMPLATES))]
    roles = [role for role in WORDS if "{" + role + "}" in template]
    wrong = []
    for _ in range(WRONG):
        role = roles[rng.integers(len(roles))]
        if role == "figure" and rng.random() < 0.5:
            changed = words | {"ground": words["figure"], "figure": words["ground"]}
        else:
            others = [word for word in WORDS[role] if word != words[role]]
            changed = words | {role: others[rng.integers(len(others))]}
        wrong.append(template.format(**changed))
    return template.format(**words), wrong


def tokenize(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> dict[str, Tensor]:
    """Token numbers and attention mask, each [B, up to LENGTH]."""
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt", return_token_type_ids=False)
    return {name: batch[name] for name in ("input_ids", "attention_mask")}


def contrastive(model: CLIPModel, pixels_BCHW: Tensor, tokens: dict[str, Tensor]) -> Tensor:
    """Each picture picks its caption among all right and all wrong ones; each right caption picks its picture."""
    output = model(pixel_values=pixels_BCHW, **tokens)
    return pick_caption(output.image_embeds, output.text_embeds, model.logit_scale.exp().clamp(max=100))


def pick_caption(image_BD: Tensor, text_TD: Tensor, scale: Tensor) -> Tensor:
    """The loss of `contrastive` from unit vectors; the first B texts are the right ones, then come WRONG for each."""
    logits_BT = scale * image_BD @ text_TD.T
    count = len(image_BD)
    target = torch.arange(count)
    own_wrong = logits_BT[:, count:].reshape(count, count, WRONG)[target, target]
    among_own = F.cross_entropy(torch.cat([logits_BT.diagonal()[:, None], own_wrong], 1), torch.zeros_like(target))
    by_picture = F.cross_entropy(logits_BT, target)
    return by_picture + F.cross_entropy(logits_BT[:, :count].T, target) + among_own


def _save(model: CLIPModel, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    save_half(model, out)
    tokenizer.save_pretrained(out)
    size = {"height": SIZE, "width": SIZE}
    processor = CLIPImageProcessorPil(
        size=size, do_center_crop=False, resample=Image.Resampling.BICUBIC, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    processor.save_pretrained(out)


@on_cpu
@torch.inference_mode()
def measure(folder: Path, splits: list[SplitData]) -> dict[str, float]:
    """Share of pictures that prefer their caption: among all captions of the splits, and over one with a wrong word."""
    model, tokenizer = CLIPModel.from_pretrained(folder).eval(), PreTrainedTokenizerFast.from_pretrained(folder)
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    crops = [crop for data in splits for crop in square_crops(data, SCALE)]
    words = [words_of(product.attributes) for data in splits for product in data.products]
    pixels = processor(crops, return_tensors="pt")["pixel_values"]
    image = F.normalize(model.get_image_features(pixel_values=pixels).pooler_output, dim=1)

    def text_features(texts: list[str]) -> Tensor:
        return F.normalize(model.get_text_features(**tokenize(tokenizer, texts)).pooler_output, dim=1)

    phrases = [PHRASE.format(**entry) for entry in words]
    distinct = sorted(set(phrases))
    nearest = (image @ text_features(distinct).T).topk(5, 1).indices.tolist()
    nearest_captions = [[distinct[k] for k in row] for row in nearest]
    figures = {
        "caption_top_1": float(
            np.mean([row[0] == phrase for row, phrase in zip(nearest_captions, phrases, strict=True)])
        ),
        "caption_top_5": float(np.mean([phrase in row for row, phrase in zip(nearest_captions, phrases, strict=True)])),
        "captions": float(len(distinct)),
    }
    for role in WORDS:
        options = [TEMPLATES[0].format(**entry | {role: word}) for entry in words for word in WORDS[role]]
        scores = (image[:, None] * text_features(options).reshape(len(words), -1, image.shape[1])).sum(2)
        right = [WORDS[role].index(entry[role]) for entry in words]
        figures[f"{role}_accuracy"] = float((scores.argmax(1) == torch.tensor(right)).float().mean())
    return figures
