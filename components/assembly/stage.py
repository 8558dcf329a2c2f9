"""Assembly: one tuple per set whose anchor has a clean plate, a caption and at least three views."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from components.assembly.cuts import Cutter, Skipped
from components.assembly.params import Params
from components.assembly.plans import Plan, Planner
from components.assembly.summary import summary
from components.common.data.reading import Dataset
from components.common.data.rejections import SET, rejection
from components.common.data.writing import Writer
from components.common.stage.progress import track
from components.common.stage.report import Report

Tuple = tuple[dict[str, Any], dict[str, bytes]]


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """images, objects, sets, backgrounds, captions -> tuples, in the order of the sets, and rejects: every set that
    yields none.

    The facts of tuples keep the threshold at which objects were bound to one split, since the leakage gate uses it.
    """
    planner = Planner(inputs, params)
    cutter = Cutter(inputs, planner.images, params)
    with (
        ThreadPoolExecutor(params.workers) as pool,
        Writer(outputs["tuples"], "tuples", "assembly", inputs, params) as out,
        Writer(outputs["rejects"], "rejects", "assembly", inputs, params) as rejects,
    ):
        for index in track(range(planner.parts), "assembly, parts"):
            if out.done(index) and rejects.done(index):
                continue
            plans, rejected = planner.part(index)
            results = list(pool.map(lambda plan: _cut(cutter, plan), plans))
            tuples = [each for each in results if isinstance(each, tuple)]
            out.write(index, [row for row, _ in tuples], [blobs for _, blobs in tuples])
            rejects.write(index, rejected + [each for each in results if isinstance(each, dict)])
        out.facts = {"cell": params.cell} | _bound(Dataset(inputs["sets"]))
    return summary(Dataset(outputs["tuples"]), Dataset(outputs["rejects"]), planner)


def _cut(cutter: Cutter, plan: Plan) -> Tuple | dict[str, Any]:
    """The tuple, or a row of `rejects` that says why there is none."""
    try:
        return cutter.cut(plan)
    except Skipped as reason:
        return rejection("assembly", SET, plan.anchor["object_id"], plan.anchor["image_id"], str(reason))


def _bound(sets: Dataset) -> dict[str, float]:
    return {key: sets.facts[key] for key in ("split_threshold",) if key in sets.facts}
