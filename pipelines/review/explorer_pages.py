"""The pages of the lineage explorer. Every answer is read from the run's datasets as they are now."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from components.common.errors import UserError
from components.lineage.find import find
from components.lineage.identify import named, pictured
from components.lineage.rows import Run
from components.lineage.trace import Place, key_of
from pipelines.review.explorer import blob, choices, shown
from pipelines.review.pages import page

KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp", b"GIF8": "image/gif"}
"""First bytes of a picture -> media type. Anything else is sent as plain bytes, which no browser runs."""


def lineage(request: Request) -> Response:
    """The run's datasets; or what `what` names, or the rows that it finds."""
    what = request.query_params.get("what", "").strip()
    data = request.app.state.review.workspace.root / "data"
    filled: dict[str, Any] = {"what": what, "error": ""}
    try:
        filled |= _answer(data, what)
    except UserError as error:
        filled["error"] = f"{error}."
    return page(request, "lineage.html", **filled)


def picture(request: Request) -> Response:
    """A picture of a row. Its bytes are a photograph's own, or those that a stage stored."""
    run = Run(request.app.state.review.workspace.root / "data")
    content = blob(run, request.query_params.get("what", ""), request.query_params.get("blob", ""))
    if content is None:
        raise HTTPException(404)
    kind = next((kind for start, kind in KINDS.items() if content.startswith(start)), "application/octet-stream")
    return Response(content, media_type=kind)


async def by_picture(request: Request) -> Response:
    """The photograph that an uploaded picture is, or is a copy of, as JSON: the key that names it."""
    async with request.form(max_files=1, max_fields=1) as form:
        file = form.get("picture")
        if not isinstance(file, UploadFile):
            raise HTTPException(422, "Choose a picture.")
        content = await file.read()
    data = request.app.state.review.workspace.root / "data"
    return JSONResponse({"what": await run_in_threadpool(_look_up, data, content)})


def _answer(data: Path, what: str) -> dict[str, Any]:
    run = Run(data)
    if not what:
        return {"datasets": list(run.datasets.values())}
    if "=" in what:
        return {"found": [(each, choices(run, _places(each))) for each in find(data, what)]}
    meant = named(run, what)
    if not meant.dataset and not meant.places:
        raise UserError(f"{what} is not an id, name or position in this run")
    if len(meant.places) > 1:
        return {"several": choices(run, meant.places), "count": len(meant.places)}
    return {"shown": shown(run, meant)}


def _places(answer: Any) -> list[Place]:
    return [Place(answer.dataset, row["position"]) for row in answer.rows]


def _look_up(data: Path, content: bytes) -> str:
    run = Run(data)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        try:
            meant = pictured(run, path)
        except UserError:
            raise UserError("this file is not a picture that can be read") from None
    if not meant.places:
        raise UserError("no photograph of this run is, or looks like, this picture")
    place = meant.places[0]
    [row] = run[place.dataset].at([place.position])
    return key_of(run[place.dataset], row, place.position)


ROUTES = [
    Route("/lineage", lineage, name="lineage"),
    Route("/lineage/picture", picture),
    Route("/lineage/by-picture", by_picture, methods=["POST"]),
]
