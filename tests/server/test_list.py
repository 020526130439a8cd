"""The list of tasks: filters, pages and sorts, with right values and with wrong ones."""

from collections.abc import Iterator
from typing import Any

import pytest
from clients import TASKS, Client, Json, said

from mockserver import MockServer

PRIMARY = {"id": 1, "name": "obcluster", "obClusterId": 11, "type": "PRIMARY"}
STANDBY = {"id": 2, "name": "obstandby"}
FAILED = [{"id": 1, "status": "FAILED"}]
RUNNING = [{"id": 1, "status": "RUNNING", "runs": [{"duration": "never"}], "timeout": 0}]
LISTED: list[Json] = [
    {"id": 1, "name": "Create tenant", "cluster": PRIMARY, "tenant": {"id": 5, "name": "sys"}, "subtasks": FAILED},
    {"id": 2, "name": "Uninstall OCP agent", "type": "SYS_ONCE", "hostId": 7, "subtasks": RUNNING},
    {"id": 3, "name": "ocp upgrade", "type": "SCHEDULED", "cluster": STANDBY, "subtasks": FAILED},
    {"id": 4, "name": "Straße 100%_", "type": "SYS_SCHEDULED", "cluster": PRIMARY, "tenant": {"id": 6, "name": "test"}},
    {"id": 5, "name": "Create tenant", "cluster": {"id": 3}, "tenant": {"name": "sys"}, "hostId": -1},
]
"""Status: 1 and 3 FAILED, 2 RUNNING, 4 and 5 (no subtasks) SUCCESSFUL."""


@pytest.fixture(scope="module")
def listed() -> Iterator[Client]:
    with MockServer({"tasks": LISTED}) as mock, Client(mock) as client:
        yield client


@pytest.fixture(scope="module")
def many() -> Iterator[Client]:
    """23 tasks, given in no order."""
    with MockServer({"tasks": [{"id": id * 7 % 23 + 1} for id in range(23)]}) as mock, Client(mock) as client:
        yield client


def ids(client: Client, query: str = "") -> list[int]:
    answer = client.get(f"{TASKS}?{query}")
    assert said(answer) == (200, None), answer.text
    return [one["id"] for one in answer.json()["data"]["contents"]]


def page(client: Client, query: str = "") -> Json:
    page: Json = client.get(f"{TASKS}?{query}").json()["data"]["page"]
    return page


# --- filters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=tenant", [5, 1]),
        ("name=OCP", [3, 2]),
        ("keyword=ocp", [3, 2]),
        ("keyword=AGENT", [2]),
        ("name=agent&keyword=tenant", [2]),
        ("name=create%20tenant", [5, 1]),
        ("name=create+tenant", [5, 1]),
        ("name=STRASSE", [4]),
        ("name=100%25_", [4]),
        ("name=.*", []),
        ("name=", [5, 4, 3, 2, 1]),
        ("status=FAILED", [3, 1]),
        ("status=RUNNING", [2]),
        ("status=SUCCESSFUL", [5, 4]),
        ("status=FAILED,RUNNING", [3, 2, 1]),
        ("status=FAILED%2CRUNNING", [3, 2, 1]),
        ("status=FAILED&status=RUNNING", [3, 2, 1]),
        ("status=FAILED,RUNNING&status=SUCCESSFUL,FAILED", [5, 4, 3, 2, 1]),
        ("type=SYS_ONCE", [2]),
        ("type=SCHEDULED,SYS_SCHEDULED", [4, 3]),
        ("type=MANUAL&type=SYS_ONCE", [5, 2, 1]),
        ("clusterName=obcluster", [4, 1]),
        ("cluterName=obstandby", [3]),
        ("clusterName=obcluster&cluterName=obstandby", [4, 1]),
        ("clusterName=OBCLUSTER", []),
        ("clusterName=obclus", []),
        ("clusterId=1", [4, 1]),
        ("clusterId=3", [5]),
        ("clusterId=11", []),
        ("tenantName=sys", [5, 1]),
        ("tenantName=tes", []),
        ("tenantId=6", [4]),
        ("tenantId=%2B006", [4]),
        ("hostId=7", [2]),
        ("hostId=-1", [5]),
        ("hostId=0", []),
        ("status=FAILED&name=create", [1]),
        ("status=FAILED&clusterName=obcluster&tenantId=5&type=MANUAL", [1]),
        ("status=FAILED&clusterName=obcluster&tenantId=6", []),
        ("type=SYS_ONECE", [2]),
        ("status=&type=&clusterId=&hostId=&clusterName=&sort=&page=&size=", [5, 4, 3, 2, 1]),
    ],
)
def test_a_filter(listed: Client, query: str, found: list[int]) -> None:
    """Case matters but in a name; all filters must hold; an empty value is none."""
    assert ids(listed, query) == found


