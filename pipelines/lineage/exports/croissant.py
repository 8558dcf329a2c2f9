"""Croissant 1.1 (JSON-LD): the files of a run with their sha256, and the tables and pictures in them.

Written directly and checked by mlcroissant, since mlcroissant itself writes 1.0 and leaves out the types of PROV.
"""

import json
import os
from pathlib import Path
from typing import Any

import mlcroissant

from components.common.data.digests import short
from components.common.data.reading import Dataset
from components.common.errors import StageFailed, in_one_line
from pipelines.lineage.exports.counting import columns, files, refused, rights, tally
from pipelines.lineage.exports.declared import Declared
from pipelines.lineage.exports.history import History, StageRun
from pipelines.lineage.exports.licences import licence_nodes
from pipelines.lineage.exports.usage import usage_info
from pipelines.lineage.exports.words import ROWS, about_column

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",  # the specification's examples say http, which the validator refuses
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    **{
        term: f"cr:{term}"
        for term in (
            "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject",
            "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
            "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate",
            "separator", "source", "subField", "transform",
        )
    },
}  # fmt: skip
TYPES = {
    "bool": "sc:Boolean",
    "int32": "cr:Int32",
    "int64": "cr:Int64",
    "float": "cr:Float32",
    "double": "cr:Float64",
    "string": "sc:Text",
}
"""Arrow's name of a type -> Croissant's. Croissant has none for raw bytes, which mlcroissant passes on as text."""
ENCODINGS = {
    ".parquet": "application/x-parquet",
    ".tar": "application/x-tar",
    ".json": "application/json",
    ".txt": "text/plain",
    ".md": "text/markdown",
}
BYTES = "application/octet-stream"


def croissant(history: History, declared: Declared, folder: Path) -> bytes:
    """The Croissant description, whose addresses are relative to `folder`.

    Raises `StageFailed` if mlcroissant finds an error in it or has a warning.
    """
    document = _document(history, declared, folder)
    _validate(document)
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _validate(document: dict[str, Any]) -> None:
    try:
        issues = mlcroissant.Dataset(json.loads(json.dumps(document))).metadata.ctx.issues
    except mlcroissant.ValidationError as error:
        raise StageFailed(f"mlcroissant rejects the generated description: {in_one_line(error)}") from None
    if issues.warnings:
        raise StageFailed(f"mlcroissant warns about the generated description: {'; '.join(sorted(issues.warnings))}")


def _document(history: History, declared: Declared, folder: Path) -> dict[str, Any]:
    measured = rights(history)
    day = history.ended.date().isoformat()
    title = declared.of("title") or f"ObjectMate run {history.name}"
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": title,
        "description": _description(history, bool(declared.of("published"))),
        "conformsTo": CONFORMS_TO,
        "version": declared.of("version") or f"0.0.0+{short(history.digest)}",
        **_creator(declared),
        "datePublished": declared.of("published") or day,
        "citeAs": f"@misc{{objectmate-{short(history.digest)}, title={{{title}}}, year={{{day[:4]}}}, "
        f"note={{Datasets with the joint digest {history.digest}}}}}",
        "license": licence_nodes(measured, declared.of("licence")),
        **usage_info(declared),
        "prov:wasDerivedFrom": [_collection(history)],
        "prov:wasGeneratedBy": [_activity(stage) for stage in history.stages],
        "distribution": [entry for name in history.datasets for entry in _distribution(history, name, folder)],
        "recordSet": [entry for name in history.datasets for entry in _record_sets(history, name)],
    }


def _creator(declared: Declared) -> dict[str, Any]:
    """Who made the dataset, if somebody declared it."""
    name = declared.of("creator")
    return {"creator": {"@type": "sc:Organization", "name": name}} if name else {}


def _description(history: History, published: bool) -> str:
    rows = ", ".join(f"{len(dataset):,} {name}" for name, dataset in history.datasets.items())
    kept_out = sum(refused(history).values())
    date = (
        ""
        if published
        else " No publication date was declared: datePublished is the day on which the last stage ended."
    )
    return (
        "Recurring objects mined from photographs, and the training samples made from them. Rows: "
        f"{rows}. Refused or rejected rows, with reasons: {kept_out:,}.{date}"
    )


def _collection(history: History) -> dict[str, Any]:
    manifest = history.datasets["images"].manifest
    digest = manifest.models.get("photographs", manifest.digest)
    return {
        "@type": "prov:Entity",
        "@id": f"urn:objectmate:collection:{digest}",
        "name": f"Collection of photographs {manifest.params.get('collection', '')}".strip(),
    }


def _activity(stage: StageRun) -> dict[str, Any]:
    return {
        "@type": "prov:Activity",
        "@id": f"urn:uuid:{stage.id}",
        "name": stage.step.stage.title,
        "prov:label": stage.name,
        "prov:startedAtTime": stage.started.isoformat(),
        "prov:endedAtTime": stage.ended.isoformat(),
        "prov:wasAssociatedWith": {
            "@type": "prov:SoftwareAgent",
            "prov:label": f"objectmate at commit {stage.record['commit'] or 'unknown'}",
        },
    }


