"""The pages of the label queue."""

import io
from collections.abc import Sequence
from typing import Any, cast

from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from components.common.verdicts import ASK
from pipelines.engines.again import how_to_run_again
from pipelines.labelling.session import Session
from pipelines.review.deck import Turn
from pipelines.review.label_report import LABELLED, answers_table, report
from pipelines.review.label_room import ALL, DISPUTED, Action, LabelRoom, Lane
from pipelines.review.pages import FOREVER, ask_name, asked_for, attachment, csv_of, page, rater_named, rater_of, there

SIDE = 480  # px, of the photograph around an object
ACTIONS = TypeAdapter(list[Action])


def label(request: Request) -> Response:
    """The page on which pairs are judged."""
    if isinstance(request.app.state.review.labels, str):
        return page(request, "no_queue.html", reason=request.app.state.review.labels)
    if not rater_of(request):
        return ask_name(request)
    return page(request, "label.html", lane=_lane(request), room=request.app.state.review.labels, ask=ASK)


def turns(request: Request) -> Response:
    """The rater's next turns and the state of the gate, as JSON."""
    return JSONResponse(_turns(_room(request), rater_named(request), _lane(request)))


async def actions(request: Request) -> Response:
    """Does what the rater's page asks for; answers like `turns`, plus what could not be done."""
    room, rater, lane = _room(request), rater_named(request), _lane(request)
    asked = await asked_for(request, ACTIONS)
    refused = await run_in_threadpool(room.act, rater, asked)
    return JSONResponse((await run_in_threadpool(_turns, room, rater, lane)) | {"refused": refused})


def pictures(request: Request) -> Response:
    """The pictures of a turn in one answer: both objects, then the photographs around them, from left to right.

    Four lengths in bytes come first, 32 bits each, big-endian. Nothing reveals which objects they are.
    """
    room = _room(request)
    turn = room.turn(request.path_params["turn"])
    if turn is None:
        raise HTTPException(404)
    rows = (turn.left, turn.right)
    parts = [*map(room.pictures.stored_crop, rows), *(_photograph(room, row) for row in rows)]
    lengths = b"".join(len(part).to_bytes(4, "big") for part in parts)
    return Response(lengths + b"".join(parts), media_type="application/octet-stream", headers=FOREVER)


def _photograph(room: LabelRoom, row: int) -> bytes:
    encoded = io.BytesIO()
    room.pictures.photograph(row, SIDE, enlarge=False).save(encoded, "JPEG", quality=85)
    return encoded.getvalue()


def raters(request: Request) -> Response:
    """How much each rater has answered, and how far raters agree with themselves, with labels and with each other."""
    if isinstance(request.app.state.review.labels, str):
        return page(request, "no_queue.html", reason=request.app.state.review.labels)
    if not rater_of(request):
        return ask_name(request)
    room = _room(request)
    session = _session(request)
    return page(
        request,
        "raters.html",
        report=report(room, session),
        state=_state(room, session),
        file=room.open.file.path,
    )


def answers(request: Request) -> Response:
    """Every answer given in the app, checks included, as CSV."""
    return attachment(csv_of(LABELLED, answers_table(_room(request))), "answers.csv", "text/csv")


def _turns(room: LabelRoom, rater: str, lane: Lane) -> dict[str, Any]:
    ahead, behind = room.turns(rater, lane)
    return {"state": _state(room, room.session(rater)), "ahead": _shown(ahead), "behind": _shown(behind)}


def _shown(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Turns without what the rater must not know: their kind and their objects."""
    return [{"id": turn.id, "answer": turn.answer, "flagged": turn.flagged} for turn in turns]


def _state(room: LabelRoom, session: Session) -> dict[str, Any]:
    """The state of the gate. again: how to run again with these answers, once they decide."""
    decision = session.decision
    again = how_to_run_again(room.workspace, room.open.file.path) if session.decided else ""
    return {
        "word": decision.word,
        "sentence": decision.sentence,
        "forecast": "" if session.decided else session.forecast,
        "answered": session.answered,
        "queue": len(session.queue),
        "disputed": sum(session.disputed(pair) for pair in session.queue),
        "repaired": session.repaired,
        "again": again,
    }


def _room(request: Request) -> LabelRoom:
    return there(request.app.state.review.labels)


def _session(request: Request) -> Session:
    return _room(request).session(rater_named(request))


def _lane(request: Request) -> Lane:
    lane = request.query_params.get("lane", ALL)
    if lane not in (ALL, DISPUTED):
        raise HTTPException(404)
    return cast(Lane, lane)


ROUTES = [
    Route("/label", label, name="label"),
    Route("/label/turns", turns),
    Route("/label/actions", actions, methods=["POST"]),
    Route("/label/pictures/{turn}", pictures),
    Route("/label/raters", raters, name="raters"),
    Route("/label/answers.csv", answers, name="answers"),
]