@pytest.mark.parametrize("query", ["status=FAILED", "name=nothing", ""])
def test_a_total_counts_what_passes(listed: Client, query: str) -> None:
    assert page(listed, query)["totalElements"] == len(ids(listed, query))


# --- pages and sorts -----------------------------------------------------------------------------------------------


def test_by_default_it_is_the_first_ten_newest_first(many: Client) -> None:
    assert ids(many) == list(range(23, 13, -1))
    assert page(many) == {"totalElements": 23, "totalPages": 3, "number": 1, "size": 10}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sort=id,asc", list(range(1, 11))),
        ("sort=id,desc", list(range(23, 13, -1))),
        ("sort=id", list(range(1, 11))),
        ("sort=id%2Casc&page=2", list(range(11, 21))),
        ("page=3", [3, 2, 1]),
        ("page=4", []),
        ("page=2147483647&size=2000", []),
        ("page=2&size=5&sort=id,asc", [6, 7, 8, 9, 10]),
        ("size=1", [23]),
        ("size=23", list(range(23, 0, -1))),
        ("size=2000", list(range(23, 0, -1))),
        ("page=%2B01", list(range(23, 13, -1))),
        ("page=2&page=1&size=1", [22]),
    ],
)
def test_a_page(many: Client, query: str, found: list[int]) -> None:
    assert ids(many, query) == found


@pytest.mark.parametrize(
    ("query", "told"),
    [("size=23", (1, 1, 23)), ("size=22", (2, 1, 22)), ("size=2000", (1, 1, 2000)), ("page=9", (3, 9, 10))],
)
def test_a_page_counts_pages(many: Client, query: str, told: tuple[int, int, int]) -> None:
    """A page past the end has no tasks, and its own number."""
    found = page(many, query)
    assert (found["totalPages"], found["number"], found["size"]) == told


def test_all_pages_together_have_each_task_once(many: Client) -> None:
    assert [id for number in range(1, 6) for id in ids(many, f"page={number}&size=5")] == list(range(23, 0, -1))


def test_an_empty_world_has_no_pages() -> None:
    with MockServer({}) as mock, Client(mock) as client:
        assert client.get(TASKS).json()["data"] == {
            "contents": [],
            "page": {"totalElements": 0, "totalPages": 0, "number": 1, "size": 10},
        }


def test_pages_are_of_what_passes_the_filter(listed: Client) -> None:
    assert ids(listed, "status=FAILED&size=1&page=2") == [1]


# --- an element ----------------------------------------------------------------------------------------------------


def test_an_element_is_a_task_in_short(listed: Client) -> None:
    """With its subtasks shorter still."""
    element = listed.get(f"{TASKS}?sort=id,asc&size=1").json()["data"]["contents"][0]
    times = {key: element.pop(key) for key in ("startTime", "finishTime")}
    assert all(times.values())
    assert element == {
        "id": 1,
        "name": "Create tenant",
        "creator": {"id": 100, "name": "admin"},
        "cluster": {"id": 1, "name": "obcluster", "obClusterId": 11, "type": "PRIMARY"},
        "tenant": {"id": 5, "name": "sys"},
        "status": "FAILED",
        "subtasks": [
            {"id": 1, "name": "Subtask 1", "description": "Subtask 1", "status": "FAILED", "operation": "EXECUTE"}
        ],
    }


def test_the_list_shows_what_has_just_changed() -> None:
    """A list that was read is not kept past a change."""
    world = {"tasks": [{"id": 1, "subtasks": FAILED}]}
    with MockServer(world) as mock, Client(mock) as client:
        assert ids(client, "status=FAILED") == [1]
        client.post(f"{TASKS}/1/subtasks/1/retry")
        assert ids(client, "status=FAILED") == []
        element = client.get(TASKS).json()["data"]["contents"][0]
        assert (element["status"], element["subtasks"][0]["status"]) == ("RUNNING", "READY")
        client.mock.advance(until="idle")
        assert ids(client, "status=SUCCESSFUL") == [1]


