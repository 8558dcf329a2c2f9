"""The Croissant export, read by mlcroissant: valid without a warning, and its rows and pictures are those on disk."""

import json
import logging
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
from exports_data import RIGHTS
from mlcroissant._src.operation_graph.operations import extract

from components.common.data.digests import digest_file
from components.common.data.reading import Dataset
from components.common.data.schemas import SCHEMAS
from pipelines.engines.workspace import Workspace
from pipelines.lineage.exports.export import export
from pipelines.lineage.exports.words import ROWS, about_column


@pytest.fixture(scope="module")
def path(exported_run: Workspace) -> Path:
    return export(exported_run, ["croissant"], exported_run.dataset(""))[0]


@pytest.fixture(scope="module")
def document(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def by_id(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["@id"]: entry for entry in entries}


def test_mlcroissant_finds_no_error_and_no_warning(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("absl")  # where it complains of a context that is not the standard one
    logger.addHandler(caplog.handler)
    metadata = mlcroissant.Dataset(path).metadata
    logger.removeHandler(caplog.handler)
    assert metadata.ctx.issues.errors == metadata.ctx.issues.warnings == set()
    assert not caplog.records
    assert metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"


def test_every_file_is_named_with_its_digest(path: Path, document: dict[str, Any], exported_run: Workspace) -> None:
    files = [entry for entry in document["distribution"] if entry["@type"] == "cr:FileObject"]
    assert by_id(files)["model_insertion/pipeline/unet/config.json"]["sha256"] == "f" * 64
    on_disk = {path.parent / entry["contentUrl"]: entry["sha256"] for entry in files if "pipeline" not in entry["@id"]}
    assert on_disk == {
        part: digest_file(part) for part in exported_run.dataset("").glob("*/part-*") if part.suffix != ".json"
    }


def test_rows_read_by_mlcroissant_are_those_of_the_dataset(path: Path, exported_run: Workspace) -> None:
    read = list(mlcroissant.Dataset(path).records("tuples"))
    rows = Dataset(exported_run.dataset("tuples")).rows()
    assert [row["tuples/tuple_id"].decode() for row in read] == [row["tuple_id"] for row in rows]
    assert [row["tuples/refs"] for row in read] == [row["refs"] for row in rows]
    licences = [row["images/licence"] for row in mlcroissant.Dataset(path).records("images")]
    assert sorted(str(each) for each in licences) == sorted(
        str(each["licence"] and each["licence"].encode()) for each in RIGHTS
    )


def test_pictures_are_read_from_the_tar_files(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from etils import epath

    monkeypatch.setattr(extract, "EXTRACT_PATH", epath.Path(tmp_path))  # else tests would share a cache
    pictures = [row["tuples.ref1/content"] for row in mlcroissant.Dataset(path).records("tuples.ref1")]
    assert [picture.size for picture in pictures] == [(16, 16)] * 3


def test_licences_are_counted_and_none_is_made_up(document: dict[str, Any]) -> None:
    licences = {entry["name"]: entry for entry in document["license"]}
    assert licences["CC0-1.0"]["description"] == (
        "2 of 5 photographs have this licence "
        "(ingest.licence states CC0-1.0 for photographs whose labels name no licence)."
    )
    assert licences["CC0-1.0"]["url"] == "https://spdx.org/licenses/CC0-1.0.html"
    assert "url" not in licences["House rules"]
    assert licences["unknown"]["description"] == "1 of 5 photographs have no known licence."
    assert len(licences) == 4
    assert "usageInfo" not in document


def test_what_is_declared_is_added(exported_run: Workspace, tmp_path: Path) -> None:
    said = tmp_path / "said.yaml"
    said.write_text(
        "licence: CC-BY-4.0\nversion: 1.2.0\npublished: 2026-02-03\npermitted_actions: odrl:reproduce\n"
        "creator: A Museum\n"
    )
    path = export(exported_run, ["croissant"], tmp_path, declared=said)[0]
    document = json.loads(path.read_text())
    issues = mlcroissant.Dataset(path).metadata.ctx.issues
    assert document["creator"]["name"] == "A Museum" and not issues.errors | issues.warnings
    assert document["license"][0]["name"] == "CC-BY-4.0" and "Declared" in document["license"][0]["description"]
    assert (document["version"], document["datePublished"]) == ("1.2.0", "2026-02-03")
    assert document["usageInfo"]["odrl:permission"][0]["odrl:action"] == {"@id": "odrl:reproduce"}
    assert by_id(document["distribution"])["images/part-00000.parquet"]["contentUrl"].startswith("../")


def test_provenance_names_the_true_parents(document: dict[str, Any], exported_run: Workspace) -> None:
    def urn(name: str) -> str:
        return f"urn:objectmate:dataset:{name}.{Dataset(exported_run.dataset(name)).digest}"

    activities = {entry["@id"]: entry["prov:label"] for entry in document["prov:wasGeneratedBy"]}
    record_sets = by_id(document["recordSet"])
    backgrounds = record_sets["backgrounds"]
    assert backgrounds["sameAs"] == urn("backgrounds")
    assert activities[backgrounds["prov:wasGeneratedBy"]["@id"]] == "removal"
    parents = {entry["@id"] for entry in backgrounds["prov:wasDerivedFrom"]}
    assert parents == {urn(name) for name in ("images", "objects", "sets")}
    assert record_sets["images"]["prov:wasDerivedFrom"] == [{"@id": document["prov:wasDerivedFrom"][0]["@id"]}]


def test_columns_have_types_units_and_words(document: dict[str, Any]) -> None:
    record_sets = by_id(document["recordSet"])
    fields = by_id([field for entry in record_sets.values() for field in entry["field"]])
    assert fields["objects/x"]["dataType"] == "cr:Float32" and "px, upright image" in fields["objects/x"]["description"]
    assert fields["tuples/refs"]["dataType"] == "cr:Int64" and fields["tuples/refs"]["isArray"]
    assert {"images", "objects", "tuples", "captions", "quarantine", "gate_intake"} <= record_sets.keys()


def test_every_kind_and_column_is_explained() -> None:
    assert SCHEMAS.keys() <= ROWS.keys()
    assert not [
        (kind, column) for kind, schema in SCHEMAS.items() for column in schema.names if about_column(column) == column
    ]