def _provenance(history: History, name: str) -> dict[str, Any]:
    parents = [{"@id": _urn(history, parent)} for parent in history.parents(name)]
    return {
        "sameAs": _urn(history, name),
        "prov:wasGeneratedBy": {"@id": f"urn:uuid:{history.makers[name].id}"},
        "prov:wasDerivedFrom": parents or [{"@id": _collection(history)["@id"]}],
    }


def _urn(history: History, name: str) -> str:
    return f"urn:objectmate:dataset:{history.key(name)}"


def _distribution(history: History, name: str, folder: Path) -> list[dict[str, Any]]:
    """Every file of a dataset, its tables as one file set, and its pictures as one file set per blob."""
    dataset = history.datasets[name]
    here = Path(os.path.relpath(dataset.folder, folder)).as_posix()
    stored = files(dataset)
    entries = [
        {
            "@type": "cr:FileObject",
            "@id": f"{name}/{file.name}",
            "name": file.name,
            "contentUrl": f"{here}/{file.name}",
            "contentSize": f"{file.bytes} B",
            "encodingFormat": ENCODINGS.get(Path(file.name).suffix, BYTES),
            "sha256": file.sha256,
        }
        for file in stored
    ]
    if any(file.name.endswith(".parquet") for file in stored):
        entries.append(_file_set(f"{name}.files", ENCODINGS[".parquet"], f"{here}/part-*.parquet"))
    tars = [{"@id": f"{name}/{file.name}"} for file in stored if file.name.endswith(".tar")]
    for blob in _blobs(dataset):
        formats = _picture_formats(dataset)
        entries.append(_file_set(f"{name}.{blob}.files", formats, f"*.{blob}*") | {"containedIn": tars})
    return entries


def _file_set(name: str, encoding: str | list[str], pattern: str) -> dict[str, Any]:
    return {"@type": "cr:FileSet", "@id": name, "name": name, "encodingFormat": encoding, "includes": pattern}


def _blobs(dataset: Dataset) -> list[str]:
    """The names of the pictures that each row has; none if there are no rows."""
    names = sorted(name.removesuffix("_offset") for name in columns(dataset) if name.endswith("_offset"))
    return names if len(dataset) else []


def _picture_formats(dataset: Dataset) -> str | list[str]:
    """Photographs keep their own format; everything that a stage draws is PNG."""
    if dataset.manifest.kind != "images":
        return "image/png"
    return sorted(f"image/{name.lower()}" for (name,) in tally(dataset, "format"))


def _record_sets(history: History, name: str) -> list[dict[str, Any]]:
    dataset = history.datasets[name]
    if not dataset.files(".parquet"):
        return []
    about, fields = ROWS.get(dataset.manifest.kind, dataset.manifest.kind), dataset.manifest.schema
    rows = {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"{len(dataset):,} rows; each is {about}. Made by the stage {history.makers[name].name}.",
        **_provenance(history, name),
        "field": [_column(name, field) for field in fields],
    }
    return [rows, *(_pictures(history, name, blob) for blob in _blobs(dataset))]


def _column(name: str, field: dict[str, str]) -> dict[str, Any]:
    item = field["type"].removeprefix("list<item: ").removesuffix(">")
    unit = f" Unit: {field['unit']}." if field["unit"] else ""
    array = {"isArray": True, "arrayShape": "-1"} if item != field["type"] else {}
    return {
        "@type": "cr:Field",
        "@id": f"{name}/{field['name']}",
        "name": field["name"],
        "description": f"{about_column(field['name'])}.{unit}",
        "dataType": TYPES.get(item, "sc:Text"),
        **array,
        "source": {"fileSet": {"@id": f"{name}.files"}, "extract": {"column": field["name"]}},
    }


def _pictures(history: History, name: str, blob: str) -> dict[str, Any]:
    """The pictures of one blob. Their names state part and row, since readers need not keep the order."""
    source = {"@id": f"{name}.{blob}.files"}
    kinds = {
        "filename": ("sc:Text", "PART-ROW.NAME: the part of the table, and the row in it, from 0"),
        "content": ("sc:ImageObject", "the picture"),
    }
    return {
        "@type": "cr:RecordSet",
        "@id": f"{name}.{blob}",
        "name": f"{name}.{blob}",
        "description": f"The pictures '{blob}' of {name}, one per row.",
        **_provenance(history, name),
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}.{blob}/{part}",
                "name": part,
                "description": about,
                "dataType": kind,
                "source": {"fileSet": source, "extract": {"fileProperty": part}},
            }
            for part, (kind, about) in kinds.items()
        ],
    }
