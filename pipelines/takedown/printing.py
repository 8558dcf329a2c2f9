"""Prints a takedown's plan, receipt and search results."""

from collections.abc import Sequence

from rich.table import Table

from components.common.counts import counted
from components.common.data.digests import short
from components.common.data.names import some
from components.common.terminal import Terminal, shown
from pipelines.takedown.plan import Plan
from pipelines.takedown.receipt import OUT_OF_REACH, Receipt, files_of, text_of
from pipelines.takedown.traces import Trace
from pipelines.takedown.verify import A_PICTURE

SHOWN = 20
OUTCOMES = {name: "made again from what remains" for name in ("sets", "tuples")}
OUTCOMES["latents"] = "deleted: the next training makes them again"
"""Dataset -> what becomes of its rows about a photograph, where they are not left out."""


def print_plan(plan: Plan) -> None:
    """Prints what would be done."""
    console = Terminal()
    run = "the run of this folder" if plan.workspace == "." else f"the run in {shown(plan.workspace)}"
    console.print(f"Takedown {plan.takedown} of {counted(len(plan.image_ids), 'photograph')} in {run}.")
    if plan.copies:
        console.print(f"Photographs that look like copies of them are removed and kept out, too: {len(plan.copies)}.")
    for image_id, name in plan.copies.items():
        console.print(f"- {short(image_id)} {shown(name)}", soft_wrap=True)
    table = Table("dataset", "rows", "only of copies", "what happens")
    for name, count in plan.rows.items():
        table.add_row(name, str(count), str(plan.of_copies[name]), OUTCOMES.get(name, "left out"))
    for name in plan.models:
        table.add_row(shown(name), "", "", "irreducible: weights trained on them stay, and are tagged")
    console.print(table)
    if plan.tuples:
        console.print(f"Tuples that will no longer exist: {some(list(map(short, plan.tuples)))}.", soft_wrap=True)
    if plan.absent:
        console.print(f"Not in this run, so kept out only by their exact bytes: {len(plan.absent)}.")
    for root in plan.elsewhere:
        console.print(
            f"{shown(root)} holds some, too: its datasets made from them are deleted; run it again afterwards."
        )
    for address, folders in plan.outputs.items():
        held = f"{counted(len(folders), 'folder')} of datasets and reports"
        deleted = f"holds some, too: {held} will be deleted, in every version."
        console.print(f"{shown(address)} {deleted if folders else 'holds none.'}")
    console.print("Older versions are deleted from DVC's cache and remotes, and pictures from MLflow.")
    console.print("Out of reach:")
    for sentence in OUT_OF_REACH:
        console.print(f"- {sentence}")
    for name in plan.originals:
        console.print(f"- Original file: {shown(name)}")


def print_receipt(receipt: Receipt) -> None:
    """Prints the receipt, and where its files are."""
    console = Terminal()
    console.print(text_of(receipt), markup=False, highlight=False)
    console.print(f"Receipt: {', '.join(map(str, files_of(receipt.takedown)))}", soft_wrap=True)
    console.print(f"Search for what is left: objectmate takedown verify {receipt.takedown}", soft_wrap=True)


def print_traces(found: Sequence[Trace], searched: int) -> bool:
    """Prints what is still there; returns True if nothing is."""
    console = Terminal()
    for trace in found[:SHOWN]:
        console.print(f"{shown(trace.place)}: {shown(trace.what)}", soft_wrap=True)
    if not found:
        console.print(f"Nothing is left in {searched:,} files and objects.")
        return True
    console.print(f"Found in {searched:,} files and objects: {counted(len(found), 'trace')}.")
    if any(trace.what != A_PICTURE for trace in found):
        console.print("Apply the takedown again, with --resume and its name.")
    if any(trace.what == A_PICTURE for trace in found):
        console.print("Delete the pictures that were recognised by appearance by hand: no stage made them.")
    return False
