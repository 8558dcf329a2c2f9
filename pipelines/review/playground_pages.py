"""The pages on which the model is tried."""

from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from components.common.errors import UserError
from components.common.references import GUIDANCE, REFERENCES, STEPS
from components.common.vision.geometry import parse_box
from pipelines.review.pages import FOREVER, page, rater_of
from pipelines.review.playground import RESULT, SCENE, Playground, Wish


def playground(request: Request) -> Response:
    """The page on which the model is tried."""
    return page(
        request,
        "playground.html",
        reason=_room(request).reason,
        most=REFERENCES,
        steps=STEPS,
        guidance=GUIDANCE,
    )


async def draw(request: Request) -> Response:
    """Draws what a form describes; answers with the result's record, as JSON."""
    async with request.form(max_files=REFERENCES + 1, max_fields=REFERENCES + 8) as form:
        wish = await _wish(form)
    return JSONResponse(asdict(await run_in_threadpool(_room(request).draw, wish, rater_of(request))))


def progress(request: Request) -> Response:
    """The progress of the picture that is being drawn; steps is 0 if there is none."""
    room = _room(request)
    return JSONResponse({"step": room.step, "steps": room.steps})


def history(request: Request) -> Response:
    """The records of all results, newest first, as JSON."""
    return JSONResponse([asdict(made) for made in _room(request).history()])


def picture(request: Request) -> Response:
    """A result, or the scene into which it was drawn."""
    name = {"result": RESULT, "scene": SCENE}.get(request.path_params["which"], "")
    path = _room(request).file(request.path_params["made"], name)
    if path is None:
        raise HTTPException(404)
    kind = "image/png" if name == RESULT else "image/webp"
    return FileResponse(path, media_type=kind, headers=FOREVER)


def forget(request: Request) -> Response:
    """Deletes a result with its scene."""
    _room(request).forget(request.path_params["made"])
    return JSONResponse({})


async def _wish(form: FormData) -> Wish:
    references = [await each.read() for each in form.getlist("reference") if isinstance(each, UploadFile)]
    boxes = [parse_box(str(text)) if text else None for text in form.getlist("reference_box")]
    scene = form.get("scene")
    if not isinstance(scene, UploadFile) or not references or len(boxes) != len(references):
        raise UserError(f"choose a scene and one to {REFERENCES} references")
    return Wish(
        scene=await scene.read(),
        box=parse_box(str(form.get("box", ""))),
        references=references,
        boxes=boxes,
        seed=_number(form, "seed", int),
        steps=_number(form, "steps", int),
        guidance=_number(form, "guidance", float),
    )


def _number(form: FormData, name: str, kind: type) -> Any:
    try:
        return kind(str(form.get(name, "")))
    except ValueError:
        raise UserError(f"{name} is not a number: correct it") from None


def _room(request: Request) -> Playground:
    return request.app.state.review.playground


ROUTES = [
    Route("/playground", playground, name="playground"),
    Route("/playground/draw", draw, methods=["POST"]),
    Route("/playground/progress", progress),
    Route("/playground/history", history),
    Route("/playground/picture/{made}/{which}", picture),
    Route("/playground/forget/{made}", forget, methods=["POST"]),
]
