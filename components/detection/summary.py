"""What detection reports: how many objects of which kind, what was rejected and why, and where the boxes are."""

from collections import Counter
from typing import Any

from PIL import Image, ImageDraw

from components.common.counts import counted
from components.common.data.names import some
from components.common.data.reading import Dataset
from components.common.data.rejections import BOX, BOXES, by_reason
from components.common.data.schemas import blob_columns
from components.common.stage.report import Report
from components.common.vision.images import decode
from components.common.vision.sheets import evenly_spread, sheet
from components.detection.annotations import Rejects
from components.detection.boxes import UNCERTAIN

SHEET, SIDE, COLOUR = 24, 192, "#e6007e"
TOP = 30


def summary(images: Dataset, objects: Dataset, rejects: Dataset, annotations: Rejects) -> Report:
    """Numbers, plots and a sheet of photographs with their boxes, from the finished datasets.

    annotations: those that could not be used.
    """
    rows = objects.rows(["image_id", "x", "y", "w", "h", "category", "score"])
    photographs = images.rows(["image_id", "uri", "width", "height", *blob_columns("image")])
    pixels = {photo["image_id"]: photo["width"] * photo["height"] for photo in photographs}
    each = Counter(row["image_id"] for row in rows)
    categories = Counter(row["category"] for row in rows)
    metrics = {
        "photographs": float(len(photographs)),
        "objects": float(len(rows)),
        "objects_per_photograph": len(rows) / max(len(photographs), 1),
        "photographs_without_objects": float(len(photographs) - len(each)),
        "categories": float(len(categories)),
        "uncertain_boxes": float(sum(row["score"] == UNCERTAIN for row in rows)),
        "mean_score": sum(row["score"] for row in rows) / max(len(rows), 1),
    }
    rejected = by_reason(rejects, BOX)
    rejected.update({"missing": annotations.unlisted} if annotations.unlisted else {})
    metrics |= {f"rejected_{reason}": float(count) for reason, count in rejected.items()}
    per_photo = Counter(each[photo["image_id"]] for photo in photographs)
    shares = Counter(min(int(row["w"] * row["h"] / pixels[row["image_id"]] * 20), 19) for row in rows)
    plots: dict[str, list[dict[str, Any]]] = {
        "categories": [{"category": name, "objects": count} for name, count in _most(categories)],
        "objects_per_photograph": [{"objects": n, "photographs": per_photo[n]} for n in sorted(per_photo)],
        "area_share": [{"share_from": step / 20, "objects": shares[step]} for step in sorted(shares)],
        "rejected": [{"reason": reason, "boxes": count} for reason, count in sorted(rejected.items())],
    }
    figures = {"boxes": _sheet(images, photographs, rows)} if photographs else {}
    plots = {name: plot for name, plot in plots.items() if plot}
    empty = [photo["uri"] for photo in photographs if not each[photo["image_id"]]]
    notes = [*_of_photographs(metrics, empty), *_of_boxes(rejected, rejects, annotations)]
    return Report(metrics, plots, figures, notes)


def _most(categories: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent categories; names decide between equal counts."""
    return sorted(categories.items(), key=lambda item: (-item[1], item[0]))[:TOP]


def _sheet(images: Dataset, photographs: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Image.Image:
    """Photographs spread evenly over the collection, with boxes, categories and scores drawn on them."""
    picks = [photographs[at] for at in evenly_spread(len(photographs), SHEET)]
    shown = {pick["image_id"]: [row for row in rows if row["image_id"] == pick["image_id"]] for pick in picks}
    drawn = [[_drawn(decode(images.blob(pick, "image")), shown[pick["image_id"]])] for pick in picks]
    return sheet(drawn, ["objects found"], SIDE, abreast=6)


def _drawn(photo: Image.Image, rows: list[dict[str, Any]]) -> Image.Image:
    scale = SIDE / max(photo.size)
    small = photo.resize((max(1, round(photo.width * scale)), max(1, round(photo.height * scale))))
    draw = ImageDraw.Draw(small)
    for row in rows:
        left, top = row["x"] * scale, row["y"] * scale
        draw.rectangle((left, top, left + row["w"] * scale, top + row["h"] * scale), outline=COLOUR, width=2)
        text = f"{row['category']} {row['score']:.2f}"
        draw.rectangle(draw.textbbox((left + 2, top), text), fill=COLOUR)
        draw.text((left + 2, top), text, fill="white")
    return small


def _of_boxes(rejected: Counter[str], rejects: Dataset, annotations: Rejects) -> list[str]:
    """One sentence for each rule that rejected boxes. rejected: how many by rule."""
    notes = []
    for reason, count in sorted(rejected.items()):
        examples = annotations.examples(reason)
        listed = f" ({examples}; the others are in the dataset {rejects.folder.name})" if examples else ""
        notes.append(f"{count} boxes were rejected: {BOXES[reason]}{listed}.")
    if annotations.unlisted:
        notes.append(
            f"{annotations.unlisted:,} annotations of photographs outside this collection are counted, but not listed "
            f"in {rejects.folder.name}."
        )
    return notes


def _of_photographs(metrics: dict[str, float], empty: list[str]) -> list[str]:
    """empty: names of the photographs without an object."""
    notes = []
    if not metrics["objects"]:
        notes.append("No object was found: lower score, min_side or min_share, or check the annotations.")
    if empty:
        notes.append(f"Without an object: {counted(len(empty), 'photograph')}, {some(empty)}.")
    if metrics["uncertain_boxes"]:
        notes.append(
            f"In {counted(round(metrics['uncertain_boxes']), 'photograph')} nothing stands out for certain, so the box "
            "is the whole photograph: such an object is mined, but leaves no background."
        )
    return notes
