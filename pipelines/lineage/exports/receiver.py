"""Sends events to an OpenLineage receiver over HTTP, such as Marquez or DataHub."""

import os
from collections.abc import Sequence
from urllib.parse import urlsplit

from openlineage.client.event_v2 import RunEvent
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import HTTPError, RequestException, Timeout

from components.common.errors import StageFailed, UserError, without_user
from components.common.retry import WAITS, persist, status_may_pass

KEY = "OPENLINEAGE_API_KEY"
ENDPOINT = "api/v1/lineage"
"""Where receivers listen, unless the address has a path of its own."""
TIMEOUT = 10.0


def deliver(events: Sequence[RunEvent], address: str, waits: tuple[float, ...] = WAITS) -> None:
    """Sends events in order; if the receiver is unavailable or busy, tries again after each wait (s).

    The key in OPENLINEAGE_API_KEY, if set, goes with them. Events keep their run's id, so sending them twice is
    harmless. Raises `UserError` if the address is invalid or the receiver refuses an event, and `StageFailed` if it
    cannot be reached.
    """
    transport = _transport(address)
    for place, event in enumerate(events):
        try:
            persist(lambda event=event: transport.emit(event), _may_pass, waits)  # type: ignore[misc]
        except RequestException as error:
            raise _sentence(error, without_user(address), f"{place} of {len(events)} events arrived") from None


def _transport(address: str) -> HttpTransport:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(
            f"--to {without_user(address)} is not the address of a receiver: write one such as http://localhost:5000"
        )
    config = HttpConfig(
        url=address,
        endpoint=parts.path if parts.path.strip("/") else ENDPOINT,
        timeout=TIMEOUT,
        retry={"total": 0},  # the retries are ours
    )
    if key := os.environ.get(KEY):
        config.auth = ApiKeyTokenProvider({"api_key": key})
    return HttpTransport(config)  # without the client, whose own tags would make the events differ from the file


def _may_pass(error: Exception) -> bool:
    if isinstance(error, HTTPError):
        return status_may_pass(error.response.status_code)
    return isinstance(error, NoConnection | Timeout)


def _sentence(error: RequestException, address: str, arrived: str) -> UserError | StageFailed:
    kept = f"{arrived}, and all are in the file; send them again with the same command"
    if not isinstance(error, HTTPError):
        return StageFailed(f"the receiver at {address} cannot be reached ({type(error).__name__}): {kept}")
    status = error.response.status_code
    if status in (401, 403):
        return UserError(f"the receiver at {address} refuses this user ({status}): set {KEY}; {kept}")
    if _may_pass(error):
        return StageFailed(f"the receiver at {address} answers {status}: {kept} later")
    return UserError(f"the receiver at {address} refuses an event ({status}): check the address; {kept}")
