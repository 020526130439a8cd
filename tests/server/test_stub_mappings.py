"""Stub mappings of the kinds that WireMock's documentation shows, in words of our own: within the keys that there are,
each answers as WireMock would; beyond them, it is refused with the key's name."""

from typing import Any, Final

import pytest
from clients import Client, Json

Sent = tuple[str, str, Json]
"""Method, path, and headers."""


def sent(path: str, method: str = "GET", **headers: str) -> Sent:
    return method, path, {name.replace("_", "-"): value for name, value in headers.items()}


OK: Final = {"status": 200}
ANSWERING: Final[dict[str, tuple[Json, list[Sent], list[Sent]]]] = {
    "a whole URL": (
        {"request": {"method": "GET", "url": "/one/two?n=1"}, "response": {"body": "found"}},
        [sent("/one/two?n=1")],
        [sent("/one/two"), sent("/one/two?n=2"), sent("/one/two?n=1", "POST"), sent("/one/two?n=1&m=2")],
    ),
    "a pattern of a whole URL": (
        {"request": {"urlPattern": r"/one/([a-z]*)\?n=[0-9]+"}, "response": OK},
        [sent("/one/?n=1"), sent("/one/x?n=12", "DELETE")],
        [sent("/one/x"), sent("/one/x?n="), sent("/zero/one/x?n=1")],
    ),
    "a path": (
        {"request": {"method": "ANY", "urlPath": "/query"}, "response": OK},
        [sent("/query"), sent("/query?a=1", "PATCH")],
        [sent("/query/"), sent("/Query")],
    ),
    "a pattern of a path": (
        {"request": {"urlPathPattern": "/api/(red|green)/.*"}, "response": OK},
        [sent("/api/red/x?y=z"), sent("/api/green/")],
        [sent("/api/blue/x"), sent("/api/red")],
    ),
    "a template": (
        {
            "request": {
                "urlPathTemplate": "/people/{person}/houses/{house}",
                "pathParameters": {"person": {"equalTo": "anna b"}, "house": {"matches": "[0-9]+"}},
            },
            "response": OK,
        },
        [sent("/people/anna%20b/houses/12"), sent("/people/anna%20b/houses/1?all=true")],
        [sent("/people/berta/houses/12"), sent("/people/anna%20b/houses/x"), sent("/people/anna%20b/houses/1/2")],
    ),
    "parameters of the query": (
        {
            "request": {
                "urlPath": "/find",
                "queryParameters": {"term": {"contains": "task"}, "page": {"absent": True}, "n": {"equalTo": "2"}},
            },
            "response": OK,
        },
        [sent("/find?term=a%20task&n=2"), sent("/find?n=1&n=2&term=tasks")],
        [sent("/find?term=task"), sent("/find?term=task&n=2&page=1"), sent("/find?term=none&n=2")],
    ),
    "a header that is the same but for case": (
        {
            "request": {"urlPath": "/case", "headers": {"x-kind": {"equalTo": "Big", "caseInsensitive": True}}},
            "response": OK,
        },
        [sent("/case", X_Kind="bIG")],
        [sent("/case"), sent("/case", X_Kind="bigger")],
    ),
    "a header that matches as a whole": (
        {"request": {"headers": {"Accept": {"matches": "text/(plain|html)"}}}, "response": OK},
        [sent("/any/path", Accept="text/html")],
        [sent("/any/path", Accept="text/html, */*"), sent("/any/path", Accept="application/json")],
    ),
    "a header that does not": (
        {
            "request": {
                "headers": {"X-A": {"doesNotMatch": "v[0-9]+"}, "X-B": {"doesNotContain": "old"}},
            },
            "response": OK,
        },
        [sent("/x", X_A="version 1", X_B="new")],
        [sent("/x", X_A="v12", X_B="new"), sent("/x", X_A="x", X_B="very old"), sent("/x", X_B="new")],
    ),
    "cookies": (
        {
            "request": {"cookies": {"session": {"matches": ".*12345.*"}, "admin": {"absent": True}}},
            "response": OK,
        },
        [sent("/x", Cookie="a=b; session=x12345y"), sent("/x", Cookie='session="12345"')],
        [sent("/x"), sent("/x", Cookie="session=1234"), sent("/x", Cookie="session=12345; admin=1")],
    ),
    "GET or HEAD": (
        {"request": {"method": "GET_OR_HEAD", "urlPath": "/x"}, "response": OK},
        [sent("/x"), sent("/x", "HEAD")],
        [sent("/x", "POST")],
    ),
    "a template whose step has more than a variable": (
        {"request": {"urlPathTemplate": "/v{n}/x", "pathParameters": {"n": {"equalTo": "2"}}}, "response": OK},
        [sent("/v2/x")],
        [sent("/v1/x"), sent("/2/x")],
    ),
    "every request": ({"request": {"method": "ANY"}, "response": OK}, [sent("/"), sent("/x", "PUT")], []),
}
RESPONSES: Final[dict[str, tuple[Json, int, bytes, Json]]] = {
    "a text": (
        {"status": 201, "body": "Hellö", "headers": {"Content-Type": "text/plain", "X-Two": ["1", "2"]}},
        *(201, "Hellö".encode(), {"Content-Type": "text/plain", "X-Two": "1, 2"}),
    ),
    "a text of which nothing is said": ({"body": "a"}, 200, b"a", {"Content-Type": "text/plain; charset=utf-8"}),
    "JSON": ({"jsonBody": {"a": [1, None]}}, 200, b'{"a": [1, null]}', {"Content-Type": "application/json"}),
    "JSON of another type": (
        {"jsonBody": {}, "headers": {"content-type": "application/vnd.x+json"}},
        *(200, b"{}", {"Content-Type": "application/vnd.x+json"}),
    ),
    "null": ({"jsonBody": None}, 200, b"null", {"Content-Type": "application/json"}),
    "bytes": ({"base64Body": "AAH/"}, 200, b"\0\1\xff", {"Content-Type": "application/octet-stream"}),
    "nothing": ({"status": 204}, 204, b"", {}),
    "a redirect": ({"status": 302, "headers": {"Location": "/login"}}, 302, b"", {"Location": "/login"}),
    "a dribble": (
        {"body": "abcdef", "chunkedDribbleDelay": {"numberOfChunks": 3, "totalDuration": 3}},
        *(200, b"abcdef", {"Transfer-Encoding": "chunked"}),
    ),
    "a late one": (
        {"body": "late", "delayDistribution": {"type": "uniform", "lower": 1, "upper": 2}},
        *(200, b"late", {}),
    ),
}
STUB: Final[Json] = {"request": {"urlPath": "/x"}, "response": OK}
REFUSED: Final[dict[str, tuple[Json, str]]] = {
    "bodyPatterns": ({"request": {"bodyPatterns": [{"equalToJson": "{}"}]}}, "$.request.bodyPatterns"),
    "a scenario": ({"scenarioName": "to-do", "requiredScenarioState": "Started"}, "$.scenarioName"),
    "transformers": ({"response": {"body": "{{request.path}}", "transformers": ["x"]}}, "$.response.transformers"),
    "a proxy": ({"response": {"proxyBaseUrl": "http://x"}}, "$.response.proxyBaseUrl"),
    "basicAuth": ({"request": {"basicAuthCredentials": {}}}, "$.request.basicAuthCredentials"),
    "a date": ({"request": {"headers": {"Date": {"before": "now"}}}}, "$.request.headers.Date.before"),
    "several values": (
        {"request": {"queryParameters": {"id": {"hasExactly": []}}}},
        "$.request.queryParameters.id.hasExactly",
    ),
    "postServeActions": ({"postServeActions": []}, "$.postServeActions"),
    "a key that is misspelt": ({"request": {"urlPat": "/x"}}, "$.request.urlPat"),
    "two URLs": ({"request": {"url": "/x", "urlPath": "/x"}}, "$.request.urlPath"),
    "two bodies": ({"response": {"body": "a", "jsonBody": 1}}, "$.response.jsonBody"),
    "two words": (
        {"request": {"headers": {"A": {"equalTo": "a", "contains": "a"}}}},
        "$.request.headers.A.contains",
    ),
    "no word": ({"request": {"cookies": {"a": {}}}}, "$.request.cookies.a"),
    "case of a pattern": (
        {"request": {"headers": {"A": {"matches": "a", "caseInsensitive": True}}}},
        "$.request.headers.A.caseInsensitive",
    ),
    "a pattern that is none": ({"request": {"urlPattern": "(["}}, "$.request.urlPattern"),
    "a variable that is not there": (
        {"request": {"urlPathTemplate": "/a/{b}", "pathParameters": {"c": {"contains": "1"}}}},
        "$.request.pathParameters.c",
    ),
    "a URL with a host": ({"request": {"url": "http://x/y"}}, "$.request.url"),
    "a body of a 204": ({"response": {"status": 204, "body": "a"}}, "$.response.body"),
    "what is no Base64": ({"response": {"base64Body": "a"}}, "$.response.base64Body"),
    "framing": ({"response": {"headers": {"Content-Length": "1"}}}, "$.response.headers.Content-Length"),
    "half a distribution": (
        {"response": {"delayDistribution": {"type": "lognormal", "median": 1}}},
        "$.response.delayDistribution",
    ),
    "a user whom nobody knows": ({"response": {"session": "anna"}}, "$.response.session"),
    "a file above": ({"response": {"bodyFileName": "../x"}}, "$.response.bodyFileName"),
    "a file that is not there": ({"response": {"bodyFileName": "x.json"}}, "$.response.bodyFileName"),
}


