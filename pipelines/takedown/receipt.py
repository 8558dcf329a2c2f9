"""The receipt of a takedown, for the person who asked for it: what was done, and what is out of reach."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from components.common.counts import counted
from components.common.data.digests import short
from components.common.data.files import inside, read_json, write_atomically
from components.common.data.names import some
from components.common.errors import UserError
from components.common.harmless import harmless
from components.ingest.denied import REASON, read_denied, without_look
from components.lineage.rows import Run
from pipelines.engines.state import verdicts
from pipelines.engines.workspace import Workspace
from pipelines.steps import PIPELINES
from pipelines.takedown.plan import FOLDER, Plan, load_plan
from pipelines.takedown.records import Withdrawn
from pipelines.takedown.repair import deny_list

REPAIRED = frozenset(name for step in PIPELINES["dataset"] for name in step.outputs.values())
OUT_OF_REACH = (
    "The weights of models that were trained on the photographs before: train them again from the repaired dataset.",
    "Copies that people made by hand, backups, and clones of this project.",
    "The original files: they are not this project's to delete. Ingest refuses them from now on.",
)
RECEIPT, RECEIPT_TEXT = "receipt.json", "receipt.md"
BEHIND_MLFLOW = (
    "Older versions in the bucket behind the MLflow server, if it keeps any: the server only gives access to the "
    "newest, so the bucket's owner has to delete them."
)


@dataclass(frozen=True)
class Receipt:
    """rows, tuples: as in the plan. deleted: place -> number of files or objects. withdrawn: number of MLflow runs
    whose pictures and pages were deleted. versions: dataset -> sha256 after the repair.

    copies: photographs removed because they look like the named ones, sha256 -> name. refused: names that ingest now
    refuses, copies included.

    by_bytes: of the photographs, those that the deny list knows by their bytes only, so that copies may come in.

    stopped: the gate that the repaired version does not pass; empty if it passes all.
    """

    takedown: str
    at: str
    photographs: Sequence[str]
    rows: Mapping[str, int]
    deleted: Mapping[str, int]
    versions: Mapping[str, str]
    gates: Mapping[str, str]
    stopped: str
    models: Sequence[str]
    originals: Sequence[str]
    tuples: Sequence[str] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[str] = ()
    by_bytes: Sequence[str] = ()
    withdrawn: int = 0
    out_of_reach: Sequence[str] = OUT_OF_REACH


def write_receipt(
    plan: Plan, workspace: Workspace, deleted: Mapping[str, int], withdrawn: Withdrawn, stopped: str
) -> Receipt:
    """Writes receipt.json and receipt.md into the takedown's folder.

    The counts of an earlier receipt of this takedown are added to `deleted`, since a repeated takedown finds little.
    """
    run = Run(workspace.data)
    before = read_receipt(plan.takedown).deleted if (plan.folder / RECEIPT).is_file() else {}
    receipt = Receipt(
        takedown=plan.takedown,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        photographs=plan.image_ids,
        copies=plan.copies,
        rows=plan.rows,
        tuples=plan.tuples,
        deleted={place: deleted.get(place, 0) + before.get(place, 0) for place in {**before, **deleted}},
        versions={name: rows.dataset.digest for name, rows in run.datasets.items() if name in REPAIRED},
        gates={row["gate"]: row["verdict"] for row in verdicts(workspace)},
        stopped=stopped,
        models=[*plan.models, *withdrawn.trained],
        originals=plan.originals,
        refused=_refused(run, plan),
        by_bytes=without_look(read_denied(deny_list(workspace)).entries, plan.image_ids),
        withdrawn=withdrawn.runs,
        out_of_reach=[*OUT_OF_REACH, *([BEHIND_MLFLOW] if withdrawn.behind else [])],
    )
    save(receipt, plan.folder)
    return receipt


def save(receipt: Receipt, folder: Path) -> None:
    """Writes a receipt for programs and for people: receipt.json and receipt.md."""
    write_atomically(folder / RECEIPT, json.dumps(asdict(receipt), indent=1).encode())
    write_atomically(folder / RECEIPT_TEXT, text_of(receipt).encode())


def _refused(run: Run, plan: Plan) -> list[str]:
    rows = run["quarantine"].dataset.rows() if "quarantine" in run.datasets else []
    return [row["uri"] for row in rows if row["reason"] == REASON and plan.takedown in row["detail"]]


def read_receipt(takedown: str) -> Receipt:
    """The receipt of a takedown. Raises `UserError` if it was not applied to the end."""
    load_plan(takedown)  # says so if there is no such takedown
    path = inside(FOLDER, takedown) / RECEIPT
    if not path.is_file():
        raise UserError(
            f"takedown {takedown} has no receipt: `objectmate takedown apply --resume {takedown}` finishes it"
        )
    return Receipt(**read_json(path))


def text_of(receipt: Receipt) -> str:
    """The receipt for people, as Markdown."""
    withdrawn = receipt.withdrawn > 0
    return "\n".join(
        [
            f"# Receipt of takedown {receipt.takedown}",
            "",
            f"{receipt.at}. {counted(len(receipt.photographs), 'photograph')}, by sha256:",
            "",
            *(f"- {image_id}" for image_id in receipt.photographs),
            *(
                f"- {image_id}, which looks like a copy of one of them: {harmless(name)}"
                for image_id, name in receipt.copies.items()
            ),
            "",
            "## What was done",
            "",
            *(
                f"- {name}: {counted(count, 'row')} left out, made again or deleted"
                for name, count in receipt.rows.items()
            ),
            *(
                [f"- Tuples that no longer exist: {some(list(map(short, receipt.tuples)))}; receipt.json has all"]
                * bool(receipt.tuples)
            ),
            *(f"- {place}: {count} deleted" for place, count in receipt.deleted.items()),
            *(
                [f"- MLflow: pictures and pages of {counted(receipt.withdrawn, 'run')} deleted; the runs stay, tagged"]
                * withdrawn
            ),
            *_kept_out(receipt),
            *(f"- Refused: {harmless(name)}" for name in receipt.refused),
            f"- Gates of the repaired version: {', '.join(f'{k} {v}' for k, v in receipt.gates.items())}.",
            *([f"- The repaired version is not complete: {receipt.stopped}."] if receipt.stopped else []),
            "",
            "## What is out of reach",
            "",
            *(f"- {sentence}" for sentence in receipt.out_of_reach),
            *(f"- Trained on them: {name}" for name in receipt.models),
            *(f"- Original file: {harmless(name)}" for name in receipt.originals),
            "",
            "## The repaired version",
            "",
            *(f"- {name} {short(digest)}" for name, digest in receipt.versions.items()),
            "",
        ]
    )


def _kept_out(receipt: Receipt) -> list[str]:
    by_look = len(receipt.photographs) - len(receipt.by_bytes)
    some_ids = some(list(map(short, receipt.by_bytes)))
    return [
        *([f"- Refused by bytes and look: {counted(by_look, 'photograph')}, and copies."] * bool(by_look)),
        *([f"- Refused by bytes only, copies may come in: {some_ids}."] * bool(receipt.by_bytes)),
    ]


def files_of(takedown: str) -> list[Path]:
    """The files of a takedown that can be given to the person who asked."""
    return [FOLDER / takedown / name for name in (RECEIPT_TEXT, RECEIPT)]
