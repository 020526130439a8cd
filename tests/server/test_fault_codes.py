"""The code of an error that a fault asks for: the dialect's own by its status, or the one that is given."""

import json
from typing import Any, Final

import pytest
from clients import RETRY, TASK, Client, Json, failed_world, said

from mockserver import MockServer
from mockserver.contract.dialects import DialectName
from mockserver.fixtures.mistakes import FixtureError

DIALECTS: Final[tuple[DialectName, ...]] = ("ocp-4.2.2", "ocp-4.2.1", "ocp-express")
UNEXPECTED: Final = ("COM10999", 1999, 10010)
BY_STATUS: Final[dict[int, tuple[Any, Any, Any]]] = {
    400: UNEXPECTED,
    401: ("IAM10000", 3000, 30000),
    403: ("IAM11000", 3100, 30014),
    404: ("TSK10001", 4001, 20000),
    405: ("COM10008", 1008, 10001),
    409: UNEXPECTED,
    429: (0, 0, 0),
    500: UNEXPECTED,
    503: UNEXPECTED,
    599: UNEXPECTED,
}
"""In the order of DIALECTS."""
OF_NUMBERS: Final = [
    ("ocp-4.2.1", "OCP V3.1.1 to V4.2.1"),
    ("ocp-express", "OCP Express, the open-source engine"),
]
WORD: Final[Json] = {"error": {"status": 503, "code": "TSK10007"}}


def own(rule: Json) -> dict[str, str]:
    return {"X-Mock-Fault": json.dumps(rule)}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("status", BY_STATUS)
def test_without_one_it_is_the_dialects_for_the_status(failed: Client, status: int, dialect: DialectName) -> None:
    failed.admin("PUT", "/settings", {"dialect": dialect})
    failed.fault(status)
    code = BY_STATUS[status][DIALECTS.index(dialect)]
    for headers in ({}, own({"error": {"status": status}}), {"Prefer": f"code={status}"}):
        answer = failed.post(RETRY, headers=headers)
        assert (said(answer), type(answer.json()["error"]["code"])) == ((status, code), type(code))
        assert answer.headers["X-Mock-Contract"] == "valid"


@pytest.mark.parametrize(("code", "text"), [(7, "7"), (-7, "-7"), (10007.0, "10007"), ("TSK10007", "TSK10007"), (0, 0)])
@pytest.mark.parametrize("status", [429, 503])
def test_a_number_is_digits_where_codes_are_words(failed: Client, status: int, code: Any, text: object) -> None:
    """But for the 0 of a throttle, which is a number there, too."""
    answer = failed.post(RETRY, headers=own({"error": {"status": status, "code": code}}))
    assert (said(answer), answer.headers["X-Mock-Contract"]) == ((status, text), "valid")


@pytest.mark.parametrize("dialect", [name for name, _ in OF_NUMBERS])
@pytest.mark.parametrize("code", [7, -7, 0, 2**31 - 1, -(2**31), 10007.0])
def test_a_number_is_itself_where_codes_are_numbers(failed: Client, dialect: str, code: float) -> None:
    failed.admin("PUT", "/settings", {"dialect": dialect})
    answer = failed.post(RETRY, headers=own({"error": {"status": 503, "code": code}}))
    assert said(answer) == (503, int(code))
    assert type(answer.json()["error"]["code"]) is int


# --- a word where codes are numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("dialect", "stands_for"), OF_NUMBERS)
def test_a_word_is_refused_where_codes_are_numbers(failed: Client, dialect: str, stands_for: str) -> None:
    failed.admin("PUT", "/settings", {"dialect": dialect})
    problem = f"'TSK10007' is not a number, as error codes are in {stands_for}"
    before = failed.state()
    refused = failed.post("/__admin/faults", json=WORD)
    assert (refused.status_code, refused.json()["error"]["details"]) == (
        422,
        [{"path": "$.error.code", "message": problem}],
    )
    own_one = failed.post(RETRY, headers=own(WORD))
    assert own_one.status_code == 400
    assert own_one.json()["error"]["message"] == f"Not a valid request: X-Mock-Fault: $.error.code: {problem}."
    world = failed.admin("GET", "/state") | {"faults": [WORD]}
    put = failed("PUT", "/__admin/state", json=world)
    assert (put.status_code, put.json()["error"]["details"][0]["message"].endswith(problem)) == (422, True)
    assert failed.state() == before


@pytest.mark.parametrize(("dialect", "stands_for"), OF_NUMBERS)
@pytest.mark.parametrize("where", ["in the file", "by flag"])
def test_a_word_in_a_fixture_is_a_mistake_with_its_place(dialect: Any, stands_for: str, where: str) -> None:
    world = failed_world(faults=[{"error": {"status": 500}}, WORD])
    options: dict[str, Any] = {"dialect": dialect} if where == "by flag" else {}
    if not options:
        world["dialect"] = dialect
    with pytest.raises(FixtureError) as error:
        MockServer(world, **options).start()
    assert str(error.value) == (f"faults[1].error.code: 'TSK10007' is not a number, as error codes are in {stands_for}")


def test_a_world_whose_fault_has_a_word_does_not_become_one_of_numbers(failed: Client) -> None:
    """What GET /__admin/state gives could not be put back."""
    dialect, stands_for = OF_NUMBERS[0]
    failed.admin("POST", "/faults", WORD)
    before = failed.state()
    refused = failed("PUT", "/__admin/settings", json={"dialect": dialect, "seed": 9})
    assert (refused.status_code, refused.json()["error"]["details"]) == (
        422,
        [{"path": "$.dialect", "message": f"fault-1: 'TSK10007' is not a number, as error codes are in {stands_for}"}],
    )
    assert failed.state() == before
    assert said(failed.get(TASK)) == (503, "TSK10007")
    failed.admin("DELETE", "/faults")
    assert failed.admin("PUT", "/settings", {"dialect": dialect})["dialect"] == dialect
