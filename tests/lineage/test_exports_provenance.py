"""The PROV export, loaded again by the prov library."""

import pytest
from exports_data import WEIGHTS
from prov.model import (
    ProvActivity,
    ProvAgent,
    ProvAssociation,
    ProvDerivation,
    ProvDocument,
    ProvEntity,
    ProvGeneration,
    ProvUsage,
)

from components.common.data.reading import Dataset
from pipelines.engines.workspace import Workspace
from pipelines.lineage.exports.export import export

Pairs = set[tuple[str, str]]


@pytest.fixture(scope="module")
def document(exported_run: Workspace) -> ProvDocument:
    (path,) = export(exported_run, ["prov"], exported_run.root / "out")
    return ProvDocument.deserialize(str(path))


def labels(document: ProvDocument) -> dict[str, str]:
    """Identifier -> label of every entity and activity."""
    records = [*document.get_records(ProvEntity), *document.get_records(ProvActivity)]
    return {str(record.identifier): str(record.label) for record in records}


def relations(document: ProvDocument, kind: type) -> Pairs:
    """The first two ends of every relation of a kind, by their labels."""
    names = labels(document)
    ends = [[str(value) for _, value in record.formal_attributes[:2]] for record in document.get_records(kind)]
    return {(names.get(first, first), names.get(second, second)) for first, second in ends}


def test_datasets_are_entities_by_their_digest(document: ProvDocument, exported_run: Workspace) -> None:
    names = labels(document)
    for folder in exported_run.dataset("").glob("*/manifest.json"):
        name = folder.parent.name
        assert names[f"dataset:{name}.{Dataset(folder.parent).digest}"] == name


def test_stages_use_and_generate_what_their_manifests_say(document: ProvDocument) -> None:
    used, generated = relations(document, ProvUsage), relations(document, ProvGeneration)
    assert {("detection", "images"), ("embedding", "encoder"), ("ingest", "photographs")} <= used
    assert ("detection", "objects") not in used
    assert {("objects", "detection"), ("pairs", "mining"), ("sets", "mining")} <= generated


def test_a_dataset_is_derived_from_its_own_parents(document: ProvDocument) -> None:
    derived = relations(document, ProvDerivation)
    assert {parent for name, parent in derived if name == "objects"} == {"images"}
    assert ("images", "photographs") in derived
    assert ("scores", "samples") in derived and ("samples", "samples") not in derived  # one stage makes both
    assert not any(parent == "encoder" for _, parent in derived)  # weights are used, but are no origin


def test_code_and_user_are_agents(document: ProvDocument) -> None:
    agents = {str(agent.identifier) for agent in document.get_records(ProvAgent)}
    assert agents == {f"commit:{'c' * 40}", "user:ada"}
    assert len(relations(document, ProvAssociation)) == 2 * 18


def test_activities_have_times(document: ProvDocument) -> None:
    detection = next(each for each in document.get_records(ProvActivity) if str(each.label) == "detection")
    assert (detection.get_endTime() - detection.get_startTime()).total_seconds() == 1.5


def test_weights_are_entities(document: ProvDocument) -> None:
    assert labels(document)[f"content:{WEIGHTS}"] == "encoder"
