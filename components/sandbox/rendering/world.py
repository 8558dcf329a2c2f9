"""The rendered world on disk: photographs, clean plates, masks, skins, COCO annotations and recurrence labels."""

import csv
import io
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree

import numpy as np
from PIL import Image
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from components.common.errors import UserError
from components.common.vision.benchmark import ANNOTATIONS
from components.sandbox.params import SPLITS, RenderParams, Split
from components.sandbox.rendering.designs import SHAPES, Design, catalogue
from components.sandbox.rendering.shots import Shot, plan
from components.sandbox.rendering.skins import INKS, bare, inks, wrap

LOOK = 2
LICENCE = "CC0-1.0"
RECODED_QUALITY = 60
LABEL_COLUMNS = ("path", "subject", "x", "y", "w", "h", "duplicate_of")


@dataclass(frozen=True)
class _Job:
    """What a worker process needs to finish one photograph."""

    folder: Path
    split: Split
    seed: int
    params: RenderParams
    shot: Shot


def render_world(root: Path, split: Split, seed: int = 0, workers: int = 2, params: RenderParams | None = None) -> None:
    """Render a split into `root/split`. Finished photographs are kept; a folder with other settings is refused."""
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}: one of {', '.join(SPLITS)}")
    if workers < 1:
        raise UserError(f"workers must be at least 1, not {workers}")
    params = params or RenderParams()
    folder, info = Path(root) / split, _info(params, split, seed)
    if _finished(folder, info):
        rmtree(folder / "parts", ignore_errors=True)
        return
    if find_spec("mitsuba") is None:
        raise UserError("rendering needs Mitsuba: pip install 'objectmate[sandbox]'")
    skins = ("covers", "greys", "blacks") if params.of(split).skins else ()
    for name in ("images", "plates", "masks", "parts", *skins):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _claim(folder / "parts" / "settings.json", info)
    shots = plan(params, split, catalogue(params, seed), seed)
    jobs = [_Job(folder, split, seed, params, shot) for shot in shots]
    _run_all([job for job in jobs if not _part(job).exists()], len(jobs), workers, split)
    _assemble(folder, jobs, info)


def _info(params: RenderParams, split: Split, seed: int) -> dict:
    # The showroom is dealt last, so no other split depends on it.
    settings = json.dumps(params.model_dump(exclude=set() if split == "showroom" else {"showroom"}), sort_keys=True)
    digest = sha256(settings.encode()).hexdigest()[:16]
    return {"seed": seed, "spp": params.of(split).spp, "look": LOOK, "settings": digest, "licence": LICENCE}


def _finished(folder: Path, info: dict) -> bool:
    path = folder / ANNOTATIONS
    if not path.exists():
        return False
    _compare(folder, json.loads(path.read_text())["info"], info)
    return True


def _claim(path: Path, info: dict) -> None:
    """Mark a folder as being rendered under these settings."""
    if path.exists():
        _compare(path.parent.parent, json.loads(path.read_text()), info)
    _write(path, json.dumps(info).encode())


def _compare(folder: Path, rendered: dict, wanted: dict) -> None:
    if rendered != wanted:
        raise UserError(f"{folder} was rendered with {rendered}, not {wanted}: remove it or choose another folder")


def _run_all(jobs: list[_Job], total: int, workers: int, split: str) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns) as progress:
        task = progress.add_task(f"rendering {split}", total=total, completed=total - len(jobs))
        if workers == 1:
            for job in jobs:
                _finish(job)
                progress.advance(task)
            return
        # Spawned, not forked: a fork would lose the renderer's threads.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for future in as_completed([pool.submit(_finish, job) for job in jobs]):
                future.result()
                progress.advance(task)


def _part(job: _Job) -> Path:
    return job.folder / "parts" / f"{job.shot.index:05d}.json"


