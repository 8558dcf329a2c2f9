"""The two last tasks of the Kubeflow pipeline `takedown`: delete earlier outputs, then write the receipt.

The pipeline makes the dataset again with the deny list. As soon as ingest has said which photographs it refuses,
`purge` deletes what earlier runs made from them, whatever the gates decide about the repaired version. `conclude` comes
after the gates: it searches again, and writes the receipt.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.common.data.files import write_atomically
from components.common.data.reading import Dataset
from components.common.data.storage import S3
from components.common.errors import StageFailed, UserError
from components.ingest.denied import REASON, DenyList, read_denied, without_look
from pipelines.takedown.outputs import copies_there, held_there, ids_there, purge_outputs, search_outputs
from pipelines.takedown.receipt import OUT_OF_REACH, Receipt, save
from pipelines.takedown.traces import Traces

SHOWN = 20
OF_CLUSTER = "Records in MLflow, DVC's stores and workspaces: `objectmate takedown apply` reaches these where they are."


@dataclass(frozen=True)
class Purged:
    """What `purge` did. refused: names that ingest refused. copies: of photographs on the deny list, sha256 -> name.

    deleted: address -> number of objects. models: folders of those trained on the photographs. ids: of the photographs
    and of what was made from them. by_bytes: as in `Receipt`.
    """

    photographs: Sequence[str]
    takedowns: Sequence[str]
    refused: Sequence[str]
    copies: dict[str, str]
    deleted: dict[str, int]
    models: Sequence[str]
    ids: Sequence[str]
    by_bytes: Sequence[str]


def purge(ingest: str, outputs: Sequence[str], quarantine: Path, purged: Path) -> None:
    """Deletes every version of what was made from denied photographs at the addresses; repeating it continues.

    ingest: the parameters of ingest as JSON. quarantine: what ingest refused with them. purged: the file written, a
    `Purged` as JSON. Raises `UserError` if there is no deny list.
    """
    denied = _deny_list(ingest).entries
    photographs = sorted(entry.image_id for entry in denied)
    refused = [row["uri"] for row in Dataset(quarantine).rows() if row["reason"] == REASON]
    ids, copies, deleted = set(photographs), dict[str, str](), dict[str, int]()
    models: list[str] = []
    for address in outputs:
        copies |= copies_there(address, refused, denied)
        ids_here = ids_there(address, [*photographs, *copies])
        traces = Traces(ids_here, frozenset())
        held = held_there(address, traces)
        deleted[address] = purge_outputs(address, held.folders, traces)
        models += [f"{address}/{model}" for model in held.models]
        ids |= ids_here
    takedowns = sorted({entry.takedown for entry in denied})
    by_bytes = without_look(denied, photographs)
    record = Purged(photographs, takedowns, refused, copies, deleted, models, sorted(ids), by_bytes)
    write_atomically(purged, json.dumps(asdict(record), indent=1).encode())


def conclude(outputs: Sequence[str], purged: Path, verdicts: Sequence[Path], receipt: Path) -> dict[str, Any]:
    """Searches the addresses again, and writes receipt.json and receipt.md into the folder `receipt`.

    verdicts: the gates' datasets. Returns facts for the artifact's metadata.
    Raises `StageFailed`, and writes no receipt, if something is left.
    """
    done = Purged(**json.loads(purged.read_text(encoding="utf-8")))
    traces = Traces(frozenset(done.ids), frozenset())
    searched = [trace for address in outputs for trace in search_outputs(address, traces)]
    if left := [trace for trace in searched if trace]:
        shown = "; ".join(f"{trace.place}: {trace.what}" for trace in left[:SHOWN])
        raise StageFailed(f"{len(left)} traces are left in {len(searched)} objects, run again ({shown})")
    gates = {row["gate"]: row["verdict"] for folder in verdicts for row in Dataset(folder).rows()}
    written = Receipt(
        takedown=", ".join(done.takedowns),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        photographs=done.photographs,
        rows={},
        deleted={f"objects of {address}": count for address, count in done.deleted.items()},
        versions={},
        gates=gates,
        stopped="",
        models=done.models,
        originals=[],
        copies=done.copies,
        refused=done.refused,
        by_bytes=done.by_bytes,
        out_of_reach=[*OUT_OF_REACH, OF_CLUSTER],
    )
    receipt.mkdir(parents=True, exist_ok=True)
    save(written, receipt)
    return {"photographs": len(done.photographs), "copies": len(done.copies), "searched": len(searched)}


def _deny_list(ingest: str) -> DenyList:
    place = json.loads(ingest)["denied"]
    denied = read_denied(place) if place.startswith(S3) else DenyList()
    if not denied.entries:
        raise UserError(
            f"ingest.denied ({place or 'empty'}) is not a deny list in a bucket, so nothing can be taken down: give "
            "--set ingest.denied=s3://BUCKET/denied.parquet"
        )
    return denied
