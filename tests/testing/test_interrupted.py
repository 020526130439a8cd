"""What is raised while a server is made (a timeout, Ctrl-C) costs one test, and a server that is gone one sentence."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import plugin_runs
import pytest
from plugin_runs import run

from mockserver import MockServer

_alone = pytest.fixture(autouse=True)(plugin_runs.alone)


class Interrupted(BaseException):
    """As a timeout of pytest-timeout's is, and KeyboardInterrupt: no Exception."""


INTERRUPT = """
import signal
import sys
import threading

class Interrupting:
    "Sends a signal when the n-th module is looked for while the first test is set up."
    left = 0

    def find_spec(self, name, path=None, target=None):
        if Interrupting.left:
            Interrupting.left -= 1
            if not Interrupting.left:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)

def timeout(*_):
    pytest.fail("Timeout >1.0s")

signal.signal(signal.SIGALRM, timeout)
sys.meta_path.insert(0, Interrupting())

@pytest.fixture(autouse=True, scope="session")
def _at_first():
    Interrupting.left = AT

@pytest.mark.parametrize("turn", range(3))
def test_it(ocp_mock, turn):
    assert ask(ocp_mock.url) == 200

def test_more(make_ocp_mock):
    make_ocp_mock("empty")
"""


@pytest.mark.parametrize(
    "at", [1, 30, *(pytest.param(at, marks=pytest.mark.slow) for at in (2, 5, 10, 60, 100, 150, 200, 250))]
)
def test_a_timeout_in_the_first_set_up_costs_that_test_only(pytester: pytest.Pytester, at: int) -> None:
    result = run(pytester, INTERRUPT.replace("AT", str(at)), anew=True)
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*Timeout >1.0s*"])


@pytest.mark.parametrize("where", ["create_app", "runner.bound", "Line"])
def test_a_server_whose_start_was_interrupted_can_be_started(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mock, before = MockServer({}, port=port), threading.active_count()
    with monkeypatch.context() as patched:
        patched.setattr(f"mockserver.testing.server.{where}", raiser)
        with pytest.raises(Interrupted):
            mock.start()
    assert (mock.is_running, threading.active_count()) == (False, before)
    with mock:
        mock.reset()


def test_a_thread_whose_start_was_interrupted_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for it is interrupted; it starts all the same, and is told to end."""
    mock, before = MockServer({}), threading.active_count()
    with monkeypatch.context() as patched:
        patched.setattr(Future, "result", once_raising(Future.result))
        with pytest.raises(Interrupted):
            mock.start()
    assert (mock.is_running, threading.active_count()) == (False, before)
    with mock:
        mock.reset()


def raiser(*_: object, **__: object) -> None:
    raise Interrupted


def once_raising(function: Callable[..., Any]) -> Callable[..., Any]:
    calls: list[object] = []

    def raising(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise Interrupted
        return function(*arguments)

    return raising


# --- a server that is gone -----------------------------------------------------------------------------------------


def unused_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_handle_of_a_server_that_is_gone_says_so_in_one_sentence() -> None:
    url = unused_url()
    with pytest.raises(ConnectionError) as raised:
        MockServer.connect(url, world="ci-42").reset()
    assert str(raised.value) == f"no mock server answers at {url}/w/ci-42: Connection refused"
    assert raised.value.__suppress_context__


def test_a_test_of_a_server_that_is_not_there_is_told_that(pytester: pytest.Pytester) -> None:
    url = unused_url()
    override = f"""
from mockserver import MockServer

@pytest.fixture(scope="session")
def make_ocp_mock(): return MockServer.connect("{url}")

def test_it(ocp_mock): pass
"""
    result = run(pytester, override)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"ocp_mock: no mock server answers at {url}: Connection refused"])
    for name in ("session.py", "client.py", "Traceback"):
        result.stdout.no_fnmatch_line(f"*{name}*")


def test_a_test_whose_server_ends_is_told_that(pytester: pytest.Pytester) -> None:
    tests = """
from mockserver import MockServer

@pytest.fixture(scope="session")
def server():
    with MockServer({}) as mock:
        yield mock

@pytest.fixture(scope="session")
def make_ocp_mock(server): return MockServer.connect(server.url)

def test_ends(ocp_mock, server):
    server.stop()

def test_asks(ocp_mock, server):
    pass
"""
    result = run(pytester, tests)
    result.stdout.fnmatch_lines(["ocp_mock: no mock server answers at http://127.0.0.1:*: Connection refused"])
    for name in ("session.py", "client.py", "Traceback"):
        result.stdout.no_fnmatch_line(f"*{name}*")
