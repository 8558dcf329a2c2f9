"""Metrics checked against plain loops; crops; specifications."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel

from components.common.vision.geometry import expanded
from components.evaluation.benchmark import generation_samples, insertion_samples, load
from components.evaluation.metrics import (
    GenerationJudge,
    InsertionJudge,
    Judges,
    box_errors,
    recognised,
    specifications,
)
from components.evaluation.params import Params
from components.evaluation.stage import load_judges
from components.evaluation.text import ClipText


@pytest.fixture(scope="module")
def judges(encoder_folders: dict[str, str]) -> Judges:
    return load_judges(Params(**encoder_folders))


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_box_errors_match_a_loop_over_pixels() -> None:
    rng = np.random.default_rng(0)
    result, truth = (rng.integers(0, 256, (6, 5, 3), dtype=np.uint8) for _ in range(2))
    mask = np.zeros((6, 5), np.uint8)
    mask[1:3, 2:5] = 255
    sums = {True: [], False: []}
    for y in range(6):
        for x in range(5):
            error = sum(abs(int(result[y, x, c]) - int(truth[y, x, c])) for c in range(3)) / 3 / 255
            sums[bool(mask[y, x])].append(error)
    inside, outside = box_errors(Image.fromarray(result), Image.fromarray(truth), Image.fromarray(mask))
    assert inside == pytest.approx(np.mean(sums[True])) and outside == pytest.approx(np.mean(sums[False]))


def test_recognition_matches_brute_force_and_never_counts_the_excluded() -> None:
    rng = np.random.default_rng(1)
    queries, gallery = rng.normal(size=(20, 4)), rng.normal(size=(30, 4))
    subjects, owners = rng.integers(0, 5, 20), rng.integers(0, 5, 30)
    excluded = rng.random((20, 30)) < 0.3
    expected = []
    for i in range(20):
        allowed = [(queries[i] @ gallery[j], owners[j]) for j in range(30) if not excluded[i, j]]
        expected.append(float(max(allowed)[1] == subjects[i]))
    np.testing.assert_array_equal(recognised(queries, subjects, gallery, owners, excluded), expected)


def test_recognition_of_nothing_is_nothing() -> None:
    queries = np.array([[1.0, 0.0], [np.nan, np.nan]])
    hits = recognised(queries, np.array(["a", "a"]), np.array([[np.nan, np.nan], [1.0, 0.1]]), np.array(["b", "a"]))
    assert hits[0] == 1 and np.isnan(hits[1])


def test_the_truth_itself_scores_perfectly(benchmark_folder: Path, params: Params, judges: Judges) -> None:
    samples = insertion_samples(load(benchmark_folder), params)
    scores = InsertionJudge(samples, judges, params).score([s.name for s in samples], [s.truth for s in samples])
    for name in ("clip_i", "dino", "ir", "second_ir"):
        np.testing.assert_allclose(scores[name], 1, atol=1e-5)
    assert not scores["object_error"].any() and not scores["background_error"].any()


def test_insertion_scores_match_one_sample_at_a_time(benchmark_folder: Path, params: Params, judges: Judges) -> None:
    samples = insertion_samples(load(benchmark_folder), params)
    judge = InsertionJudge(samples, judges, params)
    chosen = [samples[k] for k in (7, 2, 10)]
    scores = judge.score([s.name for s in chosen], [s.background for s in chosen])
    for row, sample in enumerate(chosen):
        box = expanded(sample.box, params.crop_scale)
        area = (max(round(box.x), 0), max(round(box.y), 0), round(box.x + box.w), round(box.y + box.h))
        area = (*area[:2], min(area[2], params.cell), min(area[3], params.cell))
        made, real = sample.background.crop(area), sample.truth.crop(area)
        for name in ("dino", "ir"):
            pair = judges.images[name].embed([made, real])
            assert scores[name][row] == pytest.approx(float(unit(pair[0]) @ unit(pair[1])), abs=1e-5)


def test_real_photographs_are_scored_against_the_others_of_their_subject(
    benchmark_folder: Path, params: Params, judges: Judges
) -> None:
    benchmark = load(benchmark_folder)
    samples = insertion_samples(benchmark, params)
    insertion = InsertionJudge(samples, judges, params)
    vectors, own = insertion.truth["ir"], np.flatnonzero(insertion.subjects == samples[2].subject)
    expected = np.mean([vectors[2] @ vectors[k] for k in own if k != 2])
    assert insertion.real_scores([samples[2].name])["ir"][0] == pytest.approx(expected)
    prompts = generation_samples(benchmark, params)[:1]
    generation = GenerationJudge(prompts, benchmark, judges, params)
    vectors, own = generation.real_views["ir"], np.flatnonzero(generation.subjects == prompts[0].subject)
    expected = np.mean([vectors[j] @ vectors[k] for j in own for k in own if j != k])
    assert generation.real_scores([prompts[0].name])["ir"][0] == pytest.approx(expected)


def test_generation_scores_are_means_over_all_photographs(
    benchmark_folder: Path, params: Params, judges: Judges
) -> None:
    benchmark = load(benchmark_folder)
    samples = generation_samples(benchmark, params)[:4]
    rng = np.random.default_rng(2)
    side = params.cell
    pictures = [Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)) for _ in samples]
    scores = GenerationJudge(samples, benchmark, judges, params).score([s.name for s in samples], pictures)
    share = round(side * params.generation_crop)
    start = round(side * (1 - params.generation_crop) / 2)
    prompts = judges.text([s.prompt for s in samples])
    for row, (sample, picture) in enumerate(zip(samples, pictures, strict=True)):
        end = round(side * (1 + params.generation_crop) / 2)
        made = judges.images["ir"].embed([picture.crop((start, start, end, end))])[0]
        real = [view.square(params.crop_scale, share) for view in benchmark.subjects[sample.subject]]
        expected = np.mean([made @ vector for vector in judges.images["ir"].embed(real)])
        assert scores["ir"][row] == pytest.approx(expected, abs=1e-5)
        whole = judges.images["clip"].embed([picture])[0]
        assert scores["clip_t"][row] == pytest.approx(float(whole @ prompts[row]), abs=1e-5)


def test_text_vectors_are_unit_independent_of_the_batch_and_cut_if_too_long(encoder_folders: dict[str, str]) -> None:
    texts = ["a red-disc on a tan floor", "a blue-disc", "a lime-disc on a grey floor " * 9]
    together, alone = ClipText(encoder_folders["clip"], batch=3), ClipText(encoder_folders["clip"], batch=1)
    np.testing.assert_allclose(together.embed(texts), alone.embed(texts), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together.embed(texts), axis=1), 1, atol=1e-5)


def test_text_is_embedded_in_fp32_whatever_the_checkpoint(encoder_folders: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(encoder_folders["clip"], tmp_path / "clip")
    CLIPModel.from_pretrained(encoder_folders["clip"], dtype=torch.float16).save_pretrained(tmp_path / "clip")
    assert {weights.dtype for weights in ClipText(str(tmp_path / "clip")).model.parameters()} == {torch.float32}


def test_a_specification_changes_with_what_changes_the_number(params: Params, judges: Judges) -> None:
    def digests(**change: object) -> dict[str, str]:
        changed = params.model_copy(update=change)
        return {spec.metric: spec.digest for spec in specifications("insertion", judges, changed)}

    assert digests() == digests()
    assert digests()["ir"] != digests(crop_scale=1.3)["ir"] and digests()["ir"] != digests()["second_ir"]
    assert digests()["background_error"] == digests(crop_scale=1.3)["background_error"] != digests(side=48)["ir"]
    assert digests()["ir"] == digests(seed=9)["ir"]
