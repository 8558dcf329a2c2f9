"""A report read from disk equals the one that was written."""

from pathlib import Path

from PIL import Image

from components.common.stage.report import Report


def test_a_stored_report_is_read_back_whole(tmp_path: Path) -> None:
    picture = Image.new("RGB", (3, 2), "red")
    report = Report(
        metrics={"loss": 0.1, "images": 3},
        plots={"loss": [{"images": 1, "loss": 0.5}]},
        figures={"samples": picture},
        notes=["Ä note"],
        files={"docs/index.html": "<p>ü</p>", "data.bin": b"\0"},
    )
    report.save(tmp_path)
    loaded = Report.load(tmp_path)
    (tmp_path / "figures" / "samples.png").unlink()
    assert (loaded.metrics, loaded.plots, loaded.notes) == (report.metrics, report.plots, report.notes)
    assert loaded.files == {"docs/index.html": "<p>ü</p>".encode(), "data.bin": b"\0"}
    assert loaded.figures.keys() == {"samples"} and loaded.figures["samples"].tobytes() == picture.tobytes()


def test_an_empty_report_is_read_back_empty(tmp_path: Path) -> None:
    Report().save(tmp_path)
    assert Report.load(tmp_path) == Report()
