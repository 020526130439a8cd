"""Signed requests over HTTP: who is let in as whom, what is refused, and that neither secret nor signature is shown."""

import base64
import hashlib
import hmac
import logging
import socket
from collections.abc import Callable, Iterator
from email.utils import formatdate
from time import time
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from clients import API, RETRY, SUBTASK, TASK, TASKS, Client, failed_world, said
from processes import END_S

from mockserver import MockServer
from mockserver.server import auth
from mockserver.times import SECOND

KEY, SECRET = "cqammmxBpfGjFlto", "2fc0c299cc94c6be266f2ceece765d4d"
SCHEME = "OCP-ACCESS-KEY-HMACSHA1"
USERS = {
    "operator": {"password": "operator", "permissions": ["TASK_MANAGER"], "accessKeys": {"other": "one", KEY: SECRET}},
    "viewer": {"password": "viewer", "permissions": ["TASK_VIEWER"], "accessKeys": {"watching": "sécret"}},
}
MINUTE = 60


class Signed(requests.auth.AuthBase):
    """Signs what requests is about to send; written after the document, and not after our own code."""

    def __init__(
        self,
        key: str = KEY,
        secret: str = SECRET,
        *,
        late_s: float = 0,
        date: bool = True,
        comma: str = ",",
        path: Callable[[str], str] = str,
    ) -> None:
        self.key, self.secret, self.late_s, self.date = key, secret, late_s, date
        self.comma, self.path = comma, path

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts, headers, body = urlsplit(request.url or ""), request.headers, request.body or b""
        body = body.encode() if isinstance(body, str) else body
        values: dict[str, list[str]] = {}
        for name, _, value in (one.partition("=") for one in parts.query.split("&") if one):
            values.setdefault(name, []).append(value)  # the tests send what needs no encoding
        query = "&".join(f"{name}={self.comma.join(sorted(values[name]))}" for name in sorted(values))
        date = formatdate(time() + self.late_s, usegmt=True)
        ocp = [f"{name}:{headers[name]}" for name in sorted(map(str.lower, headers)) if name.startswith("x-ocp-")]
        lines = [
            request.method or "",
            hashlib.md5(body).hexdigest().upper() if body else "",
            headers.get("Content-Type") or "",
            date if self.date else "",
            headers.get("Host") or parts.netloc,
            "\n".join(ocp),
            self.path(parts.path) + (f"?{query}" if query else ""),
        ]
        digest = hmac.new(self.secret.encode(), "\n".join(lines).encode(), "sha1").digest()
        if self.date:
            headers["Date"] = date
        headers["Authorization"] = f"{SCHEME} {self.key}:{base64.b64encode(digest).decode()}"
        return request


@pytest.fixture
def keys() -> Iterator[Client]:
    """A world with a login whose users have access keys."""
    with MockServer(failed_world(auth="basic", users=USERS)) as mock, Client(mock) as client:
        yield client


@pytest.fixture
def opened() -> Iterator[Client]:
    with MockServer(failed_world(users=USERS)) as mock, Client(mock) as client:
        yield client


def codes(keys: Client, opened: Client, **options: Any) -> list[tuple[int, int | str | None]]:
    """What is said in basic, and in open."""
    return [said(client.post(RETRY, **options)) for client in (keys, opened)]


# --- who is let in ---------------------------------------------------------------------------------------------------


def test_an_access_key_acts_as_its_user(keys: Client) -> None:
    assert said(keys.post(RETRY, auth=Signed("watching", "sécret"))) == (403, "IAM11000")
    assert keys.latest()["request"]["user"] == "viewer"
    assert said(keys.get(TASK, auth=Signed("other", "one"))) == (200, None)
    assert said(keys.post(RETRY, auth=Signed())) == (200, None)
    assert keys.latest()["request"]["user"] == "operator"


def test_rules_and_denials_for_a_user_meet_its_access_key(keys: Client) -> None:
    keys.fault(503, user="viewer", times=1)
    keys.admin("POST", "/denials", {"permission": "TASK_MANAGER", "user": "operator"})
    assert said(keys.get(TASK, auth=Signed("watching", "wrong"))) == (503, "COM10999")
    assert said(keys.get(TASK, auth=Signed("watching", "sécret"))) == (200, None)
    assert said(keys.post(RETRY, auth=Signed())) == (403, "IAM11000")


@pytest.mark.parametrize("comma", [",", "%2C"])
@pytest.mark.parametrize("query", ["?size=5&page=1", "?status=FAILED&size=5&status=RUNNING"])
def test_a_query(keys: Client, query: str, comma: str) -> None:
    """With a parameter that is there twice, too."""
    assert said(keys.get(TASKS + query, auth=Signed(comma=comma))) == (200, None)
    assert said(keys.get(TASKS + query, auth=Signed(comma=";;"))) == (
        (401, "IAM10004") if "&status" in query else (200, None)
    )


def test_a_body_and_a_header_of_two_values(keys: Client) -> None:
    """Of the body every byte counts, also what is more than the journal keeps."""
    body = b'{"taskInstanceId": 1000, "more": "' + b"x" * 100_000 + b'"}'
    headers = {"Content-Type": "application/json", "X-Ocp-Data": "A,1", "x-ocp-a": "b"}
    path = f"{RETRY}?subtaskInstanceId=10001&a=2&taskInstanceId=1000&a=1"

    def tampered(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request = Signed()(request)
        request.body = body[:-3] + b'y"}'
        return request

    assert said(keys.post(path, data=body, headers=headers, auth=tampered)) == (401, "IAM10004")
    assert said(keys.post(path, data=body, headers=headers, auth=Signed())) == (200, None)


@pytest.mark.parametrize("path", [str, lambda path: path.removeprefix("/w/anna")], ids=["as sent", "without"])
def test_in_a_world_of_its_own(keys: Client, path: Callable[[str], str]) -> None:
    assert said(keys.post(f"/w/anna{RETRY}", auth=Signed(path=path))) == (200, None)
    assert said(keys.post(f"/w/anna{SUBTASK}/skip", auth=Signed("no"), headers={"X-A": "1"})) == (401, "IAM10004")


def test_the_documents_examples(keys: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are let in, and then told that there is no such route here; a byte more or less is not."""
    monkeypatch.setattr(auth, "wall", lambda: 1673928842 * SECOND)
    headers = {
        "Host": "ocp.alibaba.net:8080",
        "Date": "Tue, 17 Jan 2023 04:14:02 GMT",
        "Content-Type": "application/json;charset=utf-8",
        "Authorization": f"{SCHEME} {KEY}:TsQD6HDOuZuJ409m0wdnZPmijlc=",
    }
    assert said(keys.get(f"{API}/compute/idcs?size=100", headers=headers)) == (404, "COM10002")
    assert said(keys.get(f"{API}/compute/idcs?size=101", headers=headers)) == (401, "IAM10004")
    monkeypatch.setattr(auth, "wall", lambda: 1673946837 * SECOND)
    headers |= {
        "Date": "Tue, 17 Jan 2023 09:13:57 GMT",
        "Content-Type": "application/json",
        "x-ocp-data": "A,1",
        "Authorization": f"{SCHEME} {KEY}:XN8P+O+v3vUabB16ZCooq5wMJoY=",
    }
    body = '{"name":"test01","description":"test","regionId":1}'
    assert said(keys.post(f"{API}/compute/idcs", headers=headers, data=body)) == (404, "COM10002")
    assert said(keys.post(f"{API}/compute/idcs", headers=headers, data=body + " ")) == (401, "IAM10004")
    assert said(keys.post(f"{API}/compute/idcs", headers=headers | {"x-ocp-data": "A"}, data=body)) == (401, "IAM10004")


# --- who is not ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"secret": SECRET[:-1]}, "Wrong signature"),
        ({"secret": "sécret"}, "Wrong signature"),
        ({"late_s": 16 * MINUTE}, "The Date header is more than 15 minutes"),
        ({"late_s": -16 * MINUTE}, "The Date header is more than 15 minutes"),
        ({"date": False}, "A signed request has a Date header"),
    ],
    ids=str,
)
def test_what_is_signed_wrongly_is_refused(keys: Client, opened: Client, wrong: Any, problem: str) -> None:
    """Where nobody must log in, too: who says who it is, is held to it."""
    before = keys.state()
    assert codes(keys, opened, auth=Signed(**wrong)) == [(401, "IAM10004"), (401, "IAM10004")]
    answer = keys.post(RETRY, auth=Signed(**wrong))
    assert answer.json()["error"]["message"].startswith(problem)
    assert answer.headers["X-Mock-Hint"].isascii()
    assert keys.state() == before


def test_an_access_key_that_nobody_has(keys: Client, opened: Client) -> None:
    """It is nobody in particular, where nobody must log in."""
    assert codes(keys, opened, auth=Signed("nobodys")) == [(401, "IAM10004"), (200, None)]
    assert "cqammmxBpfGjFlto" in keys.post(RETRY, auth=Signed("nobodys")).headers["X-Mock-Hint"]
    assert opened.latest()["request"]["user"] is None


@pytest.mark.parametrize("token", ["", "abc", f"{KEY}:", ":abc"])
def test_a_signature_that_is_none(keys: Client, opened: Client, token: str) -> None:
    assert codes(keys, opened, headers={"Authorization": f"{SCHEME} {token}"}) == [(401, "IAM10004"), (401, "IAM10004")]


def test_a_hint_shows_what_should_have_been_signed(keys: Client) -> None:
    answer = keys.post(f"{RETRY}?b=1&a=2", auth=Signed(secret="other"), headers={"X-Ocp-Data": "1"})
    assert f"x-ocp-data:1\\n{RETRY}?a=2&b=1'" in answer.headers["X-Mock-Hint"]


@pytest.mark.parametrize("mode", ["basic", "open"])
def test_without_users_any_signature_will_do(mode: str) -> None:
    with MockServer(failed_world(auth=mode)) as mock, Client(mock) as client:
        assert said(client.post(RETRY, auth=Signed("any", "thing", date=False))) == (200, None)


@pytest.mark.parametrize(
    ("off_s", "status"), [(900, 200), (-900, 200), (901, 401), (-901, 401), (-0.5, 200), (10**9, 401)]
)
def test_a_date_may_be_fifteen_minutes_off(
    keys: Client, monkeypatch: pytest.MonkeyPatch, off_s: float, status: int
) -> None:
    began = int(time())
    monkeypatch.setattr(auth, "wall", lambda: round((began + off_s) * SECOND))

    def signed_at_once(request: requests.PreparedRequest) -> requests.PreparedRequest:
        return Signed(late_s=began - time() + 0.01)(request)

    assert keys.get(TASK, auth=signed_at_once).status_code == status


@pytest.mark.parametrize(
    ("date", "instant"),
    [
        ("Tue, 17 Jan 2023 04:14:02 GMT", 1673928842),
        ("Tue, 3 Jan 2023 04:14:02 GMT", 1672719242),
        ("Tue, 17 Jan 2023 04:14:02", None),
        ("Tue, 17 Jan 2023 04:14:02 +0800", None),
        ("2023-01-17T04:14:02Z", None),
        ("Tue, 99 Jan 2023 04:14:02 GMT", None),
        ("Tue, 17 Jan 99999999999999999999 04:14:02 GMT", None),
        (" GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_date_is(date: str | None, instant: int | None) -> None:
    assert auth.instant_of(date) == (None if instant is None else instant * SECOND)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [{}, {"secret": "x"}, {"date": False}, {"late_s": 16 * MINUTE}], ids=str)
def test_where_the_dialect_has_none_it_is_a_scheme_that_nobody_knows(keys: Client, opened: Client, wrong: Any) -> None:
    """Source: engine. Where nobody must log in it is nobody in particular; where one must, it is the client's error."""
    for client in (keys, opened):
        client.admin("PUT", "/settings", {"dialect": "ocp-express"})
    before = keys.state(), keys.admin("GET", "/contract")["clientErrors"]
    assert codes(keys, opened, auth=Signed(**wrong)) == [(401, 30004), (200, None)]
    assert (keys.state(), keys.admin("GET", "/contract")["clientErrors"]) == (before[0], before[1] + 1)
    assert opened.latest()["request"]["user"] is None
    message = keys.post(RETRY).json()["error"]["message"]
    assert message == "Authentication is required: send HTTP Basic credentials."


# --- in front of aiohttp ---------------------------------------------------------------------------------------------


def test_the_same_bytes_are_checked_anew_each_time(keys: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain request is remembered by its bytes, but not for how long its date is good; nor whose key it is."""
    prepared = Signed()(requests.Request("GET", keys.mock.url + TASK).prepare())
    lines = [f"GET {TASK} HTTP/1.1", f"Host: {urlsplit(keys.mock.url).netloc}"]
    lines += [f"{name}: {value}" for name, value in prepared.headers.items()]
    raw = "\r\n".join([*lines, "", ""]).encode()
    with socket.create_connection(("127.0.0.1", keys.mock.port), timeout=END_S) as connection:

        def status() -> bytes:
            connection.sendall(raw)
            return connection.recv(65536).split(b" ")[1]

        assert [status(), status()] == [b"200", b"200"]
        assert keys.latest()["request"]["user"] == "operator"
        with monkeypatch.context() as later:
            later.setattr(auth, "wall", lambda: round((time() + 16 * MINUTE) * SECOND))
            assert status() == b"401"
        assert status() == b"200"
        state = keys.admin("GET", "/state")
        state["users"]["viewer"]["accessKeys"] = {KEY: state["users"]["operator"].pop("accessKeys")[KEY]}
        keys.admin("PUT", "/state", state)
        assert status() == b"200"
        assert keys.latest()["request"]["user"] == "viewer"


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_neither_secret_nor_signature_is_shown(keys: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [SECRET, quote(SECRET), "sécret"]

    def noted(signed: Signed) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request = signed(request)
            secrets.append(request.headers["Authorization"].rpartition(":")[2])
            return request

        return sign

    answers = [
        keys.post(RETRY, auth=noted(signed))
        for signed in (Signed(), Signed(secret="x"), Signed("no"), Signed(late_s=-9999), Signed("watching", "sécret"))
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 401, 401, 403]
    shown = [f"{answer.headers}{answer.text}" for answer in answers]
    shown += [keys.get(f"/__admin/{what}").text for what in ("requests", "history", "contract", "faults", "users")]
    for number in range(1, 6):
        shown += [keys.get(f"/__admin/requests/{number}{below}").text for below in ("", "/copies")]
    shown.append(caplog.text)
    assert [secret for secret in secrets if any(secret in text for text in shown)] == []
    assert keys.admin("GET", "/state")["users"] == USERS, "that is the fixture"


def test_a_copy_sends_the_users_password_instead(keys: Client) -> None:
    for signed in (Signed(), Signed(secret="x")):
        keys.post(RETRY, auth=signed)
    first, second = (keys.admin("GET", f"/requests/{number}/copies") for number in (1, 2))
    assert "-u operator:operator" in first["curl"]
    assert "auth=('operator', 'operator')" in first["pytest"]
    assert "# Without the access keys of its users." in first["fixture"]
    assert (second["curl"], second["pytest"]) == (None, None)
    assert "no signature is shown" in second["why"]
