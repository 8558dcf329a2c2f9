"""The pages of the study that compares systems."""

from typing import Any

from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from components.common.vision.images import encode_png
from pipelines.review.pages import FOREVER, ask_name, asked_for, attachment, csv_of, page, rater_named, rater_of, there
from pipelines.review.study import ASKED, Choice, Comparison, Study, StudyRoom
from pipelines.review.study_report import COLUMNS, as_parquet, preferences, table

CHOSEN = TypeAdapter(list[Choice])


def start(request: Request) -> Response:
    """Which systems to compare, and what raters have preferred so far."""
    room = request.app.state.review.study
    if isinstance(room, str):
        return page(request, "no_study.html", reason=room)
    return page(request, "study.html", room=room, asked=ASKED, preferences=preferences(room.answers()))


def compare(request: Request) -> Response:
    """The page on which one of two pictures is chosen."""
    room = _room(request)
    if not rater_of(request):
        return ask_name(request)
    study = _study(request, room)
    return page(request, "compare.html", study=study, asked=ASKED, query=request.url.query)


def turns(request: Request) -> Response:
    """The rater's comparisons, as JSON."""
    room = _room(request)
    return JSONResponse(_turns(room, _study(request, room), rater_named(request)))


async def actions(request: Request) -> Response:
    """Does what the rater's page asks for; answers like `turns`, plus what could not be done."""
    room, rater = _room(request), rater_named(request)
    asked = await asked_for(request, CHOSEN)
    study = await run_in_threadpool(_study, request, room)
    refused = await run_in_threadpool(room.act, study, rater, asked)
    return JSONResponse((await run_in_threadpool(_turns, room, study, rater)) | {"refused": refused})


def picture(request: Request) -> Response:
    """A picture of a comparison: left, right, or reference-0 and so on. Its address does not reveal the system."""
    room = _room(request)
    comparison = room.comparison(request.path_params["turn"])
    which = request.path_params["which"]
    if comparison is None:
        raise HTTPException(404)
    if which in ("left", "right"):
        content = room.picture(comparison, comparison.left if which == "left" else comparison.right)
    else:
        references = {f"reference-{number}": each for number, each in enumerate(room.references(comparison))}
        if which not in references:
            raise HTTPException(404)
        content = encode_png(references[which])
    return Response(content, media_type="image/png", headers=FOREVER)


def export_csv(request: Request) -> Response:
    """Every choice as CSV."""
    return attachment(csv_of(COLUMNS, table(_room(request).answers())), "choices.csv", "text/csv")


def export_parquet(request: Request) -> Response:
    """Every choice as Parquet."""
    content = as_parquet(table(_room(request).answers()))
    return attachment(content, "choices.parquet", "application/vnd.apache.parquet")


def _turns(room: StudyRoom, study: Study, rater: str) -> dict[str, Any]:
    ahead, behind = room.turns(study, rater)
    left = len(ahead)
    return {
        "state": {"left": left, "answered": room.answered(study, rater)},
        "ahead": [_shown(room, turn) for turn in ahead[:40]],
        "behind": [_shown(room, turn) for turn in behind],
    }


def _shown(room: StudyRoom, turn: Comparison) -> dict[str, Any]:
    """A comparison without what the rater must not know."""
    references = len(room.references(turn))
    return {"id": turn.id, "answer": turn.choice, "prompt": room.prompt(turn), "references": references}


def _room(request: Request) -> StudyRoom:
    return there(request.app.state.review.study)


def _study(request: Request, room: StudyRoom) -> Study:
    asked = request.query_params
    return room.study(asked.get("question", ""), asked.get("first", ""), asked.get("second", ""))


ROUTES = [
    Route("/study", start, name="study"),
    Route("/study/compare", compare),
    Route("/study/turns", turns),
    Route("/study/actions", actions, methods=["POST"]),
    Route("/study/picture/{turn}/{which}", picture),
    Route("/study/choices.csv", export_csv),
    Route("/study/choices.parquet", export_parquet),
]