def _finish(job: _Job) -> None:
    """Render one photograph and write its files; the part, written last, marks it as complete."""
    from components.sandbox.rendering.exposures import bounds, expose  # the renderer is an optional extra

    exposure, shot, stem = expose(job.shot, job.split, job.params, job.seed), job.shot, f"{job.shot.index:05d}"
    quality = RECODED_QUALITY if shot.alteration == "recoded" else job.params.photo_quality
    _write(job.folder / f"images/{stem}.jpg", _jpeg(exposure.photo, quality))
    annotations = []
    scene, fronts = exposure.scene, [exposure.scene.shows_front(k) for k in range(len(shot.designs))]
    for k, (design, mask) in enumerate(zip(shot.designs, exposure.masks, strict=True)):
        face = design.face(fronts[k])
        files = {"mask": ("png", _mask(mask)), "plate": ("jpg", _jpeg(exposure.plates[k], job.params.plate_quality))}
        files |= _skin_files(exposure.photo, exposure.covers[k], design) if exposure.covers is not None else {}
        names = {kind: f"{kind}s/{stem}_{k}.{form}" for kind, (form, _) in files.items()}
        for kind, (_, content) in files.items():
            _write(job.folder / names[kind], content)
        annotations.append({
            "bbox": [float(v) for v in bounds(mask)], "area": int(mask.sum()), "iscrowd": 0,
            "category_id": SHAPES.index(design.shape) + 1, "design": design.name, **names,
            "caption": f"a {design.phrase(fronts[k])} {scene.setting}", "main": k == 0,
            "attributes": {"shape": design.shape, "print": face.print, "colours": list(face.colours),
                           "finish": design.finish, "group": design.group, "sided": design.back is not None,
                           "front": fronts[k], "floor": scene.floor.kind, "wall": scene.wall_colour},
        })  # fmt: skip
    phrases = " and ".join(f"a {design.phrase(front)}" for design, front in zip(shot.designs, fronts, strict=True))
    image = {
        "file_name": f"images/{stem}.jpg", "width": job.params.side, "height": job.params.side,
        "caption": f"{phrases} {scene.setting}", "licence": LICENCE, "alteration": shot.alteration,
        "duplicate_of": f"images/{shot.source:05d}.jpg" if shot.alteration else None,
    }  # fmt: skip
    _write(_part(job), json.dumps({"image": image, "annotations": annotations}).encode())


def _assemble(folder: Path, jobs: list[_Job], info: dict) -> None:
    """Join the parts into labels.csv and, last, annotations.json."""
    images: list[dict] = []
    annotations: list[dict] = []
    labels: list[list[str]] = []
    for job in jobs:
        part = json.loads(_part(job).read_text())
        image = {"id": job.shot.index + 1, **part["image"]}
        images.append(image)
        for annotation in part["annotations"]:
            annotations.append({"id": len(annotations) + 1, "image_id": image["id"], **annotation})
            box = [f"{v:g}" for v in annotation["bbox"]]
            labels.append([image["file_name"], annotation["design"], *box, image["duplicate_of"] or ""])
    categories = [{"id": k + 1, "name": shape, "supercategory": "product"} for k, shape in enumerate(SHAPES)]
    coco = {"info": info, "images": images, "annotations": annotations, "categories": categories}
    _write(folder / "labels.csv", _csv(labels))
    _write(folder / ANNOTATIONS, json.dumps(coco, separators=(",", ":")).encode() + b"\n")
    rmtree(folder / "parts")


def _write(path: Path, content: bytes) -> None:
    """Write a file that is never seen half-written; a killed write leaves a draft that the next run overwrites."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(content)
    draft.replace(path)


def _jpeg(pixels: np.ndarray, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def _mask(mask: np.ndarray) -> bytes:
    return _png(Image.fromarray(255 * mask.astype(np.uint8)).convert("1"))


def _skin_files(photo: np.ndarray, cover: np.ndarray, design: Design) -> dict[str, tuple[str, bytes]]:
    """The files that `skins` needs to show a product in other prints."""
    grey, black = bare(photo, inks(cover, *wrap(design, INKS)), design)
    pictures = {"cover": cover, "grey": grey, "black": black}
    return {kind: ("png", _png(Image.fromarray(pixels))) for kind, pixels in pictures.items()}


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _csv(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(LABEL_COLUMNS)
    writer.writerows(rows)
    return buffer.getvalue().encode()
