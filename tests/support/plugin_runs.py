"""Test runs of their own with our pytest plugin: in this process, or in one of their own.

A file that has some says `_alone = pytest.fixture(autouse=True)(plugin_runs.alone)`.
"""

from collections.abc import Sequence

import pytest
from processes import PACKAGE

POST_RETRY = """
import http.client
import pytest

RETRY = "/api/v2/tasks/instances/1000/subtasks/10001/retry"

def ask(url, path=RETRY, method="POST"):
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status

def path(mock):
    return "".join("/" + step for step in mock.url.split("/")[3:])

def ids(mock):
    return [task["id"] for task in mock.state()["tasks"]]
"""


def alone(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> None:
    """A fixture of a file's, for all its tests. A run in a process of its own finds the package under test; settings
    of ours are none of its."""
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE.parent))
    monkeypatch.delenv("OCP_MOCK_FIXTURES", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # what is installed here is no part of a test


def run(
    pytester: pytest.Pytester, tests: str, *options: str, beside: Sequence[str] = (), anew: bool = False
) -> pytest.RunResult:
    """With ours and these other plugins only, in this process or in one of its own."""
    pytester.makepyfile(POST_RETRY + tests)
    plugins = [f"-p{name}" for name in ("no:cacheprovider", "mockserver.pytest_plugin", *beside)]
    if "pytest_asyncio.plugin" in beside:
        plugins += ["-o", "asyncio_default_fixture_loop_scope=function"]  # else it warns
    return (pytester.runpytest_subprocess if anew else pytester.runpytest_inprocess)(*plugins, *options)
