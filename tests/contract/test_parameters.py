"""How a Long, a path and a query are read, and what is said of those that are wrong."""

from typing import Any

import pytest

from mockserver.contract.operations import OPERATIONS
from mockserver.contract.parameters import LONG_MAX, LONG_MIN, parse_long, parse_path, parse_query

LIST = OPERATIONS["listTaskInstances"]
RETRY = OPERATIONS["retrySubtask"]
DEFAULTS = {"page": 1, "size": 10, "sort": "id,desc"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-1", -1),
        ("+1", 1),
        ("007", 7),
        ("-0", 0),
        ("-007", -7),
        ("9223372036854775807", LONG_MAX),
        ("-9223372036854775808", LONG_MIN),
        ("+0009223372036854775807", LONG_MAX),
        pytest.param("0" * 10_000 + "1", 1, id="ten thousand zeros and 1"),
        pytest.param("0" * 10_000, 0, id="ten thousand zeros"),
    ],
)
def test_a_long_as_java_reads_it(text: str, number: int) -> None:
    assert parse_long(text) == number


NOT_LONGS = [
    *("", " ", "+", "-", "--1", "+-1", "1e0", "1.0", "0x10", "1_000", " 1", "1 ", "1\n", "\t1", "\u0661", "\uff11"),
    *("1L", "null", "NaN", "\u2212" + "1", "²"),
]


@pytest.mark.parametrize("text", NOT_LONGS)
def test_anything_else_is_no_long(text: str) -> None:
    """Python's int() takes blanks, underscores and foreign digits."""
    with pytest.raises(ValueError, match=r"^not a decimal Long$"):
        parse_long(text)


TOO_LARGE = ("9223372036854775808", "-9223372036854775809", "92233720368547758070", "-1" + "0" * 20, "+" + "9" * 10_000)


@pytest.mark.parametrize("text", TOO_LARGE, ids=len)
def test_nor_is_what_it_has_no_room_for(text: str) -> None:
    """Python's int() refuses 4300 digits in words of its own."""
    with pytest.raises(ValueError, match=r"^outside the range of a Long$"):
        parse_long(text)


def test_a_path_gives_its_ids_by_name() -> None:
    assert parse_path(RETRY.id, ("1000", "+010001")) == ({"taskInstanceId": 1000, "subtaskInstanceId": 10001}, [])


def test_every_wrong_id_in_a_path_is_named() -> None:
    _, wrong = parse_path(RETRY.id, ("abc", "1e0"))
    assert wrong == [
        {
            "object": "retrySubtask",
            "field": "taskInstanceId",
            "rejectedValue": "abc",
            "message": "taskInstanceId is not a decimal Long",
        },
        {
            "object": "retrySubtask",
            "field": "subtaskInstanceId",
            "rejectedValue": "1e0",
            "message": "subtaskInstanceId is not a decimal Long",
        },
    ]


def test_a_generated_client_has_a_long_for_an_id_and_an_int_for_a_page() -> None:
    formats = {one.name: one.schema["format"] for one in LIST.query if one.schema["type"] == "integer"}
    longs = dict.fromkeys(["clusterId", "tenantId", "hostId"], "int64")
    assert formats == {**longs, "page": "int32", "size": "int32"}


def test_a_list_that_asks_for_nothing_has_the_defaults() -> None:
    assert parse_query(LIST.id, LIST.query, {}) == (DEFAULTS, [], [], [])


@pytest.mark.parametrize(
    ("query", "parsed"),
    [
        ({"name": ["Agent"]}, {"name": "Agent"}),
        ({"keyword": ["Agent"]}, {"name": "Agent"}),
        ({"keyword": ["b"], "name": ["a"]}, {"name": "a"}),
        ({"name": [""]}, {}),
        ({"name": [" "]}, {"name": " "}),
        ({"name": ["a", "b"]}, {"name": "a"}),
        ({"name": [""], "keyword": ["b"]}, {"name": "b"}),
        ({"name": ["", "b"]}, {"name": "b"}),
        ({"cluterName": ["c"]}, {"clusterName": "c"}),
        ({"clusterName": ["a,b"]}, {"clusterName": "a,b"}),
        ({"tenantName": [""]}, {}),
        ({"status": ["FAILED"]}, {"status": ("FAILED",)}),
        ({"status": ["FAILED,RUNNING"]}, {"status": ("FAILED", "RUNNING")}),
        ({"status": ["FAILED", "RUNNING"]}, {"status": ("FAILED", "RUNNING")}),
        ({"status": ["FAILED,RUNNING", "FAILED"]}, {"status": ("FAILED", "RUNNING")}),
        ({"status": ["FAILED,"]}, {"status": ("FAILED",)}),
        ({"type": ["SYS_ONECE,SYS_ONCE"]}, {"type": ("SYS_ONCE",)}),
        ({name: [""] for name in ("status", "type", "clusterId", "page", "size", "sort")}, {}),
        ({"status": [","]}, {}),
        (
            {"type": ["MANUAL,SYS_ONCE", "SCHEDULED", "SYS_SCHEDULED"]},
            {"type": ("MANUAL", "SYS_ONCE", "SCHEDULED", "SYS_SCHEDULED")},
        ),
        ({"clusterId": ["9223372036854775807"]}, {"clusterId": LONG_MAX}),
        ({"tenantId": ["-1"], "hostId": ["+1"]}, {"tenantId": -1, "hostId": 1}),
        ({"clusterId": ["1", "x"]}, {"clusterId": 1}),
        ({"page": ["2147483647"], "size": ["2000"]}, {"page": 2147483647, "size": 2000}),
        ({"size": ["0001"]}, {"size": 1}),
        ({"sort": ["id,asc"]}, {"sort": "id,asc"}),
        ({"sort": ["id"]}, {"sort": "id,asc"}),
    ],
    ids=str,
)
def test_a_right_query(query: dict[str, list[str]], parsed: dict[str, Any]) -> None:
    """Aliases, repetitions, commas and blanks; an empty value is none, and the documents' own spellings are right."""
    assert parse_query(LIST.id, LIST.query, query) == (DEFAULTS | parsed, [], [], [])


