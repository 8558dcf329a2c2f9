"""The benchmark's tables refer to each other as a run's do, and its answers are DuckDB's."""

from components.lineage.bench.measure import bench
from components.lineage.bench.synthetic import hashed, write_tables
from components.lineage.rows import Run
from pipelines.cli.bench_lineage import draw


def test_every_question_has_duckdbs_answer(tmp_path, monkeypatch):
    monkeypatch.setattr("components.lineage.bench.measure.PHOTOGRAPHS", 20)
    monkeypatch.setattr("components.lineage.bench.synthetic.PART", 64)
    rows = bench([50, 200])
    assert len(rows) == 6 and all(row.same for row in rows)
    assert all(row.rows for row in rows if row.question == "tuple -> photographs")
    draw(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_the_tables_references_hold(tmp_path):
    write_tables(tmp_path, 30)
    run = Run(tmp_path)
    objects = run["objects"].dataset.rows()
    for row in run["tuples"].dataset.rows():
        members = [objects[at] for at in (row["anchor"], *row["refs"])]
        assert [member["object_id"] for member in members] == row["parents"]
        assert [member["image_id"] for member in members] == row["sources"]
    images = {row["image_id"] for row in run["images"].dataset.rows(["image_id"])}
    assert {row["image_id"] for row in objects} == images and len(images) == 120


def test_equal_numbers_have_equal_ids_and_others_do_not():
    import numpy as np

    numbers = np.array([1, 2, 1, 5], np.uint64)
    names = hashed(numbers, 32, 1).to_pylist()
    assert names[0] == names[2] and len(set(names)) == 3 and all(len(name) == 32 for name in names)
    assert set(names).isdisjoint(hashed(numbers, 32, 2).to_pylist())
