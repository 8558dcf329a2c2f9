"""OpenLineage events: rebuilt by the client's own classes, and received by a real HTTP server."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from openlineage.client import event_v2, facet_v2
from openlineage.client.generated.schema_dataset import SchemaDatasetFacet, SchemaDatasetFacetFields
from openlineage.client.serde import Serde

from components.common.data.reading import Dataset
from components.common.errors import StageFailed, UserError
from pipelines.engines.workspace import Workspace
from pipelines.lineage.exports.export import export
from pipelines.lineage.exports.history import read_history
from pipelines.lineage.exports.openlineage_events import run_events
from pipelines.lineage.exports.receiver import deliver

FACETS = {
    "documentation": (facet_v2.documentation_dataset.DocumentationDatasetFacet, {}),
    "documentation of the job": (facet_v2.documentation_job.DocumentationJobFacet, {}),
    "version": (facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet, {}),
    "schema": (SchemaDatasetFacet, {"fields": SchemaDatasetFacetFields}),
    "lineage": (facet_v2.lineage.LineageDatasetFacet, {"inputs": facet_v2.lineage.LineageDatasetInput}),
    "outputStatistics": (facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet, {}),
    "jobType": (facet_v2.job_type_job.JobTypeJobFacet, {}),
    "tags": (facet_v2.tags_run.TagsRunFacet, {"tags": facet_v2.tags_run.TagsRunFacetFields}),
    "test": (facet_v2.test_run.TestRunFacet, {"tests": facet_v2.test_run.TestExecution}),
    "errorMessage": (facet_v2.error_message_run.ErrorMessageRunFacet, {}),
}  # fmt: skip
"""Facet -> the client's class for it, and the classes of its parts."""


def events_of(run: Workspace, folder: Path) -> list[dict[str, Any]]:
    (path,) = export(run, ["openlineage"], folder)
    return [json.loads(line) for line in path.read_text().splitlines()]


def named(events: list[dict[str, Any]], kind: str, job: str) -> dict[str, Any]:
    return next(event for event in events if (event["eventType"], event["job"]["name"]) == (kind, job))


def rebuilt(name: str, facet: dict[str, Any]) -> dict[str, Any]:
    """A facet after a way through the client's class, which refuses unknown, missing and mistyped properties."""
    cls, parts = FACETS[name]
    values = {key.removeprefix("_"): value for key, value in facet.items() if key != "_schemaURL"}
    values |= {key: [part(**each) for each in values[key]] for key, part in parts.items()}
    return Serde.to_dict(cls(**values))


def test_every_event_is_one_of_the_specification(
    exported_run: Workspace, stopped_run: Workspace, tmp_path: Path
) -> None:
    events = events_of(exported_run, tmp_path) + events_of(stopped_run, tmp_path)
    for event in events:
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
        inputs = [event_v2.InputDataset(**each) for each in event["inputs"]]
        outputs = [event_v2.OutputDataset(**each) for each in event["outputs"]]
        again = event_v2.RunEvent(
            eventTime=event["eventTime"], producer=event["producer"], run=event_v2.Run(**event["run"]),
            job=event_v2.Job(**event["job"]), inputs=inputs, outputs=outputs,
            eventType=event_v2.RunState(event["eventType"]),
        )  # fmt: skip
        assert Serde.to_dict(again) == event
        for part in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
            for name, facet in {**part["facets"], **part.get("outputFacets", {})}.items():
                of_job = " of the job" if part is event["job"] and name == "documentation" else ""
                assert rebuilt(name + of_job, facet) == facet


def test_each_stage_starts_and_completes_with_true_edges(exported_run: Workspace, tmp_path: Path) -> None:
    events = events_of(exported_run, tmp_path)
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"] * 18
    end = named(events, "COMPLETE", "mining")
    digests = {each["name"]: each["facets"]["version"]["datasetVersion"] for each in end["inputs"] + end["outputs"]}
    assert digests == {name: Dataset(exported_run.dataset(name.removeprefix("shop/"))).digest for name in digests}
    (pairs, sets, _) = end["outputs"]
    assert (pairs["name"], sets["name"]) == ("shop/pairs", "shop/sets")
    edges = {each["name"] for each in pairs["facets"]["lineage"]["inputs"]}
    assert edges == {f"shop/{name}" for name in ("images", "objects", "embeddings", "reserved", "calibration")}
    made = {each["name"]: each for each in named(events, "COMPLETE", "evaluation")["outputs"]}
    assert "shop/samples" in {each["name"] for each in made["shop/scores"]["facets"]["lineage"]["inputs"]}
    assert "shop/samples" not in {each["name"] for each in made["shop/samples"]["facets"]["lineage"]["inputs"]}
    unit = next(each for each in pairs["facets"]["schema"]["fields"] if each["name"] == "similarity")
    assert unit["description"].endswith("(cosine)")


