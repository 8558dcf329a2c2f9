"""A proxy on a real socket in front of an HTTP server, which makes chosen requests fail as networks and servers do."""

import http.client
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


@dataclass
class Fault:
    """What happens to the first `times` requests of a method at each address.

    kind: `busy` (503 SlowDown), `half` (the server gets `after` bytes of the body, then the connection ends), `lost`
    (the server acts, but its answer never comes), `reset` or `short` (`after` bytes of the answer's body come, then the
    connection is reset, or ends as if that were all).
    seen: address -> how many requests this has affected.
    """

    kind: str
    method: str
    times: int
    after: int = 100
    seen: Counter[str] = field(default_factory=Counter)


@dataclass
class Proxy:
    """address: to use instead of the server's. fault: what it does now, if anything."""

    server: str
    fault: Fault | None = None
    address: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> "Proxy":
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._listener = _Listener(("127.0.0.1", 0), handler)
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._listener.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    def kind(self, method: str, address: str) -> str:
        """What happens to a request that comes now; empty if nothing."""
        with self._lock:
            fault = self.fault
            if fault is None or fault.method != method or fault.seen[address] >= fault.times:
                return ""
            fault.seen[address] += 1
            return fault.kind


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Closes at once: the stock server's orderly goodbye would come before a reset."""
        self.close_request(request)


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind = self.proxy.kind(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if kind == "busy":
            return self._answer(503, [], SLOW_DOWN)
        upstream = self._forward(body[: self._after] if kind == "half" else body)
        if kind == "half":
            upstream.close()
            return self._end(reset=True)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if kind == "lost":
            return self._end(reset=True)
        self._answer(answer.status, answer.getheaders(), content, kind)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET

    @property
    def _after(self) -> int:
        assert self.proxy.fault is not None
        return self.proxy.fault.after

    def _forward(self, body: bytes) -> http.client.HTTPConnection:
        upstream = http.client.HTTPConnection(urlsplit(self.proxy.server).netloc, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                upstream.putheader(name, value)
        upstream.endheaders()
        upstream.send(body)
        return upstream

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, kind: str = "") -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = len(content) if self.command != "HEAD" else dict(headers).get("Content-Length", "0")
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content[: self._after] if kind in ("reset", "short") else content)
        if kind in ("reset", "short"):
            self._end(reset=kind == "reset")

    def _end(self, reset: bool) -> None:
        self.close_connection = True
        if reset:  # with a linger time of 0, closing is a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, *_: object) -> None:
        """Logs nothing."""
