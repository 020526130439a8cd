"""A request target with scheme and host, as clients of a proxy's send it, is the path and query that it names."""

import pytest
from clients import RETRY, TASK, Client, as_sent

from mockserver.server.routing import origin_form


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (f"http://ocp.test:8080{TASK}?a=b%20c", f"{TASK}?a=b%20c"),
        (f"HTTPS://user@[::1]{TASK}", TASK),
        ("http://ocp.test", "/"),
        ("http://ocp.test?a=b", "/?a=b"),
        (f"{TASK}?next=http://ocp.test/x", f"{TASK}?next=http://ocp.test/x"),
        (f"/http://ocp.test{TASK}", f"/http://ocp.test{TASK}"),
        ("*", "*"),
    ],
)
def test_what_is_left_is_path_and_query_as_they_were_sent(target: str, path: str) -> None:
    assert origin_form(target) == path


@pytest.mark.parametrize("world", ["", "/w/anna"])
def test_it_is_answered_and_stands_in_the_journal_as_its_path(failed: Client, world: str) -> None:
    status, answer = as_sent(failed.mock.url, "POST", f"http://ocp.test{world}{RETRY}?a=b")
    assert (status, answer["data"]["status"]) == (200, "READY")
    entry = failed.get(f"{world}/__admin/requests").json()["requests"][0]
    assert (entry["path"], entry["query"]) == (f"{world}{RETRY}", {"a": "b"})
    copies = failed.get(f"{world}/__admin/requests/1/copies").json()
    assert f"{failed.mock.url}{world}{RETRY}?a=b" in copies["curl"]
