"""Which object a label means; what is said of labels that mean none; how many objects of a subject are compared."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
from mining_data import make_corpus, picture

from components.calibration.labels import _similar, _with_all_of_one_product
from components.calibration.params import Params
from components.calibration.stage import run
from components.calibration.subjects import MEMBERS, name_objects
from components.common.data.reading import Dataset
from components.common.join.scores import concatenate
from components.common.vision.corpus import load
from components.common.vision.geometry import Box

PARAMS = Params(loosest=0.3)


def named(paths):
    return name_objects(load(paths), Dataset(paths["subjects"]).rows(), PARAMS)


def test_labels_that_fit_no_object_are_counted_and_said(tmp_path):
    """Boxes as shares of the photograph, as other programs write them."""
    box = {"x": 0.1, "y": 0.1, "w": 0.8, "h": 0.8}
    subjects = [{"photo": n, "subject": "mug", **box} for n in range(3)] + [{"photo": 3, "subject": "mug"}]
    paths = make_corpus(tmp_path, [["mug-0"]] * 4, subjects=subjects)
    outputs = {role: tmp_path / role for role in ("calibration", "identities")}
    report = run(paths, outputs, PARAMS)
    assert report.metrics["labels_without_object"] == 3 and report.metrics["contested_objects"] == 0
    assert any(
        note.startswith("3 of 4 labels fit no object, such as 'mug' (x, y, w, h = [0.1") for note in report.notes
    )


def test_an_object_with_two_subjects_has_none(tmp_path):
    boxes = [{"x": x, "y": 0, "w": 96, "h": 96} for x in (0, 2)]
    subjects = [
        {"photo": 0, "subject": "mug", **boxes[0]},
        {"photo": 0, "subject": "jar", **boxes[1]},
        {"photo": 1, "subject": "mug", **boxes[0]},
        {"photo": 1, "subject": "mug", **boxes[1]},
        {"photo": 2, "subject": ""},
        {"photo": 2, "subject": "mug"},
    ]
    placed = named(make_corpus(tmp_path, [["mug-0"]] * 3, subjects=subjects))
    assert placed.subjects == {1: "mug", 2: "mug"} and placed.contested == {0: ["mug", "jar"]}
    assert placed.notes() == [
        "1 objects are labelled as several subjects and left out, such as object 0 as 'mug' and 'jar': correct these "
        "labels"
    ]


def test_a_crowded_subject_is_compared_by_a_stable_sample(tmp_path):
    count = MEMBERS + 5
    subjects = [{"photo": n, "subject": "-1"} for n in range(count)] + [{"photo": count, "subject": "mug"}]
    pictures = [picture(n, 16) for n in range(count + 1)]
    vectors = np.eye(8, dtype=np.float16)[np.arange(count + 1) % 8]
    paths = make_corpus(tmp_path, [["x"]] * (count + 1), vectors, pictures, subjects)
    placed = named(paths)
    assert placed.crowded == {"-1": count} and len(placed.compared) == MEMBERS + 1
    assert placed.compared[count] == "mug" and set(placed.compared) != set(range(MEMBERS)) | {count}
    assert placed.compared == named(paths).compared and len(placed.subjects) == count + 1
    assert placed.notes()[0].startswith(f"subject '-1' has {count} objects, of which {MEMBERS} are compared")


def test_a_crowded_subject_takes_little_memory():
    """All pairs of 4,000 objects would be 8 million: 128 MB as two arrays, and gigabytes as tuples."""
    count = 4_000
    sizes = [{"width": 96, "height": 96}] * count
    corpus = SimpleNamespace(
        photo=np.arange(count),
        image_ids=[f"{n:x}" for n in range(count)],
        images=SimpleNamespace(rows=lambda columns: sizes),
        boxes=[Box(0, 0, 96, 96)] * count,
        table={"object_id": pa.array([f"{n:x}" for n in range(count)])},
        vectors=np.tile(np.eye(8, dtype=np.float16), (count // 8, 1)),
    )
    labels = [{"image_id": image, "subject": "-1", "x": None, "duplicate_of": None} for image in corpus.image_ids]
    tracemalloc.start()
    rows = np.array(sorted(name_objects(corpus, labels, PARAMS).compared))
    pairs = _with_all_of_one_product(corpus, rows, np.zeros(len(rows), np.int64), concatenate([]), 0.3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rows) == MEMBERS and 0 < len(pairs.src) <= MEMBERS * (MEMBERS - 1) / 2
    assert peak < 50e6


def test_pairs_are_those_of_one_product_and_the_similar_ones_and_strangers_are_counted():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(80, 8)).astype(np.float32)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    photo, rows = np.arange(80) // 2, np.sort(rng.permutation(80)[:60])
    product = np.arange(60) % 7
    apart = SimpleNamespace(distance=lambda src, dst: np.full(len(src), 256))
    corpus = _Corpus(vectors, photo, apart)
    grid = np.array([0.8, 0.7, 0.6, 0.5])
    left_out = np.setdiff1d(np.arange(80), rows)[::5]
    similar, strangers = _similar(corpus, rows, left_out, grid, PARAMS.model_copy(update={"loosest": 0.4}))
    similar = similar.where(similar.similarity >= 0.5)
    pairs = _with_all_of_one_product(corpus, rows, product, similar, 0.5)
    products = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    wanted = [
        (i, j)
        for i in range(60)
        for j in range(i + 1, 60)
        if photo[rows[i]] != photo[rows[j]] and (product[i] == product[j] or products[rows[i], rows[j]] >= 0.5)
    ]
    assert list(zip(pairs.src.tolist(), pairs.dst.tolist(), strict=True)) == wanted
    np.testing.assert_allclose(pairs.similarity, products[rows[pairs.src], rows[pairs.dst]], atol=1e-6)
    others = np.setdiff1d(np.arange(80), np.concatenate([rows, left_out]))
    seen = products[rows][:, others] * (photo[rows][:, None] != photo[others])
    np.testing.assert_array_equal(strangers, (seen[:, :, None] >= grid).sum(1))


class _Corpus(SimpleNamespace):
    def __init__(self, vectors, photo, hashes):
        super().__init__(vectors=vectors, photo=photo, photo_hashes=hashes, crop_hashes=hashes)

    def __len__(self):
        return len(self.photo)
