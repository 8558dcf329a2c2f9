"""Contact sheets: rows of captioned crops that a person can check at a glance."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from components.common.vision.corpus import Corpus
from components.common.vision.geometry import padded_square

SIDE, GAP, CAPTION = 112, 6, 18  # px


def sheet(rows: Sequence[Sequence[tuple[Image.Image, str]]]) -> Image.Image:
    """A grid of pictures with a caption below each; rows may differ in length."""
    columns = max((len(row) for row in rows), default=1)
    width, height = SIDE + GAP, SIDE + CAPTION + GAP
    made = Image.new("RGB", (columns * width + GAP, max(len(rows), 1) * height + GAP), "white")
    draw, font = ImageDraw.Draw(made), ImageFont.load_default(size=12)
    for down, row in enumerate(rows):
        for across, (image, caption) in enumerate(row):
            x, y = GAP + across * width, GAP + down * height
            made.paste(padded_square(image, SIDE), (x, y))
            draw.text((x + SIDE / 2, y + SIDE + 2), caption, fill="black", font=font, anchor="ma")
    return made


def crop_of(corpus: Corpus, row: int) -> Image.Image:
    """The crop of an object."""
    place = corpus.table.slice(row, 1).to_pylist()[0]
    return Image.open(io.BytesIO(corpus.objects.blob(place, "crop"))).convert("RGB")


def pair_sheet(corpus: Corpus, pairs: Sequence[tuple[int, int, str]], across: int = 4) -> Image.Image:
    """Pairs of objects side by side, `across` a row: the caption below the first, their rows below the second."""
    cells = [
        ((crop_of(corpus, src), caption), (crop_of(corpus, dst), f"{src} and {dst}")) for src, dst, caption in pairs
    ]
    rows = [cells[at : at + across] for at in range(0, len(cells), across)]
    return sheet([[picture for pair in row for picture in pair] for row in rows])