def test_rows_files_and_bytes_are_those_on_disk(exported_run: Workspace, tmp_path: Path) -> None:
    (images, *_) = named(events_of(exported_run, tmp_path), "COMPLETE", "ingest")["outputs"]
    files = [path for path in exported_run.dataset("images").glob("part-*") if path.suffix != ".json"]
    statistics = images["outputFacets"]["outputStatistics"]
    size = sum(path.stat().st_size for path in files)
    assert (statistics["rowCount"], statistics["fileCount"], statistics["size"]) == (5, len(files), size)


def test_runs_keep_their_id_from_export_to_export(
    exported_run: Workspace, stopped_run: Workspace, tmp_path: Path
) -> None:
    first, second = events_of(exported_run, tmp_path), events_of(exported_run, tmp_path / "again")
    assert first == second
    assert len({event["run"]["runId"] for event in first}) == 18
    named_gates = {event["run"]["runId"] for event in events_of(stopped_run, tmp_path)}
    assert named(first, "START", "gate_recurrence")["run"]["runId"] not in named_gates


def test_a_gate_that_stopped_the_run_fails_and_says_why(stopped_run: Workspace, tmp_path: Path) -> None:
    events = events_of(stopped_run, tmp_path)
    end = events[-1]
    assert (end["eventType"], end["job"]["name"]) == ("FAIL", "gate_recurrence")
    assert end["run"]["facets"]["errorMessage"]["message"].startswith("recurrence: 3 of 12 are right. label ")
    (test,) = end["run"]["facets"]["test"]["tests"]
    assert (test["status"], test["severity"], test["actual"], test["expected"]) == ("fail", "error", "0.25", "0.5")
    assert test["params"]["verdict"] == "undecided"
    (passed,) = named(events, "COMPLETE", "gate_vectors")["run"]["facets"]["test"]["tests"]
    assert passed["status"] == "pass"


@dataclass
class Receiver:
    """address: of the server. answers: statuses of the first requests, then 201. got: path, key and event of each."""

    address: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def receiver(*answers: int) -> Iterator[Receiver]:
    state = Receiver(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = state.answers.pop(0) if state.answers else 201
            if status == 201:
                state.got.append((self.path, self.headers.get("Authorization", ""), event))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.address = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield state
        server.shutdown()


def test_a_receiver_gets_every_event_in_order(
    exported_run: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "secret")
    with receiver() as there:
        (path,) = export(exported_run, ["openlineage"], tmp_path, there.address)
        assert [event for _, _, event in there.got] == [json.loads(line) for line in path.read_text().splitlines()]
        assert {(where, key) for where, key, _ in there.got} == {("/api/v1/lineage", "Bearer secret")}
        deliver(run_events(read_history(exported_run))[:1], f"{there.address}/openapi/lineage")
        assert there.got[-1][0] == "/openapi/lineage"


def test_a_busy_receiver_is_asked_again(exported_run: Workspace) -> None:
    events = run_events(read_history(exported_run))[:3]
    with receiver(503, 201, 429) as there:
        deliver(events, there.address, waits=(0.0, 0.0))
        assert [event["eventType"] for _, _, event in there.got] == ["START", "COMPLETE", "START"]


@pytest.mark.parametrize(
    ("answers", "error", "sentence"),
    [
        ((201, 404), UserError, "refuses an event (404)"),
        ((201, 403), UserError, "refuses this user (403): set OPENLINEAGE_API_KEY"),
        ((201, 503, 503), StageFailed, "answers 503"),
    ],
)
def test_a_receiver_that_refuses_is_one_sentence(
    exported_run: Workspace, answers: tuple[int, ...], error: type[Exception], sentence: str
) -> None:
    events = run_events(read_history(exported_run))[:3]
    with receiver(*answers) as there, pytest.raises(error) as raised:
        deliver(events, there.address, waits=(0.0,))
    assert sentence in str(raised.value) and "1 of 3 events arrived" in str(raised.value)


def test_a_receiver_that_is_away_is_one_sentence_without_its_password(exported_run: Workspace) -> None:
    with receiver() as there:
        gone = there.address.replace("//", "//ada:hidden@")
    with pytest.raises(StageFailed, match=r"cannot be reached \(ConnectionError\): 0 of 1 events") as raised:
        deliver(run_events(read_history(exported_run))[:1], gone, waits=())
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("address", ["localhost:5000", "ftp://there/x", "http://"])
def test_an_address_that_is_none_is_refused(exported_run: Workspace, address: str) -> None:
    with pytest.raises(UserError, match="is not the address of a receiver"):
        deliver([], address)


def test_without_the_library_the_sentence_says_what_to_install(
    exported_run: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("openlineage", "pipelines.lineage.exports.openl"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openlineage", None)
    with pytest.raises(UserError, match=r"needs the package openlineage.*pip install .*\[lineage\]"):
        export(exported_run, ["openlineage"], tmp_path)
