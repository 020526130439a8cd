"""The journal as HAR 1.2: right by the specification, whatever came, and without anybody's secrets."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from clients import RETRY, TASK, TASKS, Client
from hars import entries
from raw_sockets import connected, heard

from mockserver import MockServer

HAR = {"Accept": "application/har+json"}


@pytest.fixture
def signed() -> Iterator[Client]:
    users = {"operator": {"password": "Secret1", "permissions": ["ADMIN"], "accessKeys": {"AK": "Secret2"}}}
    with MockServer({"auth": "basic", "users": users, "tasks": [{"id": 1000}]}) as mock, Client(mock) as client:
        yield client


def test_an_entry_has_both_sides(failed: Client) -> None:
    failed.post(f"{RETRY}?a=1&a=2", headers={"X-Request-Id": "7"}, json={"b": [1]}, auth=("operator", "x"))
    [entry] = entries(failed.get("/__admin/requests", headers=HAR).content)
    asked, answered = entry["request"], entry["response"]
    assert (asked["method"], asked["url"]) == ("POST", f"{failed.mock.url}{RETRY}?a=1&a=2")
    assert asked["queryString"] == [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]
    assert {"name": "X-Request-Id", "value": "7"} in asked["headers"]
    assert {"name": "Authorization", "value": "Basic [redacted]"} in asked["headers"]
    assert asked["postData"] == {"mimeType": "application/json", "text": '{"b": [1]}'}
    assert (answered["status"], answered["statusText"], answered["content"]["mimeType"]) == (
        *(200, "OK"),
        "application/json",
    )
    assert json.loads(answered["content"]["text"])["data"]["status"] == "READY"
    assert {"name": "X-Mock-Contract", "value": "valid"} in answered["headers"]
    assert entry["comment"] == "client error: a is no parameter of retrySubtask"


def test_its_times_are_the_machine_s(failed: Client) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    failed.get(TASK)
    [entry] = entries(failed.get("/__admin/requests", headers=HAR).content)
    assert before < datetime.fromisoformat(entry["startedDateTime"]) < datetime.now(UTC) + timedelta(seconds=1)
    assert 0 < entry["time"] == entry["timings"]["wait"] < 60_000


@pytest.mark.parametrize(
    ("headers", "query", "is_har"),
    [
        (HAR, "", True),
        ({}, "?format=har", True),
        ({"Accept": "text/html, application/har+json;q=0.9"}, "", True),
        (HAR, "?format=json", False),
        ({}, "", False),
    ],
)
def test_it_is_given_where_it_is_asked_for(failed: Client, headers: dict[str, str], query: str, is_har: bool) -> None:
    answer = failed.get(f"/__admin/requests{query}", headers=headers)
    assert answer.headers["Content-Type"].startswith("application/har+json" if is_har else "application/json")
    assert ("log" in answer.json()) == is_har


def test_filters_count_for_it_too(failed: Client) -> None:
    failed.get(TASK)
    failed.post(RETRY)
    [entry] = entries(failed.get("/__admin/requests?format=har&operation=retrySubtask").content)
    assert entry["_mock"]["operation"] == "retrySubtask"


def test_whatever_came_it_is_right(failed: Client) -> None:
    failed.get(f"{TASKS}/x")
    failed("HEAD", TASK)
    failed.post(f"{TASK}/downloadDiagnosis")
    failed.post(RETRY, data=b"\xff\x00", headers={"Content-Type": "image/png"})
    failed.post(RETRY, data="é".encode() * 10_000)
    for rule in ({"fault": "EMPTY_RESPONSE"}, {"response": {"status": 302, "headers": {"Location": "/a?token=b"}}}):
        failed.admin("POST", "/faults", {"times": 1, **rule})
        try:
            failed("GET", TASK, allow_redirects=False)
        except requests.RequestException:
            assert "fault" in rule
    with connected(failed.mock.port) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        heard(connection)
    found = entries(failed.get("/__admin/requests", headers=HAR).content)
    assert [entry["response"]["status"] for entry in found] == [400, 200, 200, 200, 400, 0, 302, 400]
    assert found[2]["response"]["content"]["encoding"] == "base64"
    assert base64.b64decode(found[2]["response"]["content"]["text"]).startswith(b"PK")
    assert found[6]["response"]["redirectURL"] == "/a?token=[redacted]"


SECRETS = ("Secret1", "Secret2", "Secret3")


def test_it_holds_no_secret(signed: Client) -> None:
    """Nor does the journal as JSON."""
    basic = base64.b64encode(b"operator:Secret1").decode()
    url = f"{TASK}?access_token=Secret3&name=a&password=Secret3"
    for headers in (
        {"Authorization": f"Basic {basic}"},
        {"Authorization": "Bearer Secret3"},
        {"Authorization": "OCP-ACCESS-KEY-HMACSHA1 AK:Secret3"},
        {"Cookie": "SESSION=Secret3"},
        {"X-Auth-Token": "Secret3", "X-Api-Key": "Secret3", "X-CSRF-Token": "Secret3", "X-Signature": "Secret3"},
        {"Referer": "http://a:Secret3@example.invalid/?session=Secret3"},
        {"Proxy-Authorization": "Basic Secret3"},
    ):
        signed.get(url, headers=headers)
    login = {"username": "operator", "password": "Secret1", "keys": {"secretKey": "Secret2", "tokens": ["Secret3"]}}
    signed.post("/login", json=login)
    signed.post("/login", data="username=operator&password=Secret1")
    signed.post("/login", data=json.dumps(login).encode() + b" x" * 10_000)
    cookie = {"response": {"status": 200, "headers": {"Set-Cookie": "a=Secret3"}, "body": {"token": "Secret3"}}}
    signed.get(TASK, headers={"X-Mock-Fault": json.dumps(cookie)})
    har = signed.get("/__admin/requests", headers=HAR).text
    assert len(entries(har)) == 11
    for text in (har, signed.get("/__admin/requests").text, signed.get("/__admin/contract/client-errors").text):
        assert [secret for secret in (*SECRETS, basic) if secret in text] == []
    assert "operator" in har


def test_half_of_a_character_is_no_trouble(failed: Client) -> None:
    """Where something had to be left out of a body, it is written anew."""
    failed.post(RETRY, data=rb'{"token": "\ud800", "name": "\ud800"}', headers={"Content-Type": "application/json"})
    [entry] = entries(failed.get("/__admin/requests", headers=HAR).content)
    assert entry["request"]["postData"]["text"] == '{"token": "[redacted]", "name": "?"}'
