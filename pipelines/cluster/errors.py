"""What a cluster's API may answer instead of doing as it was asked: what to try again, and what to tell a person."""

import json
import time
from collections.abc import Callable
from typing import TypeVar

from kfp_server_api.exceptions import ApiException
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from components.common.errors import UserError

HOST, TOKEN, NAMESPACE = "KFP_HOST", "KFP_TOKEN", "KFP_NAMESPACE"
WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before the second and each further try."""
CONFLICT, TOO_MANY, BROKEN = 409, 429, 500
HINTS = {
    401: f"it takes no request without a valid token: set {TOKEN}",
    403: f"the token in {TOKEN} has no right to do this: ask for one that may create runs in {NAMESPACE}",
    404: f"there is no such thing: correct the id, or the address in --host ({HOST})",
    409: "something of this name is there already, but not to be seen: name another --experiment",
}

Answer = TypeVar("Answer")


def persist(attempt: Callable[[], Answer], host: str, waits: tuple[float, ...]) -> Answer:
    """What `attempt` returns, tried again after `waits` seconds where it may pass: connections lost, servers broken.

    A conflict may pass too, since `attempt` looks for what is there before it makes anything. Raises `UserError`.
    """
    left = iter(waits)
    while True:
        try:
            return attempt()
        except (ApiException, HTTPError) as error:
            wait = next(left, None)
            if wait is None or not _may_pass(error):
                raise UserError(_sentence(host, error)) from None
        time.sleep(wait)


def _may_pass(error: Exception) -> bool:
    if isinstance(error, ApiException):
        return error.status in (CONFLICT, TOO_MANY) or error.status >= BROKEN
    return not isinstance(getattr(error, "reason", None), SSLError)


def _sentence(host: str, error: Exception) -> str:
    """One sentence about an error of the client, with the fix."""
    if not isinstance(error, ApiException):
        cause = error.reason if isinstance(error, MaxRetryError) else error
        if isinstance(cause, SSLError):
            return f"no safe connection to {host} ({cause}): correct it, or name its authority's file in SSL_CERT_FILE"
        return f"{host} does not answer ({type(cause).__name__}): correct --host ({HOST}), or forward its port"
    said = f"{host} answers {error.status}{_said(error.body)}"
    if 300 <= error.status < 400:
        return f"{said}, a way to a login page: set {TOKEN}"
    if error.status >= BROKEN or error.status == TOO_MANY:
        return f"{said} again and again: look at the cluster, then give the same command again"
    return f"{said}: {HINTS.get(error.status, 'the request does not suit it; is it Kubeflow Pipelines 2.14 or later?')}"


def _said(body: str | None) -> str:
    """The message in an error's body, in brackets and on one line; nothing where the body is no JSON object."""
    try:
        words = json.loads(body or "")
    except ValueError:
        return ""
    message = (
        (words.get("message") or words.get("error_message") or words.get("error")) if isinstance(words, dict) else ""
    )
    return f" ({' '.join(str(message).split())[:300]})" if message else ""
