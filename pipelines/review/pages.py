"""What all pages share: templates, the rater, the actions in a request, tables as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

HERE = Path(__file__).parent
TEMPLATES = Jinja2Templates(HERE / "templates")  # they escape all values
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
"""For pictures whose address is never reused."""
MOST_ACTIONS = 500
T = TypeVar("T")
COMPUTED = ("=", "+", "-", "@", "\t", "\r")
"""A cell that starts with one of these is a formula to a spreadsheet."""


def page(request: Request, name: str, status: int = 200, **filled: Any) -> Response:
    """A page from its template."""
    shared = {"csrf": request.session["csrf"], "rater": rater_of(request), "path": request.url.path}
    return TEMPLATES.TemplateResponse(request, name, shared | filled, status)


def rater_of(request: Request) -> str:
    """The rater: the name given in the browser, or on the command line; empty if there is none yet."""
    return request.session.get("rater") or request.app.state.rater


def rater_named(request: Request) -> str:
    """The rater. Raises `HTTPException` if there is no name yet."""
    if not (rater := rater_of(request)):
        raise HTTPException(409, "There is no rater's name yet: reload the page.")
    return rater


def there(room: T | str) -> T:
    """The room. Raises `HTTPException` if there is only a sentence about why it is missing."""
    if isinstance(room, str):
        raise HTTPException(404, room)
    return room


async def asked_for(request: Request, actions: TypeAdapter[list[T]]) -> list[T]:
    """The actions in a request. Raises `HTTPException` if they cannot be read, or are too many."""
    try:
        requested = actions.validate_json(await request.body())
    except ValidationError:
        raise HTTPException(422, "These answers cannot be read: reload the page.") from None
    if len(requested) > MOST_ACTIONS:
        raise HTTPException(422, f"At most {MOST_ACTIONS} answers are accepted at once.")
    return requested


def ask_name(request: Request) -> Response:
    """Redirects to the form that asks for a name and then leads back."""
    back = f"{request.url.path}?{request.url.query}"
    return RedirectResponse(f"/name?{urlencode({'back': back})}", 303)


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV in which no spreadsheet finds a formula: a text that could be one gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([inert(value) for value in row] for row in rows)
    return text.getvalue()


def inert(value: Any) -> Any:
    """A cell of a CSV that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(COMPUTED) else value


def attachment(text: str | bytes, name: str, kind: str) -> Response:
    """A file to download. name: plain letters, digits and dots."""
    return Response(text, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
