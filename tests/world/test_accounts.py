"""The accounts of worlds: each has its own, and the server the sum of all, those of worlds that are gone too."""

from typing import Any

from clients import RETRY, TASK, TASKS, Client

SLOPPY = f"{TASKS}?nonsense=1"


def account(client: Client, world: str = "", query: str = "") -> Any:
    below = f"/w/{world}" if world else ""
    answer = client.get(f"{below}/__admin/contract{query}")
    assert answer.ok, answer.text
    return answer.json()


def counts(found: dict[str, int]) -> tuple[int, int]:
    return found["replies"], found["clientErrors"]


def test_a_world_is_not_blamed_for_another(failed: Client) -> None:
    failed.get(f"/w/sloppy{SLOPPY}")
    failed.get(f"/w/tidy{TASK}")
    failed.get(SLOPPY, headers={"X-Mock-World": "sloppy"})
    assert counts(account(failed, "sloppy")) == (2, 2)
    assert counts(account(failed, "tidy")) == (1, 0)
    assert counts(account(failed)) == (0, 0)


def test_the_sum_is_of_all_worlds_also_of_those_that_are_gone(failed: Client) -> None:
    failed.get(SLOPPY)
    failed.post(f"/w/one{RETRY}")
    failed.get(f"/w/two{SLOPPY}")
    failed.admin("DELETE", "/worlds/two")
    for world in ("", "one"):
        assert counts(account(failed, world, "?worlds=all")) == (3, 2)
    assert counts(account(failed, "two")) == (0, 0), "a new world of that name"


def test_a_world_past_the_limit_stays_in_the_sum(failed: Client) -> None:
    for number in range(258):
        failed.get(f"/w/w{number}{SLOPPY}")
    assert failed.admin("GET", "/health")["evictedWorlds"] == 2
    assert counts(account(failed, "", "?worlds=all")) == (258, 258)


def test_deleted_it_is_zero_and_the_sum_is_less_by_as_much(failed: Client) -> None:
    failed.get(SLOPPY)
    failed.get(f"/w/one{SLOPPY}")
    assert failed("DELETE", "/w/one/__admin/contract").status_code == 204
    assert set(account(failed, "one").values()) == {0}
    assert counts(account(failed, "", "?worlds=all")) == counts(account(failed)) == (1, 1)


def test_all_of_them_can_be_deleted_together(failed: Client) -> None:
    failed.get(SLOPPY)
    failed.get(f"/w/one{SLOPPY}")
    failed.get(f"/w/two{SLOPPY}")
    failed.admin("DELETE", "/worlds/two")
    failed.admin("DELETE", "/contract?worlds=all")
    assert set(account(failed, "", "?worlds=all").values()) == {0}


def test_other_worlds_than_all_are_refused(failed: Client) -> None:
    answer = failed.get("/__admin/contract?worlds=one")
    assert answer.status_code == 422
    assert answer.json()["error"]["details"] == [{"path": "$.worlds", "message": "'one' is none of all"}]


def test_what_left_the_contract_is_told_also_after_a_reset(failed: Client) -> None:
    failed.get(SLOPPY)
    failed.get(f"/w/one{TASKS}/x")
    failed.admin("POST", "/reset")
    problem = "nonsense is no parameter of listTaskInstances"
    first = {"world": None, "method": "GET", "path": TASKS, "status": 200, "problem": problem}
    assert failed.admin("GET", "/contract/client-errors") == {"clientErrors": [first], "omitted": 0}
    both = failed.admin("GET", "/contract/client-errors?worlds=all")["clientErrors"]
    assert [(one["world"], one["path"], one["status"]) for one in both] == [
        (None, TASKS, 200),
        ("one", f"/w/one{TASKS}/x", 400),
    ]


def test_of_many_client_errors_the_latest_are_told(failed: Client) -> None:
    for number in range(101):
        failed.get(f"{TASKS}/x{number}")
    told = failed.admin("GET", "/contract/client-errors")
    assert (len(told["clientErrors"]), told["omitted"]) == (100, 1)
    assert told["clientErrors"][-1]["path"] == f"{TASKS}/x100"
