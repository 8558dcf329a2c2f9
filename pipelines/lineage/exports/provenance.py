"""W3C PROV-JSON: datasets are entities, runs of stages are activities, the code and its user are agents."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from prov.model import ProvActivity, ProvDocument

from pipelines.lineage.exports.history import History, StageRun

NAMESPACES = {
    "dataset": "urn:objectmate:dataset:",
    "content": "urn:objectmate:content:",
    "commit": "urn:objectmate:commit:",
    "user": "urn:objectmate:user:",
    "run": "urn:uuid:",
    "objectmate": "urn:objectmate:term:",
}
CAME_IN = ("photographs", "labels")
"""What a run starts from, by the name that a manifest gives its digest. Weights are used, but are not an origin."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def provenance(history: History) -> bytes:
    """The PROV-JSON document."""
    text = prov_document(history).serialize(format="json", indent=1)
    return f"{text}\n".encode()


def prov_document(history: History) -> ProvDocument:
    """Every dataset by its digest, every run of a stage, and what each used, generated and was derived from."""
    document = ProvDocument()
    for prefix, uri in NAMESPACES.items():
        document.add_namespace(prefix, uri)
    for name, dataset in history.datasets.items():
        described: dict[str, Any] = {
            "prov:label": name,
            "objectmate:kind": dataset.manifest.kind,
            "objectmate:rows": len(dataset),
            "objectmate:sha256": dataset.digest,
        }
        document.entity(_entity(history, name), described)
    for stage in history.stages:
        _add_stage(document, history, stage)
    return document


def _entity(history: History, name: str) -> str:
    return f"dataset:{history.key(name)}"


def _add_stage(document: ProvDocument, history: History, stage: StageRun) -> None:
    activity = document.activity(f"run:{stage.id}", stage.started, stage.ended, _about(stage))
    _add_agents(document, activity, stage)
    for name in stage.reads:
        document.used(activity, _entity(history, name))
    for role, digest in _contents(stage.models).items():
        document.used(activity, document.entity(f"content:{digest}", {"prov:label": role}))
    for name, sources in stage.sources.items():
        entity, came_in = _entity(history, name), _contents(stage.made[name].manifest.models)
        document.wasGeneratedBy(entity, activity, stage.ended)
        origins = [_entity(history, source) for source in sorted(set(sources.values()))]
        origins += [f"content:{came_in[role]}" for role in CAME_IN if role in came_in]
        for origin in origins:
            document.wasDerivedFrom(entity, origin, activity)


def _about(stage: StageRun) -> dict[str, Any]:
    own = {"prov:label": stage.name, "objectmate:host": stage.record["host"]}
    params = {f"objectmate:param.{key}": str(value) for key, value in sorted(stage.params.items())}
    judged = {f"objectmate:gate.{row['gate']}": row["verdict"] for row in stage.verdicts}
    return {key: value for key, value in (own | params | judged).items() if value}


def _contents(models: Mapping[str, str]) -> dict[str, str]:
    """Role -> digest of everything outside the datasets that decided bytes: weights, photographs, labels."""
    return {role: digest for role, digest in models.items() if _DIGEST.fullmatch(digest)}


def _add_agents(document: ProvDocument, activity: ProvActivity, stage: StageRun) -> None:
    """Adds the commit of the code and the user who ran it; unknown ones are left out."""
    commit, user = stage.record["commit"], stage.record.get("user", "")
    if commit:
        code = document.agent(f"commit:{quote(commit)}", {"prov:type": "prov:SoftwareAgent"})
        document.wasAssociatedWith(activity, code)
    if user:
        person = document.agent(f"user:{quote(user)}", {"prov:label": user})
        document.wasAssociatedWith(activity, person)
