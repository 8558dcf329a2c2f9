"""A Kubernetes API server that knows only TrainJobs: real HTTPS on loopback, strict about requests.

Paths, objects and errors are those that Kubernetes documents; a job is checked against the same schema as the manifests
in infra/kustomize. A test's controller writes a job's status, as Trainer's controller would.
"""

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TOKEN, NAMESPACE = "a-token-of-the-test", "objectmate"
JOBS = f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{NAMESPACE}/trainjobs"
SCHEMA = json.loads((Path(__file__).parents[1] / "infra" / "schemas" / "trainjob.json").read_text(encoding="utf-8"))

Job = dict[str, Any]


class Refusal(Exception):
    """A Status object instead of an answer."""

    def __init__(self, code: int, reason: str, message: str):
        self.code, self.reason, self.message = code, reason, message


@dataclass
class State:
    """What the server stores, and how it behaves."""

    jobs: dict[str, Job] = field(default_factory=dict)
    controller: Callable[[Job], Job] = lambda job: job["status"]
    """Job -> its new status, called each time a job is requested."""
    rights: set[str] = field(default_factory=lambda: {"create", "get", "delete"})
    installed: bool = True
    broken: int = 0
    """How many of the next requests get a 503."""
    lost: int = 0
    """How many of the next jobs are created without an answer: the connection breaks."""
    requests: list[str] = field(default_factory=list)
    """The method of every request that was served."""


def create(state: State, name: str, body: Job, query: dict[str, str]) -> Job:
    errors = sorted(error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(body))
    name = body.get("metadata", {}).get("name", "")
    if errors or not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name):
        raise Refusal(422, "Invalid", f'TrainJob.trainer.kubeflow.org "{name}" is invalid: {errors}')
    if body["metadata"].get("namespace") != NAMESPACE:
        raise Refusal(400, "BadRequest", "the namespace of the provided object does not match the request")
    if name in state.jobs:
        raise Refusal(409, "AlreadyExists", f'trainjobs.trainer.kubeflow.org "{name}" already exists')
    state.jobs[name] = body | {"metadata": body["metadata"] | {"uid": f"uid-{len(state.requests)}"}, "status": {}}
    return state.jobs[name]


def get(state: State, name: str, body: Job, query: dict[str, str]) -> Job:
    if name not in state.jobs:
        raise Refusal(404, "NotFound", f'trainjobs.trainer.kubeflow.org "{name}" not found')
    job = state.jobs[name]
    if "deletionTimestamp" in job["metadata"]:
        del state.jobs[name]  # its children are gone by the next request
    else:
        job["status"] = state.controller(job)
    return job


def delete(state: State, name: str, body: Job, query: dict[str, str]) -> Job:
    if name not in state.jobs:
        raise Refusal(404, "NotFound", f'trainjobs.trainer.kubeflow.org "{name}" not found')
    if query.get("propagationPolicy") != "Foreground":
        del state.jobs[name]  # while its pods are still there
        return {"kind": "Status", "apiVersion": "v1", "status": "Success"}
    state.jobs[name]["metadata"]["deletionTimestamp"] = "2026-11-24T03:00:00Z"
    return state.jobs[name]


VERBS = {"POST": ("create", create), "GET": ("get", get), "DELETE": ("delete", delete)}


class Handler(BaseHTTPRequestHandler):
    """One request: checks token, right and path, then does what the verb says."""

    state: State
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def do_DELETE(self) -> None:
        self.serve()

    def serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            code, answer = 200, self.route(json.loads(content) if content else {})
        except Refusal as refusal:
            code = refusal.code
            said = {"message": refusal.message, "reason": refusal.reason, "code": code}
            answer = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", **said}
        if code == 200 and self.command == "POST" and self.state.lost:
            self.state.lost -= 1
            self.close_connection = True
            return
        self.answer(code, answer)

    def route(self, body: Job) -> Job:
        if self.headers.get("authorization", "").lower() != f"bearer {TOKEN}":
            raise Refusal(401, "Unauthorized", "Unauthorized")
        if self.state.broken:
            self.state.broken -= 1
            raise Refusal(503, "ServiceUnavailable", "the server is currently unable to handle the request")
        verb, act = VERBS[self.command]
        if verb not in self.state.rights:
            who = 'User "system:serviceaccount:objectmate:pipeline-runner"'
            raise Refusal(403, "Forbidden", f"trainjobs.trainer.kubeflow.org is forbidden: {who} cannot {verb} it")
        address = urlsplit(self.path)
        match = re.fullmatch(re.escape(JOBS) + (r"()" if verb == "create" else r"/([-a-z0-9]+)"), address.path)
        if not match or not self.state.installed:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        self.state.requests.append(self.command)
        return act(self.state, match[1], body, {k: v[0] for k, v in parse_qs(address.query).items()})

    def answer(self, code: int, body: Job) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: Any) -> None:
        """Logs nothing."""


@contextmanager
def serve(account: Path) -> Iterator[tuple[int, State]]:
    """A running server: its port, and its state to inspect and change.

    account: the folder of a pod's service account, into which token, ca.crt and namespace are written.
    """
    state = State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(account))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    (account / "token").write_text(TOKEN)
    (account / "namespace").write_text(NAMESPACE)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, state
    finally:
        server.shutdown()
        server.server_close()


def _certificate(account: Path) -> Path:
    """Writes a self-signed `account`/ca.crt for 127.0.0.1; returns the file that also contains its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, address = datetime.now(UTC), x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(address, critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (account / "ca.crt").write_bytes(certificate)
    how = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    both = account / "server.pem"
    both.write_bytes(certificate + key.private_bytes(serialization.Encoding.PEM, *how))
    return both