@pytest.mark.parametrize("kind", ANSWERING)
def test_what_fits_is_answered_and_nothing_else(permissions: Client, kind: str) -> None:
    mapping, fits, others = ANSWERING[kind]
    permissions.admin("POST", "/stubs", mapping)
    for asked, wanted in [*((one, 200) for one in fits), *((one, 404) for one in others)]:
        method, path, headers = asked
        assert permissions(method, path, headers=headers).status_code == wanted, asked


@pytest.mark.parametrize("kind", RESPONSES)
def test_an_answer(permissions: Client, kind: str) -> None:
    says, status, content, headers = RESPONSES[kind]
    permissions.admin("POST", "/stubs", {"response": says})
    answer = permissions.get("/x")
    assert (answer.status_code, answer.content) == (status, content)
    assert {name: answer.headers.get(name) for name in headers} == headers


def test_what_stands_beside_the_status(permissions: Client) -> None:
    permissions.admin("POST", "/stubs", {"response": {"status": 202, "statusMessage": "In a moment"}})
    assert permissions.get("/x").reason == "In a moment"


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_supported_is_refused_by_name(permissions: Client, kind: str) -> None:
    more, path = REFUSED[kind]
    answer = permissions.post("/__admin/stubs", json=[STUB, {**STUB, **more}])
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["error"]["details"]][:1] == [f"$[1]{path[1:]}"]
    assert permissions.admin("GET", "/stubs") == {"stubs": []}, "all or none"


