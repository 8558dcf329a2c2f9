"""What a stage reports to people: metrics, plots and figures, stored next to (not inside) the datasets it makes."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.common.data.files import inside

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.PngImagePlugin import PngInfo


RECORD, METRICS, NOTES = "run.json", "metrics.json", "notes.json"
"""Files of a stage's report: when, where and by which code it ran; its numbers; its sentences."""


@dataclass(frozen=True)
class Report:
    """Returned by every stage's `run`.

    metrics: name -> number; shown by `dvc metrics show`, MLflow and the report page.
    plots: name -> rows (flat dicts; the first key is x, others are series); shown by `dvc plots show` and drawn.
    figures: name -> picture for people to look at, such as a contact sheet.
    notes: sentences worth reading, such as why there are fewer rows than expected.
    files: relative path -> content of any other document, such as the Data Docs of a gate.
    stop: why the pipeline must not continue, with the numbers and the next step; empty if it may. `execute` raises it
        as a `GateStop` once the report is stored.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    plots: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    figures: dict[str, "Image"] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    files: dict[str, bytes | str] = field(default_factory=dict)
    stop: str = ""

    def save(self, folder: Path) -> None:
        """Writes metrics.json, notes.json, plots/NAME.json, figures/NAME.png and files/NAME below `folder`.

        Raises `UserError` if a name leads out of the folder.
        """
        for part in ("plots", "figures"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        _write_json(folder / METRICS, self.metrics)
        _write_json(folder / NOTES, self.notes)
        for name, rows in self.plots.items():
            _write_json(inside(folder / "plots", f"{name}.json"), rows)
        for name, image in self.figures.items():
            image.save(inside(folder / "figures", f"{name}.png"), pnginfo=_listed(image))
        for name, content in self.files.items():
            path = inside(folder / "files", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    @classmethod
    def load(cls, folder: Path) -> "Report":
        """The report that `save` wrote, without `stop`, which is not stored."""
        from PIL import Image

        files = folder / "files"
        return cls(
            metrics=json.loads((folder / METRICS).read_text(encoding="utf-8")),
            notes=json.loads((folder / NOTES).read_text(encoding="utf-8")),
            plots={p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("plots/*.json"))},
            figures={p.stem: Image.open(p).copy() for p in sorted(folder.glob("figures/*.png"))},
            files={p.relative_to(files).as_posix(): p.read_bytes() for p in sorted(files.rglob("*")) if p.is_file()},
        )


def _listed(image: "Image") -> "PngInfo":
    """The cells of a contact sheet, which stay with its picture."""
    from PIL.PngImagePlugin import PngInfo

    from components.common.vision.sheets import CELLS

    words = PngInfo()
    if CELLS in image.info:
        words.add_text(CELLS, image.info[CELLS], zip=True)
    return words


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")
