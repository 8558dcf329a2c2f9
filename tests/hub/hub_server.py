"""A model hub on loopback: the routes that huggingface_hub uses, real files, and faults that can be switched on."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".bin", ".pt", ".ckpt")
"""Suffixes of files that the hub keeps outside git."""


@dataclass
class Repository:
    """A model. commits: commit -> file -> content. branches: name -> commit. card: its metadata."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    gated: bool = False

    def commit(self, files: Mapping[str, bytes], branch: str = "main", name: str = "") -> str:
        """A new commit on a branch: these files and those before it. Returns its name; empty: one is made."""
        whole = self.commits.get(self.branches.get(branch, ""), {}) | dict(files)
        text = json.dumps({name: hashlib.sha256(content).hexdigest() for name, content in sorted(whole.items())})
        name = name or hashlib.sha1(f"{len(self.commits)} {text}".encode()).hexdigest()
        self.commits[name], self.branches[branch] = whole, name
        return name


@dataclass
class Fault:
    """What happens to the first `times` requests whose path contains `where`.

    status: the answer, with an X-Error-Code. cut: bytes of the body after which the line is dead. flipped: the first
    byte of the body is another.
    """

    where: str
    status: int = 0
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = -1
    flipped: bool = False
    times: int = 1_000_000


@dataclass
class Hub:
    """models: id -> repository. asked: (method, path, range, token) of each request. faults: what goes wrong now.

    waits: seconds that a process that asks has waited, where a test counts them.
    """

    models: dict[str, Repository] = field(default_factory=dict)
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    address: str = ""

    def __enter__(self) -> "Hub":
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, reference: str, files: Mapping[str, bytes], **card: Any) -> Repository:
        """A model with one commit on main; `owner/name@commit` gives the commit that name."""
        model, _, name = reference.partition("@")
        self.models[model] = Repository(card={"license": "apache-2.0"} | card)
        self.models[model].commit(files, name=name)
        return self.models[model]

    def fails(self, where: str, **fault: Any) -> None:
        """From now on, requests whose path contains `where` fail; see `Fault`."""
        self.faults.append(Fault(where, **fault))

    def loaded(self) -> list[str]:
        """The paths from which files were loaded, without those that were only looked at."""
        return [path for method, path, _, _ in self.asked if method == "GET" and not path.startswith("/api/")]

    def fault(self, path: str) -> Fault | None:
        """What happens to a request that comes now."""
        for fault in self.faults:
            if fault.where in path and fault.times > 0:
                fault.times -= 1
                return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per answer: two would wait for each other

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        token = self.headers.get("Authorization", "")
        self.hub.asked.append((self.command, path, self.headers.get("Range", ""), token))
        self.fault = self.hub.fault(path)
        if self.fault and self.fault.status:
            return self._refuse(self.fault.status, self.fault.code, self.fault.headers)
        if path.startswith("/cdn/"):
            return self._large(path.removeprefix("/cdn/"))
        if path.startswith("/api/models/"):
            return self._described(path.removeprefix("/api/models/"))
        model, mark, rest = path[1:].partition("/resolve/")
        return self._file(model, rest) if mark else self._refuse(404)

    do_HEAD = do_GET

    def _described(self, path: str) -> None:
        model, kind, revision, folder = path, "", "main", ""
        for word in ("/revision/", "/tree/"):
            if word in path:
                model, _, revision = path.partition(word)
                kind = word
        if kind == "/tree/":
            revision, _, folder = revision.partition("/")
        found = self._found(model, revision)
        if not found:
            return
        repository, commit = found
        files = repository.commits[commit]
        blobs = "blobs" in parse_qs(urlsplit(self.path).query)
        if kind == "/tree/":
            names = [name for name in sorted(files) if not folder or name.startswith(f"{folder}/")]
            listed = [{"type": "file", "path": name, **_entry(name, files[name])} for name in names]
            return self._json(listed) if listed else self._refuse(404, "EntryNotFound")
        siblings = [{"rfilename": name, **(_sibling(name, files[name]) if blobs else {})} for name in sorted(files)]
        tags = [f"license:{repository.card['license']}"] if repository.card.get("license") else []
        card = {"cardData": repository.card, "tags": tags, "gated": "manual" if repository.gated else False}
        self._json({"id": model, "modelId": model, "sha": commit, "private": False, "siblings": siblings, **card})

    def _file(self, model: str, rest: str) -> None:
        known = self.hub.models.get(model)
        revisions = [*known.branches, *known.commits] if known else []
        revision = next((name for name in revisions if rest.startswith(f"{name}/")), rest.partition("/")[0])
        found = self._found(model, revision)
        if not found:
            return
        repository, commit = found
        name = rest.removeprefix(f"{revision}/")
        if repository.gated:
            return self._refuse(403, "GatedRepo")
        if name not in repository.commits[commit]:
            return self._refuse(404, "EntryNotFound", {"X-Repo-Commit": commit})
        content = repository.commits[commit][name]
        if not name.endswith(LARGE):
            return self._body(content, {"X-Repo-Commit": commit, "ETag": f'"{_blob(content)}"'})
        digest = hashlib.sha256(content).hexdigest()
        place = self.hub.address.replace("127.0.0.1", "localhost")  # another host, as a content network is
        self.send_response(302)
        for header, value in {
            "Location": f"{place}/cdn/{digest}?name={name}",
            "X-Repo-Commit": commit,
            "X-Linked-Size": str(len(content)),
            "X-Linked-ETag": f'"{digest}"',
            "Content-Length": "0",
        }.items():
            self.send_header(header, value)
        self.end_headers()

    def _large(self, digest: str) -> None:
        files = (each for model in self.hub.models.values() for each in model.commits.values())
        contents = (content for each in files for name, content in each.items() if name.endswith(LARGE))
        content = next((each for each in contents if hashlib.sha256(each).hexdigest() == digest), None)
        self._refuse(404) if content is None else self._body(content, {"ETag": f'"{digest}"', "Accept-Ranges": "bytes"})

    def _found(self, model: str, revision: str) -> tuple[Repository, str] | None:
        """The repository and commit, or None after the hub's own refusal: 401 for a name that it does not show."""
        if model not in self.hub.models:
            self._refuse(401, "RepoNotFound")
            return None
        repository = self.hub.models[model]
        commit = repository.branches.get(revision, revision)
        if commit not in repository.commits:
            self._refuse(404, "RevisionNotFound")
            return None
        return repository, commit

    def _json(self, value: Any) -> None:
        self._body(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _body(self, content: bytes, headers: Mapping[str, str]) -> None:
        start = 0
        if wanted := self.headers.get("Range", ""):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
        if self.fault and self.fault.flipped:
            content = bytes([content[0] ^ 1]) + content[1:]
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        sent = content[start:]
        if self.fault and self.fault.cut >= 0:
            sent = sent[: self.fault.cut]
            self.close_connection = True
        self.wfile.write(sent)

    def _refuse(self, status: int, code: str = "", headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, value)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    """A file in a model's description."""
    entry: dict[str, Any] = {"size": len(content), "blobId": _blob(content)}
    if name.endswith(LARGE):
        entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry


def _entry(name: str, content: bytes) -> dict[str, Any]:
    """A file in the listing of a tree."""
    entry: dict[str, Any] = {"size": len(content), "oid": _blob(content)}
    if name.endswith(LARGE):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry
