"""What a test pays for its mock server, beside pytest-httpserver's in the same run, in which the two take turns.

`up and down` is a server of its own; `per test` is the fixture, of which a server for the whole session is the better
part; and what a test run pays that has the plugin installed and does not use it is the time of its import.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mockserver import MockServer

ROOT = Path(__file__).resolve().parent.parent
BARE, ASKING = 600, 1000
TESTS = f"""
import http.client
import pytest

def ask(url, path):
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
    connection.request("POST", path)
    assert connection.getresponse().status == 200
    connection.close()

def pytest_generate_tests(metafunc):
    metafunc.parametrize("turn", range({BARE} if metafunc.function.__name__.endswith("bare") else {ASKING}))

def test_nothing_bare(turn): pass
def test_theirs_bare(turn, httpserver): pass
def test_ours_bare(turn, ocp_mock): pass

def test_theirs_asks(turn, httpserver):
    httpserver.expect_request("/retry").respond_with_json({{"status": "READY"}})
    ask(httpserver.url_for(""), "/retry")

def test_ours_asks(turn, ocp_mock):
    ask(ocp_mock.url + "/", "/api/v2/tasks/instances/1000/subtasks/10001/retry")
"""
CONFTEST = """
import collections, json, os, time
import pytest

took = collections.defaultdict(list)

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: (item.originalname.endswith("asks"), item.callspec.params["turn"]))

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    began = time.perf_counter()
    result = yield
    took[item.originalname].append(time.perf_counter() - began)
    return result

def pytest_sessionfinish(session):
    with open(os.environ["TOOK"], "w") as file:
        json.dump(took, file)
"""


def milliseconds(act: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def up_and_down() -> tuple[float, float]:
    """Milliseconds, ours and theirs."""
    from pytest_httpserver import HTTPServer

    def ours() -> None:
        with MockServer("failed-subtask"):
            pass

    def theirs() -> None:
        with HTTPServer():
            pass

    ours()  # what is imported then is not of the second time
    theirs()
    return milliseconds(ours, 30), milliseconds(theirs, 3)


def per_test() -> dict[str, float]:
    """Milliseconds a test, medians, by the names of TESTS."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_turns.py").write_text(TESTS)
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "pytest.ini").write_text("[pytest]\n")
        environment = {**os.environ, "TOOK": str(folder / "took.json"), "PYTHONPATH": str(ROOT)}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:asyncio",
            "-p",
            "no:aiohttp",
        ]
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        took = json.loads((folder / "took.json").read_text())
    return {name.removeprefix("test_"): statistics.median(times) * 1000 for name, times in took.items()}


def unused() -> float:
    """Milliseconds that importing the plugin takes in a process that has imported pytest."""
    modules = "mockserver.pytest_plugin, mockserver.testing.marker"
    program = f"import pytest, time; began = time.perf_counter(); import {modules}; print(time.perf_counter() - began)"
    took = [float(subprocess.check_output([sys.executable, "-c", program], cwd=ROOT)) for _ in range(5)]
    return statistics.median(took) * 1000


def main(promise: Callable[[bool, str], None]) -> None:
    print("a mock server for a test, beside pytest-httpserver's:")
    ours, theirs = up_and_down()
    promise(ours <= theirs, f"up and down: {ours:.1f} ms, theirs {theirs:.1f} ms")
    took = per_test()
    spread = 1.1  # of the medians, from run to run: most of each is pytest itself
    bare, beside, none = took["ours_bare"], took["theirs_bare"], took["nothing_bare"]
    promise(bare <= beside * spread, f"per test: {bare:.3f} ms, theirs {beside:.3f} ms, without any {none:.3f} ms")
    bare, beside = took["ours_asks"], took["theirs_asks"]
    promise(bare <= beside * spread, f"per test with a request: {bare:.2f} ms, theirs {beside:.2f} ms")
    print(f"     installed and not used: {unused():.1f} ms a run")


if __name__ == "__main__":
    main(lambda kept, what: print(f"  {'ok  ' if kept else 'FAIL'} {what}", flush=True))
