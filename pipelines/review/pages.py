"""What all pages share: templates, who asks and what for, tables as CSV."""

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
TEMPLATES = Jinja2Templates(HERE / "templates")  # escapes whatever is filled in
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
"""For pictures whose address is never used for another one."""
MOST_ACTIONS = 500
T = TypeVar("T")
COMPUTED = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""


def page(request: Request, name: str, status: int = 200, **filled: Any) -> Response:
    """A page from its template."""
    shared = {"csrf": request.session["csrf"], "rater": rater_of(request), "path": request.url.path}
    return TEMPLATES.TemplateResponse(request, name, shared | filled, status)


def rater_of(request: Request) -> str:
    """Who asks: the name given in the browser, or on the command line; empty if there is none yet."""
    return request.session.get("rater") or request.app.state.rater


def rater_named(request: Request) -> str:
    """Who asks. Raises `HTTPException` if there is no name yet."""
    if not (rater := rater_of(request)):
        raise HTTPException(409, "Nobody has said who answers: reload the page.")
    return rater


def there(room: T | str) -> T:
    """The room. Raises `HTTPException` if there is only a sentence that says why there is none."""
    if isinstance(room, str):
        raise HTTPException(404, room)
    return room


async def asked_for(request: Request, actions: TypeAdapter[list[T]]) -> list[T]:
    """What a rater's page asks for. Raises `HTTPException` if it cannot be read, or is too much at once."""
    try:
        asked = actions.validate_json(await request.body())
    except ValidationError:
        raise HTTPException(422, "These are no answers: reload the page.") from None
    if len(asked) > MOST_ACTIONS:
        raise HTTPException(422, f"At most {MOST_ACTIONS} answers are taken at once.")
    return asked


def ask_name(request: Request) -> Response:
    """To the form that asks who is there, and back."""
    back = f"{request.url.path}?{request.url.query}"
    return RedirectResponse(f"/name?{urlencode({'back': back})}", 303)


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV that no spreadsheet computes: a text that could be a formula gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([inert(value) for value in row] for row in rows)
    return text.getvalue()


def inert(value: Any) -> Any:
    """A cell of a CSV."""
    return f"'{value}" if isinstance(value, str) and value.startswith(COMPUTED) else value


def attachment(text: str | bytes, name: str, kind: str) -> Response:
    """A file to keep. name: plain letters, digits and dots."""
    return Response(text, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
