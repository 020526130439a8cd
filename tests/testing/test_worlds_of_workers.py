"""Workers of pytest-xdist on one server elsewhere: each has a world of its own."""

import plugin_runs
import pytest
from plugin_runs import run

from mockserver import MockServer
from mockserver.testing.client import Line
from mockserver.testing.handle import Handle
from mockserver.testing.session import of_worker

_alone = pytest.fixture(autouse=True)(plugin_runs.alone)

BASE = "http://host:8080"


@pytest.mark.parametrize(
    ("url", "own"),
    [
        (f"{BASE}/w/ci-42", f"{BASE}/w/ci-42.gw0"),
        (BASE, f"{BASE}/w/gw0"),
        (f"{BASE}/ocp", f"{BASE}/ocp/w/gw0"),
        (f"{BASE}/ocp/w/ci-42", f"{BASE}/ocp/w/ci-42.gw0"),
        ("http://w/ocp", "http://w/ocp/w/gw0"),
        (f"{BASE}/w/ci-gw0", f"{BASE}/w/ci-gw0"),
    ],
)
def test_the_world_of_a_worker(url: str, own: str) -> None:
    assert Line(url).of_worker("gw0").url == own


def test_a_handle_of_a_workers_world_is_another_with_the_same_token() -> None:
    handle = MockServer.connect(BASE, world="ci-42", admin_token="secret")
    own = of_worker(handle, "gw1")
    assert (type(own), handle.url, own.url) == (Handle, f"{BASE}/w/ci-42", f"{BASE}/w/ci-42.gw1")
    assert own._line._headers == handle._line._headers


def test_a_server_of_this_process_is_the_workers_already() -> None:
    mock = MockServer({})
    assert of_worker(mock, "gw1") is mock


TESTS = """
import os
from mockserver import MockServer

@pytest.fixture(scope="session")
def make_ocp_mock():
    return MockServer.connect("URL", world="ci-42")

@pytest.mark.parametrize("turn", range(6))
def test_it(ocp_mock, turn):
    worker = os.environ["PYTEST_XDIST_WORKER"]
    assert ocp_mock.url == f"URL/w/ci-42.{worker}"
    assert ask(ocp_mock.url, path(ocp_mock) + RETRY) == 200
    ocp_mock.assert_requested("retrySubtask", count=1)
"""


@pytest.mark.slow
def test_two_workers_do_not_meet(pytester: pytest.Pytester) -> None:
    with MockServer("failed-subtask") as mock:
        result = run(pytester, TESTS.replace("URL", mock.url), "-n2", beside=["xdist.plugin"], anew=True)
        result.assert_outcomes(passed=6)
        worlds = mock._line.call("GET", "/worlds")["worlds"]
    assert sorted(worlds) == ["ci-42.gw0", "ci-42.gw1"]