def test_a_misspelt_key_is_told_with_the_right_one(permissions: Client) -> None:
    answer = permissions.post("/__admin/stubs", json={"request": {"urlPatern": "/x"}, "response": {}})
    assert "did you mean urlPattern?" in answer.text


def test_the_lowest_priority_answers_and_of_those_the_newest(permissions: Client) -> None:
    for priority, body in ((None, "first"), (None, "second"), (9, "late"), (1, "early")):
        given: Json = {} if priority is None else {"priority": priority}
        permissions.admin("POST", "/stubs", {**given, "id": body, "response": {"body": body}})
    said = []
    for _ in range(4):
        said.append(permissions.get("/x").text)
        permissions.admin("DELETE", f"/stubs/{said[-1]}")
    assert said == ["early", "second", "first", "late"]


@pytest.mark.parametrize("fault", ["EMPTY_RESPONSE", "CONNECTION_RESET_BY_PEER", "MALFORMED_RESPONSE_CHUNK"])
def test_a_broken_connection(permissions: Client, fault: str) -> None:
    permissions.admin("POST", "/stubs", {"response": {"fault": fault}})
    with pytest.raises(OSError, match=r"."):
        permissions.get("/x")


def test_what_is_kept_without_effect(permissions: Client) -> None:
    given: Any = {
        **{"uuid": "8c5db8b0-2db4-4ad7-a99f-38c9b00da3f7", "name": "n", "persistent": True, "insertionIndex": 4},
        **{"metadata": {"a": 1}, "request": {"urlPath": "/x"}, "response": {"body": "b"}},
    }
    permissions.admin("POST", "/stubs", {"mappings": [given], "meta": {"total": 1}})
    stub = {**given, "id": given["uuid"]}
    assert permissions.admin("GET", "/stubs") == {"stubs": [stub]}
    assert permissions.admin("GET", f"/stubs/{given['uuid']}") == stub
