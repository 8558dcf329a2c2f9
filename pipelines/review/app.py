"""The app: its rooms (label, study, playground), its routes, and its middleware."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from components.common.errors import UserError
from components.common.verdicts import ASK
from pipelines.engines.workspace import Workspace
from pipelines.labelling.opening import places, why_not
from pipelines.labelling.session import check_name
from pipelines.report.templates import THEME
from pipelines.review import explorer_pages, label_pages, playground_pages, study_pages
from pipelines.review.guard import Guard
from pipelines.review.label_room import LabelRoom
from pipelines.review.pages import HERE, page
from pipelines.review.playground import Playground
from pipelines.review.study import StudyRoom

WEEK = 7 * 24 * 3600  # seconds that a browser stays logged in, at most as long as the app runs


@dataclass
class Review:
    """What the app works on. labels, study: a room, or one sentence that says why there is none."""

    workspace: Workspace
    engine: Engine
    labels: LabelRoom | str
    study: StudyRoom | str
    playground: Playground


def open_review(workspace: Workspace, engine: Engine, beside: Sequence[Workspace] = ()) -> Review:
    """The rooms that the run has data for. beside: runs to compare its pictures with."""
    study = _study([workspace, *beside], engine)
    return Review(workspace, engine, _labels(workspace, engine), study, Playground(workspace))


def _study(workspaces: Sequence[Workspace], engine: Engine) -> StudyRoom | str:
    try:
        return StudyRoom(workspaces, engine)
    except UserError as error:
        return f"There are no pictures of systems to compare: {error}."


def _labels(workspace: Workspace, engine: Engine) -> LabelRoom | str:
    try:
        reason = why_not(workspace)
        if reason and not places(workspace).queue.is_file():
            return reason
        return LabelRoom(workspace, engine)
    except UserError as error:
        return f"There is nothing to label: {error}."


def create_app(review: Review, token: str, rater: str = "", port: int = 0) -> Starlette:
    """The app for anyone with the token. rater: the name for browsers in which nobody has entered one."""
    routes = [
        Route("/", home, name="home"),
        Route("/name", name, methods=["GET", "POST"], name="name"),
        *label_pages.ROUTES,
        *study_pages.ROUTES,
        *explorer_pages.ROUTES,
        *playground_pages.ROUTES,
        Route("/static/theme.css", theme),
        Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
    ]
    cookie = f"objectmate_review_{port}"  # browsers share cookies between the ports of a machine
    middleware = [
        Middleware(
            SessionMiddleware, secret_key=secrets.token_hex(32), session_cookie=cookie, max_age=WEEK, same_site="lax"
        ),
        Middleware(Guard, token=token),
    ]
    handlers = {HTTPException: _refused, UserError: _refused}
    app = Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)
    app.state.review, app.state.rater = review, rater
    return app


def theme(request: Request) -> Response:
    """The colours that all pages share."""
    return FileResponse(THEME)


def home(request: Request) -> Response:
    """The start page."""
    return page(request, "home.html", review=request.app.state.review, ask=ASK)


async def name(request: Request) -> Response:
    """Asks for the rater's name, and remembers it for this browser."""
    if request.method == "GET":
        return page(request, "name.html", back=_here(request.query_params.get("back", "/")))
    async with request.form(max_files=0, max_fields=4) as form:
        request.session["rater"] = await run_in_threadpool(check_name, str(form.get("name", "")))
    return JSONResponse({})


def _here(address: str) -> str:
    """The address if it is one of the app's own, else "/"; browsers read `/\\` and `/TAB/` as the start of a host."""
    own = address.isprintable() and address.startswith("/") and address[1:2] not in ("/", "\\")
    return address if own else "/"


async def _refused(request: Request, error: Exception) -> Response:
    """The error in one sentence: as a page if the browser wants one, as text for a page's own request."""
    status, sentence = (error.status_code, error.detail) if isinstance(error, HTTPException) else (422, str(error))
    if "text/html" in request.headers.get("accept", ""):
        return page(request, "refused.html", status=status, sentence=sentence)
    return PlainTextResponse(f"{sentence}\n", status)
