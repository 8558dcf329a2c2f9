"""Writes the explorer: index.html with an index of the rows, and the rows with thumbnails, a few hundred per file.

The files are scripts and not JSON: a page opened from disk may load a script next to it, but may not fetch anything.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.common.data.reading import Dataset
from components.common.vision.images import Rejected, decode, webp_address
from components.lineage.references import IDS, PICTURES
from components.lineage.rows import Run, is_place
from pipelines.lineage.exports.explorer.graph import MOST, Graph, graph
from pipelines.lineage.exports.history import History
from pipelines.report.templates import environment

START = "index.html"
PER_FILE = 200
"""Rows per file: about half a megabyte if they have pictures."""
SIDE = 160  # px


def explorer(history: History, data: Path, most: int = MOST) -> Iterator[tuple[str, bytes]]:
    """(file, content), the page first. data: the folder of the run's datasets; most: photographs that are shown."""
    run = Run(data)
    run.datasets = {name: rows for name, rows in run.datasets.items() if name in history.datasets}
    shown = graph(run, most)
    yield START, _page(history, run, shown).encode()
    for name, positions in shown.kept.items():
        for number in range(0, -(-len(positions) // PER_FILE)):
            rows = [_row(run, shown, name, at) for at in range(len(positions))[number * PER_FILE :][:PER_FILE]]
            words = f"receive({json.dumps(name)}, {number}, {json.dumps(rows, default=str)});\n"
            yield f"{name}-{number:04}.js", words.encode()


def _page(history: History, run: Run, shown: Graph) -> str:
    photographs, whole = len(shown.kept["images"]), len(run["images"])
    part = f"{photographs:,} of {whole:,} photographs, evenly spread, and what was made from them"
    facts = {
        "perFile": PER_FILE,
        "part": part if photographs < whole else "",
        "datasets": {name: _dataset(history, shown, name) for name in history.datasets},
        "pictured": list(PICTURES),
        "ids": {name: _ids(shown, name, column) for name, column in IDS.items() if name in shown.kept},
        "names": [row["uri"] for row in shown.rows.get("images", [])],
        "refused": _refused(history),
    }
    templates = environment(Path(__file__).parent)
    return templates.get_template("index.html").render(name=history.name, ended=history.ended, facts=facts)


def _dataset(history: History, shown: Graph, name: str) -> dict[str, Any]:
    """The facts of a whole dataset. kept: positions of the rows on the page; empty if all or none are."""
    manifest, maker, kept = history.datasets[name].manifest, history.makers[name], shown.kept.get(name)
    readers = [stage for stage in history.stages if name in stage.step.inputs.values() and stage.step.stage.gate]
    return {
        "rows": manifest.rows,
        "here": len(kept) if kept is not None else 0,
        "kept": kept if kept is not None and len(kept) < manifest.rows else [],
        "digest": manifest.digest,
        "kind": manifest.kind,
        "stage": f"{maker.step.stage.title} ({manifest.stage}), {maker.started:%Y-%m-%d %H:%M} UTC",
        "parents": history.parents(name),
        "children": [other for other in history.datasets if name in history.parents(other)],
        "gates": [
            {key: row[key] for key in ("gate", "verdict", "reason")} for stage in readers for row in stage.verdicts
        ],
    }


def _ids(shown: Graph, name: str, column: str) -> list[str]:
    return [row[column] for row in shown.rows[name]]


def _refused(history: History) -> list[list[str]]:
    """What ingest refused, so that a search for it finds an answer: name, reason, detail."""
    if "quarantine" not in history.datasets:
        return []
    return [[row["uri"], row["reason"], row["detail"]] for row in history.datasets["quarantine"].rows()]


def _row(run: Run, shown: Graph, name: str, at: int) -> dict[str, Any]:
    """A row as the page reads it: position, columns, links both ways, and a thumbnail as a data URL."""
    position, row = shown.kept[name][at], shown.rows[name][at]
    says = {key: value for key, value in row.items() if not is_place(key)}
    links = {"up": shown.up.get((name, position), []), "down": shown.down.get((name, position), [])}
    return {"at": position, "says": says, **links, "picture": _thumbnail(run[name].dataset, name, row)}


def _thumbnail(dataset: Dataset, name: str, row: Mapping[str, Any]) -> str:
    if name not in PICTURES:
        return ""
    try:
        return webp_address(decode(dataset.blob(row, PICTURES[name][0])), SIDE, quality=80)
    except Rejected:
        return ""
