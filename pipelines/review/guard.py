"""What every request must pass: the token of the printed address, protection against forged requests, a size limit."""

import secrets
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 << 20  # of a request's body: several photographs
TOKEN, FORGERY = "token", "x-csrf-token"
SAFE = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class TooLarge(Exception):
    """A request's body is larger than the limit."""


class Guard:
    """Runs inside starlette's `SessionMiddleware`, whose signed cookie remembers browsers that had the token."""

    def __init__(self, app: ASGIApp, token: str, most_bytes: int = MOST_BYTES):
        self.app, self._token, self._most = app, token, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers instead of the app if a request is not allowed."""
        if scope["type"] != "http":  # no other kind is served
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._let_in(request) or self._forged(request) or self._too_large(request.headers)
        limited, answered = self._limited(receive), False

        async def guarded(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(_with_headers(message))

        try:
            await (refusal or self.app)(scope, limited, guarded)
        except TooLarge:
            if not answered:
                await self._large()(scope, receive, guarded)

    def _let_in(self, request: Request) -> Response | None:
        """Moves the token from the address to the session; refuses requests that have neither."""
        given = request.query_params.get(TOKEN, "")
        if given and secrets.compare_digest(given.encode(), self._token.encode()):
            request.session.setdefault("csrf", secrets.token_urlsafe(24))
            others = [(name, value) for name, value in request.query_params.multi_items() if name != TOKEN]
            return RedirectResponse(f"{request.url.path}{'?' if others else ''}{urlencode(others)}", 303)
        if "csrf" not in request.session:
            sentence = "Open the address that `objectmate review` printed: it contains the token that lets you in."
            return PlainTextResponse(f"{sentence}\n", 401)
        return None

    def _forged(self, request: Request) -> Response | None:
        """Refuses a request that changes something, unless it comes from one of our own pages."""
        if request.method in SAFE:
            return None
        origin = request.headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2] != request.headers.get("host")
        given = request.headers.get(FORGERY, "")
        if foreign or not secrets.compare_digest(given.encode(), str(request.session["csrf"]).encode()):
            return PlainTextResponse("This request did not come from a page of the app: reload the page.\n", 403)
        return None

    def _too_large(self, headers: Headers) -> Response | None:
        length = headers.get("content-length", "0")
        return None if length.isdigit() and int(length) <= self._most else self._large()

    def _large(self) -> Response:
        return PlainTextResponse(f"At most {self._most >> 20} MiB are accepted: send less.\n", 413)

    def _limited(self, receive: Receive) -> Receive:
        """`receive` with the limit, which also stops a body whose length was not announced."""
        left = self._most

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLarge
            return message

        return counted


def _with_headers(message: Message) -> Message:
    if message["type"] == "http.response.start":
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("cache-control", "no-store")
    return message
