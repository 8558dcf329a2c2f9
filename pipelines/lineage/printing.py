"""Answers about lineage on a terminal or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from components.common.data.digests import short

if TYPE_CHECKING:
    from components.lineage.find import Found
    from components.lineage.trace import Node

LISTS = ("parents", "sources", "views", "refs", "similarities")
"""Columns that name other rows, which are shown below in the tree."""
RIGHTS = ("licence", "source_url", "attribution", "train_ai")
"""Columns that are shown even if nothing is known: that is an answer, too."""


def print_tree(root: "Node", as_json: bool) -> None:
    """A tree of rows or datasets. In JSON, each node has its columns as they are."""
    if as_json:
        print(json.dumps(asdict(root), indent=1, default=str, ensure_ascii=False))
    else:
        Console().print(_tree(root))


def print_found(found: "Sequence[Found]", as_json: bool) -> None:
    """The rows that were found, a table for each dataset."""
    if as_json:
        print(json.dumps([answer._asdict() for answer in found], indent=1, default=str, ensure_ascii=False))
        return
    console = Console()
    if not found:
        console.print("No row has that value.")
    for answer in found:
        shown = f", the first {len(answer.rows)} shown" if len(answer.rows) < answer.total else ""
        table = Table(title=f"{answer.dataset}: {answer.total} rows{shown}", title_justify="left")
        names = [name for name in answer.rows[0] if name not in LISTS]
        for name in names:
            table.add_column(name, overflow="fold")
        for row in answer.rows:
            table.add_row(*(escape(_value(name, row[name])) for name in names))
        console.print(table)


def _tree(node: "Node") -> Tree:
    tree = Tree(_line(node))
    for child in node.below:
        tree.children.append(_tree(child))
    return tree


def _line(node: "Node") -> str:
    relation = f"{escape(node.relation)}: " if node.relation else ""
    head = f"{relation}[bold]{node.dataset}[/bold] {escape(node.key if ':' in node.key else short(node.key))}"
    if node.again:
        return f"{head} (as above)"
    facts = [f"{name}={_value(name, value)}" for name, value in node.says.items() if _worth_saying(name, value, node)]
    return f"{head}  [dim]{escape(', '.join(facts))}[/dim]"


def _worth_saying(name: str, value: Any, node: "Node") -> bool:
    known = value not in (None, "", [], {})
    return (known or name in RIGHTS) and name not in LISTS and value != node.key


def _value(name: str, value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if value in (None, ""):
        return "unknown" if name in RIGHTS else ""
    return short(value) if name.endswith(("_id", "_digest")) else str(value)
