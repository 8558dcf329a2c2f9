"""How `objectmate lineage diff` prints what changed: as a tree, or as JSON."""

from dataclasses import asdict
from typing import Any

from rich.tree import Tree

from components.common.data.digests import short
from components.common.harmless import json_text, say
from components.common.terminal import Terminal, shown
from pipelines.engines.workspace import Workspace
from pipelines.lineage.diff.diff import Changed, Diff, Pair, diff
from pipelines.lineage.diff.rows import Row

ROWS, METRICS = 5, 12
"""How many rows of a dataset, and metrics of a step, the tree shows; JSON has more."""


def show_diff(before: Workspace, after: Workspace, as_json: bool) -> None:
    """Prints what changed between two runs. Raises `UserError` if one of them has no finished dataset."""
    difference = diff(before, after)
    if as_json:
        say(json_text(_document(difference)))
    else:
        Terminal().print(_tree(difference, before, after))


def _document(difference: Diff) -> dict[str, Any]:
    causes = [cause._asdict() for cause in difference.causes]
    otherwise = {name: [cause._asdict() for cause in each] for name, each in difference.otherwise.items()}
    return asdict(difference) | {"causes": causes, "otherwise": otherwise}


def _tree(difference: Diff, before: Workspace, after: Workspace) -> Tree:
    tree = Tree(shown(f"{before.root} -> {after.root}"))
    if difference.first:
        tree.add(f"first dataset that differs: [bold]{difference.first}[/bold]")
        cause, *others = difference.causes
        tree.add(shown(f"cause: {cause}"))
        if others:
            branch = tree.add("also different, and possibly a cause")
            _add(branch, [str(each) for each in others], METRICS)
    else:
        tree.add("no dataset differs: every one that both runs have has the same content")
    for name, causes in difference.otherwise.items():
        _add(tree.add(f"{name}: the same content, though made differently"), [str(each) for each in causes], METRICS)
    for name, run in difference.only.items():
        tree.add(shown(f"{name}: only in {run}"))
    for changed in difference.changed:
        _add_dataset(tree, changed)
    for step, moved in difference.metrics.items():
        _add(tree.add(f"metrics of {step}"), _pairs(moved), METRICS)
    return tree


def _add_dataset(tree: Tree, changed: Changed) -> None:
    rows = changed.rows
    counts = f"{rows.added:,} added, {rows.removed:,} removed, {rows.changed:,} changed"
    branch = tree.add(
        f"[bold]{changed.name}[/bold] ({changed.step}): {rows.before:,} rows, then {rows.after:,}; {counts}"
    )
    if rows.columns:
        columns = [f"{column} in {number:,}" for column, number in rows.columns.items()]
        branch.add(shown(f"changed columns: {', '.join(columns)}"))
    total = rows.added + rows.removed + rows.changed
    _add(branch, [_row(row) for row in rows.listed], ROWS, total)
    _add(branch, [f"fact {line}" for line in _pairs(changed.facts)], METRICS)


def _row(row: Row) -> str:
    key = " ".join(_short(value) for value in row.key.values())
    values = "; ".join(f"{name} {_short(old)} became {_short(new)}" for name, (old, new) in row.values.items())
    return f"{row.what} {key}" + (f": {values}" if values else "") + (f": {row.reason}" if row.reason else "")


def _pairs(moved: dict[str, Pair]) -> list[str]:
    return [f"{name}: {_short(before)} became {_short(after)}" for name, (before, after) in moved.items()]


def _short(value: Any) -> str:
    """A value in short form: 12 digits of digests and ids, 6 significant digits of numbers."""
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = "none" if value is None else value.hex() if isinstance(value, bytes) else str(value)
    hexadecimal = len(text) >= 32 and set(text) <= set("0123456789abcdef")
    return short(text) if hexadecimal else text


def _add(branch: Tree, lines: list[str], most: int, total: int | None = None) -> None:
    for line in lines[:most]:
        branch.add(shown(line))
    rest = (len(lines) if total is None else total) - most
    if rest > 0:
        branch.add(f"and {rest:,} more (--json lists them)")
