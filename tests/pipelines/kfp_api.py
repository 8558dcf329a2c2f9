"""A small Kubeflow Pipelines API server (v2beta1) on loopback: real HTTP, state in memory, strict about requests.

Paths, parameters, JSON and error bodies are those that the API documents; it refuses what it does not know.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

TOKEN = "a-token-of-the-test"
API = "/apis/v2beta1"


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str):
        self.status, self.message = status, message


@dataclass
class Fault:
    """An answer of `status` (0: a lost connection) to the next `times` requests; done: after doing what they ask."""

    method: str
    path: str
    status: int
    times: int = 1
    done: bool = False
    kind: str = "application/json"


@dataclass
class State:
    """Everything that the server holds, each as the API's JSON, in the order in which it was created."""

    pipelines: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    experiments: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    schedules: list[dict[str, Any]] = field(default_factory=list)
    script: list[dict[str, Any]] = field(default_factory=list)
    """What a run becomes, one entry per request for it."""
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """METHOD PATH of every request."""


def need(given: dict[str, Any], *keys: str) -> list[Any]:
    if missing := [key for key in keys if not given.get(key)]:
        raise Refusal(400, f"Invalid input error: {', '.join(missing)} must be given")
    return [given[key] for key in keys]


def one(things: list[dict[str, Any]], **wanted: str) -> dict[str, Any]:
    matching = [thing for thing in things if wanted.items() <= thing.items()]
    if not matching:
        raise Refusal(404, f"{wanted} not found")
    return matching[0]


def add(things: list[dict[str, Any]], kind: str, thing: dict[str, Any]) -> dict[str, Any]:
    made = {f"{kind}_id": f"{kind}-{len(things) + 1}", "created_at": "2026-11-24T03:00:00Z", **thing}
    things.append(made)
    return made


def listed(things: list[dict[str, Any]], query: dict[str, str], answer: str) -> dict[str, Any]:
    """The answer to a list request that asks for one display_name; an empty list is left out, as proto3 does."""
    (predicate,) = json.loads(need(query, "filter")[0])["predicates"]
    if set(predicate) != {"operation", "key", "stringValue"} or predicate["operation"] != "EQUALS":
        raise Refusal(400, "Invalid input error: unknown predicate")
    if predicate["key"] != "display_name":
        raise Refusal(400, f"Invalid input error: unknown field {predicate['key']}")
    matching = [thing for thing in things if thing["display_name"] == predicate["stringValue"]]
    return {answer: matching, "total_size": len(matching)} if matching else {}


