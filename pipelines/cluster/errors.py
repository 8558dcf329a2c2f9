"""Errors of a cluster's API: which to retry, and what to tell the user."""

import json
from collections.abc import Callable
from typing import TypeVar

from kfp_server_api.exceptions import ApiException
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from components.common.errors import UserError, in_one_line
from components.common.retry import persist, status_may_pass

HOST, TOKEN, NAMESPACE = "KFP_HOST", "KFP_TOKEN", "KFP_NAMESPACE"
CONFLICT = 409
HINTS = {
    401: f"it needs a valid token: set {TOKEN}",
    403: f"the token in {TOKEN} is not allowed to do this: ask for one that may create runs in {NAMESPACE}",
    404: f"it was not found: correct the id, or the address in --host ({HOST})",
    409: "the name is taken by something that you cannot see: name another --experiment",
}

Answer = TypeVar("Answer")


def ask(attempt: Callable[[], Answer], host: str, waits: tuple[float, ...]) -> Answer:
    """What `attempt` returns, retried after `waits` (s) while its error may be temporary. Raises `UserError`."""
    try:
        return persist(attempt, _may_pass, waits)
    except (ApiException, HTTPError) as error:
        raise UserError(_sentence(host, error)) from None


def _may_pass(error: Exception) -> bool:
    """Whether a retry may help: after a lost connection or a server error, and after a conflict, since attempts look
    before they create anything."""
    if isinstance(error, ApiException):
        return error.status == CONFLICT or status_may_pass(error.status)
    return isinstance(error, HTTPError) and not isinstance(getattr(error, "reason", None), SSLError)


def _sentence(host: str, error: Exception) -> str:
    """One sentence about an error of the client, with the fix."""
    if not isinstance(error, ApiException):
        cause = error.reason if isinstance(error, MaxRetryError) else error
        if isinstance(cause, SSLError):
            said = in_one_line(cause)
            return f"no secure connection to {host} ({said}): correct it, or name its CA's file in SSL_CERT_FILE"
        return f"{host} does not answer ({type(cause).__name__}): correct --host ({HOST}), or forward its port"
    answer = f"{host} answers {error.status}{_said(error.body)}"
    if 300 <= error.status < 400:
        return f"{answer}, a redirect to a login page: set {TOKEN}"
    if status_may_pass(error.status):
        return f"{answer} repeatedly: look at the cluster, then run the same command again"
    return f"{answer}: {HINTS.get(error.status, 'it rejects the request; is it Kubeflow Pipelines 2.14 or later?')}"


def _said(body: str | None) -> str:
    """The message in an error's body, in brackets and on one line; nothing if the body is not a JSON object."""
    try:
        answer = json.loads(body or "")
    except ValueError:
        return ""
    message = (
        (answer.get("message") or answer.get("error_message") or answer.get("error"))
        if isinstance(answer, dict)
        else ""
    )
    return f" ({in_one_line(str(message))})" if message else ""