@pytest.mark.parametrize(
    ("query", "parsed", "told"),
    [
        ({"status": ["failed,Running"]}, {"status": ("FAILED", "RUNNING")}, ["status=failed", "status=Running"]),
        ({"status": ["failed", "FAILED"]}, {"status": ("FAILED",)}, ["status=failed"]),
        ({"page": ["0"]}, {}, ["page=0 is less than 1"]),
        ({"page": ["-1"]}, {}, ["page=-1 is less than 1"]),
        ({"page": ["x"]}, {}, ["page=x is no whole number"]),
        ({"page": ["2147483648"]}, {}, ["page=2147483648 is more than 2147483647, and taken as 1"]),
        ({"size": ["0"]}, {}, ["size=0 is less than 1, and taken as 10"]),
        ({"size": ["1e1"]}, {}, ["size=1e1 is no whole number, and taken as 10"]),
        ({"size": ["\u0661"]}, {}, ["size=\u0661 is no whole number"]),
        ({"size": ["2001"]}, {"size": 2000}, ["size=2001 is more than 2000, and taken as 2000"]),
        pytest.param({"size": ["9" * 5000]}, {"size": 2000}, ["size=99999"], id="five thousand nines"),
        ({"pages": ["2"]}, {}, ["pages is no parameter of listTaskInstances (did you mean page?)"]),
        ({"Status": ["FAILED"]}, {}, ["Status is no parameter of listTaskInstances (did you mean status?)"]),
        ({"taskInstanceId": ["1"]}, {}, ["taskInstanceId is no parameter of listTaskInstances"]),
        ({str(number): ["1"] for number in range(9)}, {}, [f"{number} is no parameter of" for number in range(3)]),
    ],
    ids=str,
)
def test_what_is_forgiven_is_told(query: dict[str, list[str]], parsed: dict[str, Any], told: list[str]) -> None:
    values, wrong, unsortable, forgiven = parse_query(LIST.id, LIST.query, query)
    assert (values, wrong, unsortable) == (DEFAULTS | parsed, [], [])
    assert [one[: len(start)] for one, start in zip(forgiven, told, strict=True)] == told


@pytest.mark.parametrize(
    ("query", "rejected"),
    [
        ({"status": ["FAILED, RUNNING"]}, [("status", " RUNNING")]),
        ({"status": ["READY", "FAILED,CANCELING"]}, [("status", "READY"), ("status", "CANCELING")]),
        ({"type": ["AUTO"]}, [("type", "AUTO")]),
        ({"clusterId": ["1e0"]}, [("clusterId", "1e0")]),
        ({"tenantId": ["9223372036854775808"]}, [("tenantId", "9223372036854775808")]),
        ({"hostId": ["x", "1"]}, [("hostId", "x")]),
        ({"status": ["FA\u0131LED"]}, [("status", "FA\u0131LED")]),
        ({"type": ["manual"]}, [("type", "manual")]),
        ({"sort": ["id,down"]}, [("sort", "id,down")]),
        ({"sort": ["id,ASC"]}, [("sort", "id,ASC")]),
        ({"sort": ["id,"]}, [("sort", "id,")]),
        ({"sort": ["name,down"]}, [("sort", "name,down")]),
        (
            {"size": ["0"], "clusterId": ["x"], "status": ["A,B"], "name": ["fine"]},
            [("status", "A"), ("status", "B"), ("clusterId", "x")],
        ),
    ],
    ids=str,
)
def test_every_wrong_value_of_a_query_is_named(query: dict[str, list[str]], rejected: list[tuple[str, str]]) -> None:
    wrong = parse_query(LIST.id, LIST.query, query).wrong
    assert [(error["field"], error["rejectedValue"]) for error in wrong] == rejected
    assert all(error["object"] == "listTaskInstances" and error["field"] in error["message"] for error in wrong)


@pytest.mark.parametrize("text", ["name,asc", "name", "ID,desc", ",asc"])
def test_a_field_that_cannot_be_sorted_by_is_named(text: str) -> None:
    parsed = parse_query(LIST.id, LIST.query, {"sort": [text]})
    assert parsed.wrong == []
    assert [(error["field"], error["rejectedValue"]) for error in parsed.unsortable] == [("sort", text)]


@pytest.mark.parametrize("id", [operation.id for operation in OPERATIONS.values() if not operation.query])
def test_an_operation_without_query_parameters_refuses_no_query(id: str) -> None:
    """A real client sends the path parameters a second time, which is right."""
    ids = {"taskInstanceId": 1000, "subtaskInstanceId": 10001}
    query = {"taskInstanceId": ["1000", "+1000", ""], "subtaskInstanceId": ["10001"]}
    assert parse_query(id, OPERATIONS[id].query, query, ids) == ({}, [], [], [])
    for other in ("999", "1001", "-1000"):
        assert parse_query(id, OPERATIONS[id].query, {"taskInstanceId": [other]}, ids).forgiven
    query = {"taskInstanceId": ["x"], "subtaskInstanceId": ["10002"], "size": ["0"]}
    assert parse_query(id, OPERATIONS[id].query, query, ids)[:3] == ({}, [], [])
    assert parse_query(id, OPERATIONS[id].query, query, ids).forgiven == [
        "taskInstanceId is another in the query than in the path",
        "subtaskInstanceId is another in the query than in the path",
        f"size is no parameter of {id}",
    ]