def create_pipeline(state: State, body: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    (name,) = need(body, "name")
    if any(pipeline["name"] == name for pipeline in state.pipelines):
        raise Refusal(409, f"The name {name} already exist")
    return add(state.pipelines, "pipeline", {"display_name": name, **body})


def upload_version(state: State, content: bytes, query: dict[str, str]) -> dict[str, Any]:
    name, pipeline_id = need(query, "name", "pipelineid")
    one(state.pipelines, pipeline_id=pipeline_id)
    if any((v["pipeline_id"], v["name"]) == (pipeline_id, name) for v in state.versions):
        raise Refusal(409, "Failed to create a pipeline version")
    spec, *platforms = yaml.load_all(content, yaml.CSafeLoader)
    need(spec, "pipelineInfo", "deploymentSpec", "root", "schemaVersion", "sdkVersion")
    about = {"description": query.get("description", ""), "pipeline_spec": spec}
    if platforms:  # the API then shows both
        about["pipeline_spec"] = {"pipeline_spec": spec, "platform_spec": platforms[0]}
    names = {"pipeline_id": pipeline_id, "name": name, "display_name": name}
    return add(state.versions, "pipeline_version", names | about)


def create_experiment(state: State, body: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    (name,) = need(body, "display_name")
    if any(experiment["display_name"] == name for experiment in state.experiments):
        raise Refusal(409, f"The name {name} already exist")
    return add(state.experiments, "experiment", {"storage_state": "AVAILABLE", **body})


def check_content(state: State, body: dict[str, Any]) -> None:
    """What both a run and a recurring run must give: a version that exists, and each of its parameters."""
    _, experiment, reference, config = need(
        body, "display_name", "experiment_id", "pipeline_version_reference", "runtime_config"
    )
    one(state.experiments, experiment_id=experiment)
    need(reference, "pipeline_id", "pipeline_version_id")
    spec = one(state.versions, **reference)["pipeline_spec"]
    wanted = spec.get("pipeline_spec", spec)["root"]["inputDefinitions"]["parameters"]
    if set(config["parameters"]) != set(wanted):
        raise Refusal(400, f"Invalid input error: parameters must be {sorted(wanted)}")


def create_run(state: State, body: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    check_content(state, body)
    return add(state.runs, "run", body | {"state": "PENDING"})


def create_schedule(state: State, body: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    check_content(state, body)
    trigger, mode, concurrency = need(body, "trigger", "mode", "max_concurrency")
    need(trigger["cron_schedule"], "cron")
    if mode not in ("ENABLE", "DISABLE") or not 1 <= int(concurrency) <= 10:
        raise Refusal(400, "Invalid input error: the mode or the concurrency of the job is not supported")
    return add(state.schedules, "recurring_run", body | {"status": "ENABLED"})


def get_run(state: State, run_id: str) -> dict[str, Any]:
    run = one(state.runs, run_id=run_id)
    if state.script:
        run |= state.script.pop(0)
    return run


GETS = {
    r"/pipelines/names/([\w-]+)": lambda state, query, name: one(state.pipelines, name=name),
    r"/pipelines/([\w-]+)/versions": lambda state, query, pipeline_id: listed(
        [v for v in state.versions if v["pipeline_id"] == pipeline_id], query, "pipeline_versions"
    ),
    r"/experiments": lambda state, query: listed(state.experiments, query, "experiments"),
    r"/runs": lambda state, query: listed(state.runs, query, "runs"),
    r"/runs/([\w-]+)": lambda state, query, run_id: get_run(state, run_id),
    r"/recurringruns": lambda state, query: listed(state.schedules, query, "recurringRuns"),
}
POSTS = {
    "/pipelines": create_pipeline,
    "/pipelines/upload_version": upload_version,
    "/experiments": create_experiment,
    "/runs": create_run,
    "/recurringruns": create_schedule,
}


class Handler(BaseHTTPRequestHandler):
    """One request: token, path, body, and then what the routes above say."""

    state: State
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.serve("GET")

    def do_POST(self) -> None:
        self.serve("POST")

    def serve(self, method: str) -> None:
        path = urlsplit(self.path).path.removeprefix(API)
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.state.requests.append(f"{method} {path}")
        fault = next((f for f in self.state.faults if (f.method, f.path) == (method, path) and f.times), None)
        if fault:
            fault.times -= 1
        try:
            answer = 200, (self.route(method, path, content) if fault is None or fault.done else {})
        except Refusal as refusal:
            answer = refusal.status, {"error": refusal.message, "code": 3, "message": refusal.message, "details": []}
        if fault and fault.status == 0:
            self.close_connection = True
            return
        if fault:
            answer = fault.status, {"message": "the server is not well"}
        self.answer(*answer, fault.kind if fault else "application/json")

    def route(self, method: str, path: str, content: bytes) -> dict[str, Any]:
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refusal(401, "Request header error: there is no user identity")
        if not urlsplit(self.path).path.startswith(API):
            raise Refusal(404, "Not Found")
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        if method == "POST" and path in POSTS:
            body = self.uploaded(content) if "upload" in path else self.json(content)
            return POSTS[path](self.state, body, query)
        for pattern, get in GETS.items():
            if method == "GET" and (match := re.fullmatch(pattern, path)):
                return get(self.state, query, *match.groups())
        raise Refusal(404, "Not Found")

    def json(self, content: bytes) -> dict[str, Any]:
        if self.headers.get("Content-Type") != "application/json":
            raise Refusal(400, "the body must be JSON")
        return json.loads(content)

    def uploaded(self, content: bytes) -> bytes:
        """The file in a multipart body."""
        message = message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + content)
        parts = {part.get_param("name", header="content-disposition"): part for part in message.get_payload()}
        if set(parts) != {"uploadfile"} or not str(parts["uploadfile"].get_filename()).endswith(".yaml"):
            raise Refusal(400, "Failed to read pipeline from file")
        return parts["uploadfile"].get_payload(decode=True)

    def answer(self, status: int, body: dict[str, Any], kind: str) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *values: Any) -> None:
        """Logs nothing."""


@contextmanager
def serve() -> Iterator[tuple[str, State]]:
    """A running server: its address, and its state, which a test may read and change."""
    state = State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", state
    finally:
        server.shutdown()
        server.server_close()
