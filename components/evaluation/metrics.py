"""Metrics: what is measured on which crop by which encoder, recorded so that two numbers can be compared.

Pitfalls that this module avoids:

- **Whole-picture CLIP or DINO similarity rewards the background.** In insertion most pixels are given, so a system that
  inserts nothing scores above 0.9. Here result and truth are cropped by the same expanded box, and the change outside
  the box is a separate metric.
- **Resolution is a shortcut.** Comparing a sharp truth with a small result measures sharpness, so truth and gallery are
  scaled to the result's size before an encoder sees them.
- **The encoder that mined must not judge alone.** The model was trained on what that encoder calls the same, so its
  scores are too high; every table also has an encoder that was not used for mining.
- **Identity metrics reward copying.** A pasted crop can win them all; read them together with the copy-paste baseline,
  the background error and the pictures.
- **Checkpoint, crop and resizing change scores by more than systems differ.** Each value carries the digest of its
  specification: model digest, preprocessing, crop rule, side. Equal names with unequal digests are not comparable.
- **CLIP-T needs the plain prompt**, scored as it is: no clamping at zero, no factor of 2.5 or 100, no prefix.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from components.common.data.digests import digest_value
from components.common.vision.geometry import Box, crop, expanded, longest
from components.evaluation.benchmark import Benchmark, InsertionSample, Sample, SceneSample, View
from components.evaluation.params import Params

if TYPE_CHECKING:  # torch takes seconds to import, and names of metrics are read by commands that need no encoder
    from components.common.vision.encoders import Encoder

IDENTITY = {"clip_i": "clip", "dino": "dino", "ir": "ir", "second_ir": "second_ir"}
"""Identity metric -> the encoder it is measured by."""
RECOGNITION = {"top1_ir": "ir", "top1_second_ir": "second_ir"}
"""Recognition metric -> its encoder: is the nearest real crop one of the subject's?"""
TITLES = {
    "second_ir": "IR (independent encoder)",
    "ir": "IR (the encoder that mined)",
    "dino": "DINO",
    "clip_i": "CLIP-I",
    "top1_second_ir": "right object nearest (independent encoder)",
    "top1_ir": "right object nearest (the encoder that mined)",
    "clip_t": "CLIP-T (the prompt)",
    "object_error": "error inside the box",
    "background_error": "error outside the box",
}
"""What people read instead of a metric's name."""
LOWER_IS_BETTER = frozenset({"background_error", "object_error"})


@dataclass(frozen=True)
class Judges:
    """The encoders by name (clip, dino, ir, second_ir), and CLIP's text side: texts -> unit vectors, float32 [N, d]."""

    images: Mapping[str, "Encoder"]
    text: Callable[[Sequence[str]], np.ndarray]

    def embed(self, pictures: Sequence[Image.Image]) -> dict[str, np.ndarray]:
        """Encoder name -> unit vectors, float32 [N, d]."""
        return {name: encoder.embed(pictures) for name, encoder in self.images.items()}


@dataclass(frozen=True)
class MetricSpec:
    """Everything that decides a metric's value besides the pictures.

    encoder: digest of weights, empty if none. preprocess: the encoder's, or else what the values are. crop: which part
    of a picture counts. against: what a picture is compared with.
    """

    metric: str
    benchmark: str
    encoder: str
    preprocess: Mapping[str, Any]
    crop: str
    against: str

    @property
    def digest(self) -> str:
        """Scores are comparable if this is equal."""
        return digest_value(asdict(self))


def specifications(benchmark: str, judges: Judges, params: Params) -> list[MetricSpec]:
    """Every metric of a benchmark (insertion, placement or generation), in the order of reports."""
    window = f"window of {params.context} at {params.cell} px"
    boxed = f"box x {params.crop_scale} in a window of {params.context} x its longer side at {params.cell} px"
    views = "mean over all photographs of the subject"
    rule, truth = {
        "insertion": (boxed, "the truth, same crop"),
        "placement": (boxed, f"{views}, box x {params.crop_scale}, longer side {_view_side(params)} px"),
        "generation": (
            f"centre {params.generation_crop} of {params.cell} px",
            f"{views}, squares of {params.crop_scale} x box",
        ),
    }[benchmark]
    gallery = "nearest of all subjects' photographs, the truth itself excluded"
    specs = [_spec(name, benchmark, judges, which, rule, truth) for name, which in IDENTITY.items()]
    specs += [_spec(name, benchmark, judges, which, rule, gallery) for name, which in RECOGNITION.items()]
    if benchmark == "generation":
        return [*specs, _spec("clip_t", benchmark, judges, "clip", "whole picture", "the prompt")]
    scale = {"values": "mean absolute difference, 0..1"}
    outside = f"outside the box, {window}"
    if benchmark == "placement":
        return [*specs, MetricSpec("background_error", benchmark, "", scale, outside, "the empty scene")]
    return [
        *specs,
        MetricSpec("object_error", benchmark, "", scale, f"inside the box, {window}", "the truth"),
        MetricSpec("background_error", benchmark, "", scale, outside, "the truth"),
    ]


