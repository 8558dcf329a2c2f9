"""Answers about lineage on a terminal or as JSON."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.tree import Tree

from components.common.counts import counted
from components.common.data.digests import short
from components.common.data.rejections import meaning
from components.common.harmless import json_text, say
from components.common.terminal import Terminal, shown

if TYPE_CHECKING:
    from components.lineage.find import Found
    from components.lineage.trace import Node

DIGEST, HEX = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{20,}")
LISTS = ("parents", "sources", "views", "refs", "similarities")
"""Columns that name other rows, which are shown below in the tree."""
RIGHTS = ("licence", "source_url", "attribution", "train_ai")
"""Columns that are shown even if empty: "unknown" is an answer, too."""


def print_tree(root: "Node", as_json: bool) -> None:
    """Prints a tree of rows or datasets. In JSON, each node has its columns unchanged."""
    if as_json:
        say(json_text(asdict(root)))
    else:
        Terminal().print(_tree(root))


def print_found(found: "Sequence[Found]", as_json: bool) -> None:
    """Prints the rows that were found, dataset by dataset, one per line."""
    if as_json:
        say(json_text([answer._asdict() for answer in found]))
        return
    console = Terminal()
    if not found:
        console.print("No row has that value.")
    for answer in found:
        limit = f", the first {len(answer.rows)} shown" if len(answer.rows) < answer.total else ""
        console.print(f"[bold]{answer.dataset}[/bold]: {counted(answer.total, 'row')}{limit}")
        for row in answer.rows:
            said = {name: value for name, value in row.items() if is_said(name, value)}
            console.print(f"  {answer.dataset}:{row['position']}  [dim]{_facts(said)}[/dim]{_meaning(row)}")


def _tree(node: "Node") -> Tree:
    tree = Tree(_line(node))
    for child in node.below:
        tree.children.append(_tree(child))
    return tree


def _line(node: "Node") -> str:
    relation = f"{shown(node.relation)}: " if node.relation else ""
    head = f"{relation}[bold]{node.dataset}[/bold] {shown(node.key if ':' in node.key else short(node.key))}"
    if node.again:
        return f"{head} (as above)"
    said = {name: value for name, value in node.says.items() if is_said(name, value) and value != node.key}
    return f"{head}  [dim]{_facts(said)}[/dim]{_meaning(node.says)}"


def _meaning(row: Mapping[str, Any]) -> str:
    """What the reason of a refused or rejected row means; empty for other rows."""
    sentence = meaning(str(row.get("stage", "")), str(row.get("reason", "")))
    return f" [italic]({shown(sentence)})[/italic]" if sentence else ""


def _facts(says: Mapping[str, Any]) -> str:
    return shown(", ".join(f"{name}={shown_value(name, value)}" for name, value in says.items()))


def is_said(name: str, value: Any) -> bool:
    """Whether a column is worth showing."""
    known = value not in (None, "", [], {})
    return (known or name in RIGHTS) and name not in (*LISTS, "position")


def shown_value(name: str, value: Any) -> str:
    """A column's value as text, with ids and digests shortened."""
    if isinstance(value, dict):
        return " ".join(f"{key}:{short(each) if DIGEST.fullmatch(str(each)) else each}" for key, each in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    if value in (None, ""):
        return "unknown" if name in RIGHTS else ""
    return short(value) if HEX.fullmatch(str(value)) else str(value)
