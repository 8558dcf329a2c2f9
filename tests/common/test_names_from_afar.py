"""More places that turn a name from elsewhere into a path, each with a file that a careless one would touch."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from components.common.data.reading import MANIFEST, UNFINISHED
from components.common.data.shares import SEAL, gather
from components.common.data.storage import Entry, LocalStore
from components.common.errors import UserError
from components.evaluation import checking, export, outside
from components.evaluation.benchmark import Sample
from components.evaluation.params import Params
from components.mining import search
from pipelines.compare import restoring
from pipelines.lineage import bucket
from pipelines.takedown.plan import load_plan
from pipelines.takedown.receipt import read_receipt

OUT = "../outside"
BYTES = b"planted"


def sample(name: str) -> Sample:
    return Sample(name=name, subject="cup", references=(), cutout=Image.new("RGB", (1, 1)))


def gather_a_share(root: Path) -> None:
    """The file that the name means lies beside the share, and its digest is right."""
    share = root / "share" / "images"
    share.mkdir(parents=True)
    (share.parent / "outside").write_bytes(BYTES)
    (share / UNFINISHED).write_text("{}")
    (share / SEAL).write_text(json.dumps({OUT: "0" * 64}))
    gather([root / "share"], {"images": root / "made" / "images"})


def list_a_store(root: Path) -> None:
    (root / "store").mkdir()
    (root / "outside").mkdir()
    LocalStore(root / "store").list(OUT)


def version_in_a_store(root: Path) -> None:
    (root / "store").mkdir()
    (root / "outside").write_bytes(BYTES)
    LocalStore(root / "store").version(Entry(OUT, 7))


def export_a_sample(root: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "load", lambda folder: None)
        patch.setattr(export, "samples_of", lambda benchmark, params: {"insertion": [sample("../../outside")]})
        export.export(Params(), root / "made")


def look_for_an_outside_picture(root: Path) -> None:
    (root / "system").mkdir()
    (root / "outside.png").write_bytes(BYTES)
    outside.has_pictures(root / "system", [sample(OUT)])


def look_for_the_same_photograph_twice(root: Path) -> None:
    (root / "benchmark").mkdir()
    (root / "outside").write_bytes(BYTES)
    entries = [{"image_id": key, "design": "cup"} for key in (1, 2)]
    coco = {"images": [{"id": 1}, {"id": 2}], "annotations": entries}
    list(checking._twice(root / "benchmark", coco, {1: OUT, 2: OUT}))


def open_an_index(root: Path) -> None:
    corpus = SimpleNamespace(vectors=np.eye(2), embeddings=SimpleNamespace(digest=OUT))
    (root / "kept").mkdir()
    (root / "outside.faiss").write_bytes(BYTES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "FLAT", 0)
        patch.setattr(search.faiss, "read_index", lambda path: Path(path).read_bytes())
        search._open_index(corpus, root / "kept")  # type: ignore[arg-type]


def restore_a_dataset(root: Path) -> None:
    """A lock names a folder of a past run; DVC's cache has an empty list of its files."""
    cache = root / "cache"
    restored(root, cache, {"outs": [{"path": OUT, "md5": put(cache, b"[]")}]})


def restore_a_file(root: Path) -> None:
    cache = root / "cache"
    listed = json.dumps([{"relpath": "../../../outside", "md5": put(cache, BYTES)}]).encode()
    restored(root, cache, {"outs": [{"path": "data/images", "md5": put(cache, listed)}]})


def restore_a_record(root: Path) -> None:
    cache, entry = root / "cache", {"cmd": "x", "outs": []}
    path = cache / "records" / f"{restoring.digest_value({'cmd': 'x'})}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({OUT: {}}))
    restored(root, cache, entry)


def put(cache: Path, data: bytes) -> str:
    """Keeps bytes in a DVC cache, by a hash of their length."""
    name = f"{len(data):032x}"
    path = restoring._cached(cache, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return name


def restored(root: Path, cache: Path, entry: dict) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoring, "shared_cache", lambda: cache)
        texts = {restoring.DVC_LOCK: json.dumps({"stages": {"step": entry}}), restoring.FILE: "{}"}
        restoring.restore("a run", texts, root / "made")


def fetch_a_table(root: Path) -> None:
    """A manifest in a bucket names a file that lies there, outside the dataset."""
    (root / "store" / "images").mkdir(parents=True)
    name = f"{OUT}.parquet"
    (root / "store" / "outside.parquet").write_bytes(BYTES)
    parts = [{"files": [{"name": name, "sha256": bucket.digest_file(root / "store" / "outside.parquet")}]}]
    (root / "store" / "images" / MANIFEST).write_text(json.dumps({"parts": parts}))
    store = SimpleNamespace(read=lambda key: (root / "store" / key).read_bytes())
    bucket._fetch(store, "images", root / "made" / "images", whole=False)  # type: ignore[arg-type]


def read_a_plan(root: Path) -> None:
    (root / "outside").mkdir()
    (root / "outside" / "plan.json").write_bytes(BYTES)
    load_plan(str(root / "outside"))


def read_a_receipt(root: Path) -> None:
    """Were the plan's name not looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.takedown.receipt.load_plan", lambda takedown: None)
        read_receipt(str(root / "outside"))


PLACES: list[Callable[[Path], None]] = [
    gather_a_share,
    list_a_store,
    version_in_a_store,
    export_a_sample,
    look_for_an_outside_picture,
    look_for_the_same_photograph_twice,
    open_an_index,
    restore_a_dataset,
    restore_a_file,
    restore_a_record,
    fetch_a_table,
    read_a_plan,
    read_a_receipt,
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_no_file_outside_is_read_or_written(place: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not stay below"):
        place(tmp_path)
    assert not [path for path in (tmp_path / "made").rglob("*outside*")]
    assert not [path for path in tmp_path.glob("outside*") if path.is_file() and path.read_bytes() != BYTES]