def _view_side(params: Params) -> int:
    """Longer side of an object's crop in a scene's window, px: the size at which its photographs are compared with it.
    (A window that its photograph cuts short shows the object larger.)"""
    return round(params.cell / params.context * params.crop_scale)


def _spec(name: str, benchmark: str, judges: Judges, which: str, rule: str, against: str) -> MetricSpec:
    encoder = judges.images[which]
    return MetricSpec(name, benchmark, encoder.digest, encoder.preprocess, rule, against)


Scores = dict[str, np.ndarray]
"""Metric -> float64 [N], one value per sample."""


class InsertionJudge:
    """Scores insertions. The truths' embeddings are computed once, for every system and as the gallery."""

    def __init__(self, samples: Sequence[InsertionSample], judges: Judges, params: Params):
        """samples: the whole benchmark, whatever the limit; their truths are the gallery for recognition."""
        self.judges, self.scale = judges, params.crop_scale
        self.specs = {spec.metric: spec.digest for spec in specifications("insertion", judges, params)}
        self.samples = {sample.name: sample for sample in samples}
        self.rows = {sample.name: row for row, sample in enumerate(samples)}
        self.subjects = np.array([sample.subject for sample in samples])
        self.truth = judges.embed([self.crop(sample, sample.truth) for sample in samples])

    def crop(self, sample: InsertionSample, picture: Image.Image) -> Image.Image:
        """The expanded box of the sample, from its truth or a result."""
        return crop(picture, expanded(sample.box, self.scale))

    def score(self, names: Sequence[str], results: Sequence[Image.Image]) -> Scores:
        """All metrics of the named samples; results are windows of the size of the samples' truths."""
        samples = [self.samples[name] for name in names]
        rows = np.array([self.rows[name] for name in names])
        embedded = self.judges.embed(
            [self.crop(sample, result) for sample, result in zip(samples, results, strict=True)]
        )
        own = rows[:, None] == np.arange(len(self.subjects))[None]
        scores = {name: (embedded[which] * self.truth[which][rows]).sum(1) for name, which in IDENTITY.items()}
        for name, which in RECOGNITION.items():
            hits = recognised(embedded[which], self.subjects[rows], self.truth[which], self.subjects, excluded=own)
            scores[name] = hits
        errors = np.array([box_errors(result, s.truth, s.mask) for s, result in zip(samples, results, strict=True)])
        return scores | {"object_error": errors[:, 0], "background_error": errors[:, 1]}

    def real_scores(self, names: Sequence[str]) -> Scores:
        """Identity and recognition of the subjects' other photographs, on average, in place of results."""
        rows = [self.rows[name] for name in names]
        return _real(self.truth, self.subjects, [self.subjects[row] for row in rows], [np.array([row]) for row in rows])


class _AmongViews:
    """Identity and recognition among all photographs of all subjects, where no photograph is the truth."""

    def __init__(self, benchmark: Benchmark, judges: Judges, view: Callable[[View], Image.Image]):
        """view: from a photograph to the picture that the judges see."""
        views = [each for own in benchmark.subjects.values() for each in own]
        self.judges = judges
        self.subjects = np.array([each.subject for each in views])
        self.real_views = judges.embed([view(each) for each in views])

    def likeness(self, subjects: np.ndarray, pictures: Sequence[Image.Image]) -> Scores:
        """How similar pictures of these subjects are to the subject's photographs, on average, and whether one of them
        is nearest."""
        embedded = self.judges.embed(pictures)
        weights = (subjects[:, None] == self.subjects[None]).astype(np.float64)
        weights /= weights.sum(1, keepdims=True)
        scores = {
            name: ((embedded[which] @ self.real_views[which].T) * weights).sum(1) for name, which in IDENTITY.items()
        }
        for name, which in RECOGNITION.items():
            scores[name] = recognised(embedded[which], subjects, self.real_views[which], self.subjects)
        return scores

    def real_likeness(self, subjects: Sequence[str]) -> Scores:
        """Identity and recognition of each photograph of a subject among the subject's others, on average."""
        return _real(self.real_views, self.subjects, subjects, [np.flatnonzero(self.subjects == s) for s in subjects])


