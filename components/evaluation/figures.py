"""Sample sheets: fixed samples side by side, large enough to be looked at."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

from components.evaluation.benchmark import REFERENCES, InsertionSample, Sample

TILE, GAP, HEAD, LINE = 128, 6, 22, 14
ROWS = 8
Results = Mapping[str, Mapping[str, Image.Image]]
"""System -> sample name -> picture."""


def sample_sheet(samples: Sequence[Sample], results: Results) -> Image.Image:
    """References, what else the systems were given (background or prompt), what each made of it, and the truth."""
    shown = chosen([sample for sample in samples if all(sample.name in own for own in results.values())])
    insertion = [sample for sample in shown if isinstance(sample, InsertionSample)]
    references = [f"reference {k + 1}" for k in range(REFERENCES)]
    made = {sample.name: [own[sample.name] for own in results.values()] for sample in shown}
    if insertion:
        titles = [*references, "background", *results, "ground truth"]
        return sheet(titles, [("", [*s.references, s.background, *made[s.name], s.truth]) for s in insertion])
    return sheet(["prompt", *references, *results], [(s.prompt, [*s.references, *made[s.name]]) for s in shown])


def chosen(samples: Sequence[Sample]) -> list[Sample]:
    """One sample each of up to `ROWS` subjects spread evenly over all: the same in every run on one benchmark."""
    by_subject: dict[str, list[Sample]] = {}
    for sample in samples:
        by_subject.setdefault(sample.subject, []).append(sample)
    own = list(by_subject.values())
    count = min(ROWS, len(own))
    return [own[k * len(own) // count][k % len(own[k * len(own) // count])] for k in range(count)]


def sheet(titles: Sequence[str], rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """Rows of pictures below column titles; a text, where a row has one, stands in a first column of its own."""
    step = TILE + GAP
    page = Image.new("RGB", (GAP + len(titles) * step, HEAD + len(rows) * step), "white")
    draw = ImageDraw.Draw(page)
    for column, title in enumerate(titles):
        draw.text((GAP + column * step + TILE / 2, HEAD / 2), title, "black", ImageFont.load_default(12), anchor="mm")
    for row, (text, pictures) in enumerate(rows):
        top = HEAD + row * step
        for line, words in enumerate(wrap(text, 20)):
            draw.text((GAP, top + line * LINE), words, "black", ImageFont.load_default(12))
        for column, picture in enumerate(pictures, start=len(titles) - len(pictures)):
            tile = picture.convert("RGB").resize((TILE, TILE), Image.Resampling.BICUBIC)
            page.paste(tile, (GAP + column * step, top))
    return page