# --- values that are forgiven --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("status=failed", "status=FAILED"),
        ("status=Failed,RUNNING", "status=FAILED,RUNNING"),
        ("page=0", "page=1"),
        ("page=-1", "page=1"),
        ("page=one", "page=1"),
        ("page=2147483648", "page=1"),
        ("size=0", "size=10"),
        ("size=1e1", "size=10"),
        ("size=%201", "size=10"),
        ("size=2001", "size=2000"),
        ("size=99999999999999999999", "size=2000"),
        ("size=%FF", "size=10"),
        ("%FF=1&size=2", "size=2"),
        ("size=0;page=0", "size=10"),
        ("unknown=1&Status=RUNNING", ""),
    ],
)
def test_a_value_that_is_forgiven_is_the_clients_error(listed: Client, query: str, meant: str) -> None:
    """Answered as the real server does; the account and the journal tell."""
    before = listed.admin("GET", "/contract")["clientErrors"]
    forgiven = listed.get(f"{TASKS}?{query}").json()["data"]
    assert forgiven == listed.get(f"{TASKS}?{meant}").json()["data"]
    assert listed.admin("GET", "/contract")["clientErrors"] == before + 1
    entries = listed.admin("GET", "/requests?limit=2")["requests"]
    assert [one["clientError"] is None for one in entries] == [False, True]


# --- wrong values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("status=DONE", "status", "DONE"),
        ("status=FAILED,DONE", "status", "DONE"),
        ("status=PENDING", "status", "PENDING"),
        ("type=OTHER", "type", "OTHER"),
        ("type=MANUAL&type=OTHER", "type", "OTHER"),
        ("clusterId=x", "clusterId", "x"),
        ("clusterId=1.0", "clusterId", "1.0"),
        ("tenantId=9223372036854775808", "tenantId", "9223372036854775808"),
        ("hostId=%D9%A1", "hostId", "\u0661"),
        ("hostId=0x1", "hostId", "0x1"),
        ("sort=id,ASC", "sort", "id,ASC"),
        ("sort=name,down", "sort", "name,down"),
    ],
)
def test_a_wrong_value_is_named(listed: Client, query: str, field: str, value: str) -> None:
    answer = listed.get(f"{TASKS}?{query}")
    assert said(answer) == (400, "COM10001")
    error = answer.json()["error"]
    [sub_error] = error["subErrors"]
    assert (sub_error["object"], sub_error["field"], sub_error["rejectedValue"]) == ("listTaskInstances", field, value)
    assert field in sub_error["message"]
    assert sub_error["message"] in error["message"]


def test_several_wrong_values_are_all_named(listed: Client) -> None:
    """And that it cannot be sorted so, which alone is another error."""
    answer = listed.get(f"{TASKS}?size=0&page=0&status=A,B&sort=x&clusterId=y&name=ok")
    assert answer.json()["error"]["message"].startswith("Not a valid request: ")
    told = {(one["field"], one["rejectedValue"]) for one in answer.json()["error"]["subErrors"]}
    assert told == {("status", "A"), ("status", "B"), ("sort", "x"), ("clusterId", "y")}


@pytest.mark.parametrize("text", ["name,asc", "createTime"])
def test_only_the_id_can_be_sorted_by(listed: Client, text: str) -> None:
    answer = listed.get(f"{TASKS}?sort={text}")
    assert said(answer) == (400, "COM10011")
    error = answer.json()["error"]
    assert f"cannot be sorted by '{text.partition(',')[0]}'" in error["message"]
    [sub_error] = error["subErrors"]
    assert (sub_error["field"], sub_error["rejectedValue"]) == ("sort", text)


def test_any_text_is_a_name(listed: Client) -> None:
    assert ids(listed, "keyword=%00%F0%9F%98%80&cluterName=%22%5C%0A") == []


def test_a_query_elsewhere_is_ignored(listed: Client) -> None:
    """A real client sends its path parameters a second time."""
    query: dict[str, Any] = {"taskInstanceId": "x", "size": "0"}
    assert said(listed.get(f"{TASKS}/1", params=query)) == (200, None)