class GenerationJudge(_AmongViews):
    """Scores generated pictures against all photographs of their subject, cut square and scaled to the same size."""

    def __init__(self, samples: Sequence[Sample], benchmark: Benchmark, judges: Judges, params: Params):
        self.share = params.generation_crop
        size = round(params.cell * self.share)
        super().__init__(benchmark, judges, lambda view: view.square(params.crop_scale, size))
        self.samples = {sample.name: sample for sample in samples}
        self.specs = {spec.metric: spec.digest for spec in specifications("generation", judges, params)}

    def crop(self, picture: Image.Image) -> Image.Image:
        """The central part of a generated picture that identity metrics see."""
        return crop(picture, expanded(Box(0, 0, picture.width, picture.height), self.share))

    def score(self, names: Sequence[str], results: Sequence[Image.Image]) -> Scores:
        """All metrics of the named samples' pictures."""
        samples = [self.samples[name] for name in names]
        subjects = np.array([sample.subject for sample in samples])
        scores = self.likeness(subjects, [self.crop(result) for result in results])
        whole = self.judges.images["clip"].embed(results)
        prompts = self.judges.text([sample.prompt for sample in samples])
        return scores | {"clip_t": (whole * prompts).sum(1)}

    def real_scores(self, names: Sequence[str]) -> Scores:
        """What the subjects' own photographs score among each other."""
        return self.real_likeness([self.samples[name].subject for name in names])


class PlacementJudge(_AmongViews):
    """Scores objects put where nobody has photographed them: their identity, and what changed around them."""

    def __init__(self, samples: Sequence[SceneSample], benchmark: Benchmark, judges: Judges, params: Params):
        self.scale, side = params.crop_scale, _view_side(params)
        super().__init__(
            benchmark, judges, lambda view: longest(crop(view.photograph, expanded(view.box, self.scale)), side)
        )
        self.samples = {sample.name: sample for sample in samples}
        self.specs = {spec.metric: spec.digest for spec in specifications("placement", judges, params)}

    def score(self, names: Sequence[str], results: Sequence[Image.Image]) -> Scores:
        """All metrics of the named samples; results are windows of the size of the samples' backgrounds."""
        samples = [self.samples[name] for name in names]
        pairs = list(zip(samples, results, strict=True))
        subjects = np.array([sample.subject for sample in samples])
        scores = self.likeness(subjects, [crop(result, expanded(s.box, self.scale)) for s, result in pairs])
        outside = np.array([box_errors(result, s.background, s.mask)[1] for s, result in pairs])
        return scores | {"background_error": outside}

    def real_scores(self, names: Sequence[str]) -> Scores:
        """What the subjects' own photographs score among each other."""
        return self.real_likeness([self.samples[name].subject for name in names])


def _real(
    vectors: Mapping[str, np.ndarray], subjects: np.ndarray, wanted: Sequence[str], truths: Sequence[np.ndarray]
) -> Scores:
    """For each wanted subject, how its other photographs compare with the truths among its own; NaN if it has one."""
    scores = {name: np.full(len(wanted), np.nan) for name in (*IDENTITY, *RECOGNITION)}
    for at, (subject, compared) in enumerate(zip(wanted, truths, strict=True)):
        own = np.flatnonzero(subjects == subject)
        same = own[:, None] == compared[None]
        if same.all():
            continue
        for name, which in IDENTITY.items():
            scores[name][at] = (vectors[which][own] @ vectors[which][compared].T)[~same].mean()
        itself = own[:, None] == np.arange(len(subjects))[None]
        for name, which in RECOGNITION.items():
            hits = recognised(vectors[which][own], subjects[own], vectors[which], subjects, itself)
            scores[name][at] = hits[~same.all(1)].mean()
    return scores


def recognised(
    queries: np.ndarray,
    subjects: np.ndarray,
    gallery: np.ndarray,
    gallery_subjects: np.ndarray,
    excluded: np.ndarray | None = None,
) -> np.ndarray:
    """1 where the most similar gallery vector is of the query's subject, else 0; float64 [N], NaN for a NaN query.

    excluded: bool [N, M], gallery vectors that are ignored for a query.
    """
    similarity = np.nan_to_num(queries @ gallery.T, nan=-np.inf)
    if excluded is not None:
        similarity = np.where(excluded, -np.inf, similarity)
    hits = (gallery_subjects[similarity.argmax(1)] == subjects).astype(np.float64)
    return np.where(np.isfinite(queries).all(1), hits, np.nan)


def box_errors(result: Image.Image, truth: Image.Image, mask: Image.Image) -> tuple[float, float]:
    """Mean absolute difference, 0..1, inside and outside the mask (0 where that part is empty)."""
    difference = np.abs(np.asarray(result, np.float64) - np.asarray(truth, np.float64)).mean(2) / 255
    inside = np.asarray(mask) > 127
    parts = (difference[inside], difference[~inside])
    return tuple(float(part.mean()) if part.size else 0.0 for part in parts)  # type: ignore[return-value]
