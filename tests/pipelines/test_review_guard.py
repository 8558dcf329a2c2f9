"""Who gets into the app and who does not: token, forged requests, size, and what browsers are told."""

import json
import sqlite3
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from labelling_data import FILE, RUN
from review_app import TOKEN, Served, served

from components.common.errors import UserError
from pipelines.engines.workspace import Workspace
from pipelines.review.database import open_database
from pipelines.review.pages import csv_of
from pipelines.review.serve import listening_on, serve


@pytest.fixture
def app(undecided: Path) -> Iterator[Served]:
    with served(RUN, rater="ada") as running:
        yield running


def ask(app: Served, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[HTTPResponse, str]:
    """An answer and its text. headers: with `_` for `-`."""
    connection = HTTPConnection(urlsplit(app.address).netloc)
    connection.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
    reply = connection.getresponse()
    text = reply.read().decode(errors="replace")
    connection.close()
    return reply, text


def signed_in(app: Served) -> tuple[str, str]:
    """A cookie, and what proves that a request is not forged."""
    reply, _ = ask(app, "GET", f"/label?token={TOKEN}&lane=all")
    assert (reply.status, reply.headers["location"]) == (303, "/label?lane=all")
    cookie = reply.headers["set-cookie"]
    assert "httponly" in cookie and "samesite=lax" in cookie
    _, page = ask(app, "GET", "/label", cookie=cookie)
    return cookie, page.partition('name="csrf" content="')[2].partition('"')[0]


@pytest.mark.parametrize("path", ["/", "/label", "/label/turns", "/label/answers.csv", "/static/app.css", "/nothing"])
def test_nothing_is_shown_without_the_token(app: Served, path: str) -> None:
    for address in (path, f"{path}?token=wrong", f"{path}?token=%C3%A9"):
        reply, text = ask(app, "GET", address)
        assert (reply.status, text.partition(":")[0]) == (401, "Open the address that `objectmate review` printed")
        assert "set-cookie" not in reply.headers


def test_a_cookie_that_we_did_not_sign_is_none(app: Served) -> None:
    cookie, _ = signed_in(app)
    name = cookie.partition("=")[0]
    assert ask(app, "GET", "/label", cookie=f"{name}=eyJjc3JmIjogIngifQ==.aaaa.bbbb")[0].status == 401


def test_a_forged_request_changes_nothing(app: Served) -> None:
    cookie, proof = signed_in(app)
    _, text = ask(app, "GET", "/label/turns", cookie=cookie)
    body = json.dumps([{"do": "answer", "turn": json.loads(text)["ahead"][0]["id"], "word": "same"}]).encode()
    for wrong in (
        {},
        {"x_csrf_token": "x"},
        {"x_csrf_token": proof, "origin": "https://elsewhere.example"},
        {"x_csrf_token": proof, "origin": "http://[x"},
    ):
        assert ask(app, "POST", "/label/actions", body, cookie=cookie, **wrong)[0].status == 403
    assert ask(app, "POST", "/label/actions", body, x_csrf_token=proof)[0].status == 401
    assert not FILE.exists()
    assert ask(app, "POST", "/label/actions", body, cookie=cookie, x_csrf_token=proof)[0].status == 200
    assert FILE.read_text().count('"same","ada"') == 1


def test_what_is_too_large_or_no_answer_is_refused(app: Served) -> None:
    cookie, proof = signed_in(app)
    own = {"cookie": cookie, "x_csrf_token": proof}
    assert ask(app, "POST", "/label/actions", b"{}", content_length=str(65 << 20), **own)[0].status == 413
    for body in (b"", b"{}", b'[{"do": "drop", "turn": "x"}]', b'[{"do": "answer", "turn": "x", "word": "yes"}]'):
        assert ask(app, "POST", "/label/actions", body, **own)[0].status == 422
    reply, text = ask(app, "POST", "/label/actions", b'[{"do": "undo", "turn": "nobody"}]', **own)
    assert (reply.status, json.loads(text)["refused"]) == (
        200,
        ["An answer was for a pair that is not yours here: reload the page."],
    )


def test_a_body_without_a_length_is_cut_off(app: Served) -> None:
    cookie, proof = signed_in(app)
    connection = HTTPConnection(urlsplit(app.address).netloc)
    connection.putrequest("POST", "/label/actions")
    for name, value in (("cookie", cookie), ("x-csrf-token", proof), ("transfer-encoding", "chunked")):
        connection.putheader(name, value)
    connection.endheaders()
    piece = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    try:
        for _ in range(66):
            connection.send(piece)
        connection.send(b"0\r\n\r\n")
        assert connection.getresponse().status == 413
    except ConnectionError:  # closed before all was sent
        pass
    connection.close()
    assert ask(app, "GET", "/label", cookie=cookie)[0].status == 200


def test_browsers_are_told_to_run_only_our_own_code(app: Served) -> None:
    cookie, _ = signed_in(app)
    for path in ("/label", "/static/label.js", "/nothing"):
        reply, _ = ask(app, "GET", path, cookie=cookie)
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'" in policy and "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in reply.headers


def test_the_page_does_not_say_which_objects_it_shows(app: Served) -> None:
    cookie, _ = signed_in(app)
    _, text = ask(app, "GET", "/label/turns", cookie=cookie)
    assert {key for turn in json.loads(text)["ahead"] for key in turn} == {"id", "answer", "flagged"}
    turn = json.loads(text)["ahead"][0]["id"]
    reply, _ = ask(app, "GET", f"/label/pictures/{turn}", cookie=cookie)
    assert reply.headers["content-type"] == "application/octet-stream"
    for wrong in ("0", f"{turn}/left", "..%2f..%2fparams"):
        assert ask(app, "GET", f"/label/pictures/{wrong}", cookie=cookie)[0].status == 404


def test_cells_that_a_spreadsheet_would_compute_are_made_inert() -> None:
    assert csv_of(["a", "b"], [["=1+1", -1], ["@x", "-2"], ["\tx", 'a"b']]) == (
        "a,b\n'=1+1,-1\n'@x,'-2\n'\tx,\"a\"\"b\"\n"
    )


def test_what_cannot_be_used_is_one_sentence(undecided: Path) -> None:
    for url in ("nonsense", "nonsense://user:secret@host/name", "postgresql://user:secret@host:port/name"):
        with pytest.raises(UserError, match="--database is not the URL of a database") as refused:
            open_database(url)
        assert "secret" not in str(refused.value)
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(UserError, match="would lose all answers"):
            open_database(url)
    with sqlite3.connect("older.db") as older:
        older.execute("CREATE TABLE turns (id TEXT)")
    for url in ("sqlite:////nowhere/at/all.db", "sqlite:///older.db"):
        with pytest.raises(UserError, match="cannot be opened"):
            open_database(url)
    with listening_on("127.0.0.1", 0) as taken, pytest.raises(UserError, match="correct --host or --port"):
        serve(RUN, [], "127.0.0.1", taken.getsockname()[1], "", "", print)
    with pytest.raises(UserError, match="--host is empty"):
        serve(RUN, [], "", 0, "", "", print)
    with pytest.raises(UserError, match="nowhere is not the folder of a run"):
        serve(RUN, [Workspace(Path("nowhere"))], "127.0.0.1", 0, "", "", print)


def test_a_name_goes_back_to_a_page_of_the_app_alone(app: Served) -> None:
    cookie, proof = signed_in(app)
    for back, then in (("/label", "/label"), ("//x.example", "/"), ("/%5Cx.example", "/"), ("/%09/x.example", "/")):
        _, page = ask(app, "GET", f"/name?back={back}", cookie=cookie)
        assert page.partition('data-then="')[2].partition('"')[0] == then
    kind = {"content_type": "application/x-www-form-urlencoded"}
    reply, text = ask(app, "POST", "/name", b"name=" + b"x" * 81, cookie=cookie, x_csrf_token=proof, **kind)
    assert (reply.status, text) == (422, "a rater's name has at most 80 letters: give a shorter one\n")


def test_no_text_is_too_odd_for_the_search(app: Served) -> None:
    cookie, _ = signed_in(app)
    for what in ("images:%C2%B2", f"images:{'9' * 5000}", f"width={'9' * 5000}", "%00", "*", "[0"):
        reply, page = ask(app, "GET", f"/lineage?what={what}", cookie=cookie)
        assert reply.status == 200 and "<h1>Lineage</h1>" in page
