"""Who may do what, and what a denial takes away."""

import pytest
from builders import fixture, world

from mockserver.contract.operations import OPERATIONS
from mockserver.contract.permissions import (
    ADMIN,
    ANONYMOUS,
    EVERYTHING,
    TASK_MANAGER,
    TASK_VIEWER,
    Permission,
    User,
)
from mockserver.faults.denials import Denial

USERS = [
    User(name="viewer", password="v", permissions=("TASK_VIEWER",)),
    User(name="operator", password="o", permissions=("TASK_MANAGER",)),
    User(name="admin", password="a", permissions=("ADMIN",)),
    User(name="nobody", password="n", permissions=()),
]


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ([], set()),
        (["TASK_VIEWER"], {TASK_VIEWER}),
        (["TASK_MANAGER"], {TASK_VIEWER, TASK_MANAGER}),
        (["ADMIN"], {TASK_VIEWER, TASK_MANAGER}),
        (["TASK_VIEWER", "ADMIN"], {TASK_VIEWER, TASK_MANAGER}),
    ],
)
def test_a_manager_views_too_and_an_admin_is_both(permissions: list[Permission], allowed: set[str]) -> None:
    assert User(name="u", password="p", permissions=tuple(permissions)).allowed == allowed


def test_a_user_may_what_the_fixture_says() -> None:
    it = world(users=USERS)
    assert {name: len(it.world.allowed(name)) for name in ("viewer", "operator", "admin", "nobody")} == {
        **{"viewer": 1, "operator": 2, "admin": 2, "nobody": 0}
    }


def test_an_unknown_user_may_nothing_where_there_are_users() -> None:
    assert world(users=USERS).world.allowed("stranger") == frozenset()


@pytest.mark.parametrize("name", [ANONYMOUS, "anybody"])
def test_anybody_may_everything_where_there_are_no_users(name: str) -> None:
    assert world().world.allowed(name) == EVERYTHING


def test_anonymous_may_everything_also_where_there_are_users() -> None:
    assert world(users=USERS).world.allowed(ANONYMOUS) == EVERYTHING


def test_every_operation_needs_one_of_the_two() -> None:
    assert {operation.permission for operation in OPERATIONS.values()} == EVERYTHING
    assert ADMIN not in EVERYTHING


# --- denials ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["viewer", "operator", "admin", ANONYMOUS])
def test_a_denial_without_a_user_is_for_all(user: str) -> None:
    it = world(users=USERS, denials=[Denial("d", TASK_MANAGER)])
    assert it.world.denied(TASK_MANAGER, user, "retryTask", 1000) == Denial("d", TASK_MANAGER)


def test_a_denial_takes_neither_what_implies_it_nor_what_it_implies() -> None:
    it = world(denials=[Denial("d", TASK_MANAGER)])
    assert it.world.denied(TASK_VIEWER, "operator", "getTaskInstance", 1000) is None
    it = world(denials=[Denial("d", TASK_VIEWER)])
    assert it.world.denied(TASK_MANAGER, "operator", "retryTask", 1000) is None


@pytest.mark.parametrize(
    ("denial", "hit"),
    [
        (Denial("d", TASK_MANAGER, user="operator"), True),
        (Denial("d", TASK_MANAGER, user="admin"), False),
        (Denial("d", TASK_MANAGER, operation="retryTask"), True),
        (Denial("d", TASK_MANAGER, operation="rollbackTask"), False),
        (Denial("d", TASK_MANAGER, task_instance_id=1000), True),
        (Denial("d", TASK_MANAGER, task_instance_id=2000), False),
        (Denial("d", TASK_MANAGER, "operator", "retryTask", 1000), True),
        (Denial("d", TASK_MANAGER, "operator", "retryTask", 2000), False),
    ],
)
def test_a_denial_is_for_what_all_its_fields_match(denial: Denial, hit: bool) -> None:
    it = world(denials=[denial])
    assert (it.world.denied(TASK_MANAGER, "operator", "retryTask", 1000) is not None) is hit


def test_a_denial_of_one_task_is_none_where_there_is_no_task() -> None:
    it = world(denials=[Denial("d", TASK_VIEWER, task_instance_id=1000)])
    assert it.world.denied(TASK_VIEWER, "viewer", "listTaskInstances", None) is None


def test_the_newest_denial_that_is_not_used_up_refuses() -> None:
    it = world()
    it.add_denial(lambda id: Denial(id, TASK_MANAGER))
    it.add_denial(lambda id: Denial(id, TASK_MANAGER, times=2))
    refusing = []
    for _ in range(4):
        denial = it.world.denied(TASK_MANAGER, "operator", "retryTask", 1000)
        assert denial is not None
        it.count_denial(denial)
        refusing.append(denial.id)
    assert refusing == ["denial-2", "denial-2", "denial-1", "denial-1"]
    assert [denial.hits for denial in it.world.denials.values()] == [2, 2]


def test_asking_does_not_count() -> None:
    it = world(denials=[Denial("d", TASK_MANAGER, times=1)])
    for _ in range(3):
        assert it.world.denied(TASK_MANAGER, "operator", "retryTask", 1000) is not None


def test_a_copys_denials_are_its_own() -> None:
    it = world(denials=[Denial("d", TASK_MANAGER, times=1)])
    copy = it.copy()
    copy.count_denial(copy.world.denials["d"])
    copy.add_denial(lambda id: Denial(id, TASK_VIEWER))
    assert it.world.denials == {"d": Denial("d", TASK_MANAGER, times=1)}


def test_numbers_go_on_from_those_that_the_state_has() -> None:
    """An id that is gone is not given again."""
    it = world()
    it.add_denial(lambda id: Denial(id, TASK_MANAGER))
    it.remove_denials()
    again = type(it)(it.as_fixture(fixture().clock))
    assert again.add_denial(lambda id: Denial(id, TASK_MANAGER)).id == "denial-2"


@pytest.mark.parametrize(
    "denial",
    [
        Denial("d", TASK_MANAGER),
        Denial("e", TASK_VIEWER, "u", "retryTask", 7, 3, 2),
        Denial("f", TASK_MANAGER, times=0),
    ],
)
def test_a_denial_is_the_same_after_it_was_written_and_read(denial: Denial) -> None:
    assert Denial.from_json(denial.to_json(), "another") == denial


def test_a_denial_without_an_id_gets_the_one_it_is_given() -> None:
    assert Denial.from_json({"permission": "TASK_MANAGER"}, "denial-7") == Denial("denial-7", TASK_MANAGER)
