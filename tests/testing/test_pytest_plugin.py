"""The pytest plugin, in test runs of its own: which world a test gets, what fails it, and what its report says."""

import os
import re
import sys

import httpcore  # noqa: F401  (httpx imports it when it is used: in a run of its own it would be another one)
import plugin_runs
import pytest
from pages import block
from plugin_runs import POST_RETRY, run

ONE = "tasks: [{id: 1}]"
TWO = "tasks: [{id: 2}]"

_alone = pytest.fixture(autouse=True)(plugin_runs.alone)


# --- a world for each test -----------------------------------------------------------------------------------------


def test_each_test_gets_a_fresh_world(pytester: pytest.Pytester) -> None:
    """Whatever the one before has done: state, clock, rules, journal, snapshots, other worlds, a loaded one."""
    result = run(
        pytester,
        """
from mockserver import MockServer

@pytest.mark.parametrize("turn", range(3))
def test_it(ocp_mock, turn):
    assert ids(ocp_mock) == list(range(1000, 1008))
    assert ocp_mock.task(1000).subtask(10001).status == "FAILED"
    assert ocp_mock.clock() == {"mode": "manual", "now": "2021-08-25T15:10:13+08:00", "speed": 1}
    assert (ocp_mock.requests(), ocp_mock.faults(), ocp_mock.denials(), ocp_mock.history()) == ([], [], [], [])
    with pytest.raises(Exception, match="no snapshot"):
        ocp_mock.restore("mine")
    other = MockServer.connect(ocp_mock.url, world="other")
    assert other.requests() == []
    assert ask(ocp_mock.url) == 200
    assert ask(ocp_mock.url, "/w/other" + RETRY) == 200
    ocp_mock.snapshot("mine")
    ocp_mock.fault(error={"status": 503})
    ocp_mock.deny("TASK_MANAGER")
    ocp_mock.advance("1h")
    other.fault(fault="HANG")
    ocp_mock.load({"tasks": []})
""",
    )
    result.assert_outcomes(passed=3)


def test_the_url_is_the_same_for_all_and_has_no_prefix(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
seen = set()

@pytest.mark.parametrize("turn", range(3))
def test_it(ocp_mock_url, turn):
    seen.add(ocp_mock_url)
    assert ask(ocp_mock_url) == 200
    assert len(seen) == 1
    assert ocp_mock_url.count("/") == 2

def test_both_are_one(ocp_mock, ocp_mock_url):
    assert ocp_mock.url == ocp_mock_url
""",
    )
    result.assert_outcomes(passed=4)


def test_what_a_test_leaves_waiting_disturbs_no_other(pytester: pytest.Pytester) -> None:
    """A client that still waits for an answer is let go when the next test begins, and its retry has not happened."""
    result = run(
        pytester,
        """
import threading
waiting = []

def test_first(ocp_mock):
    ocp_mock.fault(operation="retrySubtask", fixed_delay_milliseconds=60_000)
    url, ended = ocp_mock.url, threading.Event()

    def wait():
        with pytest.raises(http.client.RemoteDisconnected):
            ask(url)
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    while not ocp_mock.faults()[0]["hits"]:
        pass
    waiting.append(ended)

def test_second(ocp_mock):
    assert waiting[0].wait(20)
    assert ocp_mock.task(1000).subtask(10001).status == "FAILED"
    assert ocp_mock.requests() == []
""",
    )
    result.assert_outcomes(passed=2)


def test_a_test_may_stop_it(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
@pytest.mark.parametrize("turn", range(2))
def test_it(ocp_mock, turn):
    assert ask(ocp_mock.url) == 200
    ocp_mock.stop()
""",
    )
    result.assert_outcomes(passed=2)


def test_no_thread_is_left(pytester: pytest.Pytester) -> None:
    import threading

    before = {thread.name for thread in threading.enumerate()}
    run(pytester, "def test_it(ocp_mock): ask(ocp_mock.url)").assert_outcomes(passed=1)
    assert {thread.name for thread in threading.enumerate()} <= before


@pytest.mark.slow
def test_a_unittest_testcase_can_use_it(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import unittest

class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _server(self, ocp_mock):
        self.mock = ocp_mock

    def test_it(self):
        self.assertEqual(ask(self.mock.url), 200)
""",
    )
    result.assert_outcomes(passed=1)


# --- which world ---------------------------------------------------------------------------------------------------


def test_the_markers_world(pytester: pytest.Pytester) -> None:
    """A path is relative to the test's file, from wherever pytest is started; else it names a shipped fixture."""
    below = pytester.mkdir("below")
    (below / "mine.yaml").write_text(ONE)
    (below / "also.json").write_text('{"tasks": [{"id": 2}]}')
    (below / "folder").mkdir()
    (below / "folder" / "a.yaml").write_text(TWO)
    (below / "empty").mkdir()
    (below / "empty" / "b.yaml").write_text(ONE)
    (below / "test_below.py").write_text(
        POST_RETRY
        + """
from pathlib import Path

@pytest.mark.ocp_mock("mine.yaml")
def test_file(ocp_mock):
    assert ids(ocp_mock) == [1]
    ocp_mock.load({})
    ocp_mock.reset()
    assert ids(ocp_mock) == [1]

@pytest.mark.ocp_mock(Path("folder"))
def test_folder(ocp_mock): assert ids(ocp_mock) == [2]

@pytest.mark.ocp_mock(["mine.yaml", "also.json"])
def test_several(ocp_mock): assert ids(ocp_mock) == [1, 2]

@pytest.mark.ocp_mock(Path(__file__).parent / "mine.yaml")
def test_absolute(ocp_mock): assert ids(ocp_mock) == [1]

@pytest.mark.ocp_mock("permissions")
def test_name(ocp_mock): assert ask(ocp_mock.url) == 401

@pytest.mark.ocp_mock("empty")
def test_a_file_of_that_name_comes_first(ocp_mock): assert ids(ocp_mock) == [1]

@pytest.mark.ocp_mock(world={"tasks": [{"id": 5}]})
def test_mapping(ocp_mock): assert ids(ocp_mock) == [5]

@pytest.mark.ocp_mock({"tasks": [{"id": 6}]})
def test_mapping_as_such(ocp_mock): assert ids(ocp_mock) == [6]

@pytest.mark.ocp_mock(world={})
def test_nothing(ocp_mock): assert ids(ocp_mock) == []

def test_none(ocp_mock): assert ids(ocp_mock)[0] == 1000
"""
    )
    run(pytester, "").assert_outcomes(passed=10)


def test_the_closest_marker_wins(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
pytestmark = pytest.mark.ocp_mock(world={"tasks": [{"id": 1}]}, strict=True)

@pytest.fixture(autouse=True)
def asking(ocp_mock):  # strict fails a test without a request, too
    ask(ocp_mock.url, "/api/v2/tasks/instances", "GET")

def test_module(ocp_mock): assert ids(ocp_mock) == [1]

@pytest.mark.ocp_mock(world={"tasks": [{"id": 2}]})
class TestClass:
    def test_class(self, ocp_mock):
        assert ids(ocp_mock) == [2]
        assert ask(ocp_mock.url, "/api/v2/nowhere") == 404  # strict was the module's

    @pytest.mark.ocp_mock(world={"tasks": [{"id": 3}]})
    def test_own(self, ocp_mock): assert ids(ocp_mock) == [3]

@pytest.mark.parametrize("n", [pytest.param(4, marks=pytest.mark.ocp_mock(world={"tasks": [{"id": 4}]})), 1])
def test_parameter(ocp_mock, n): assert ids(ocp_mock) == [n]
""",
    )
    result.assert_outcomes(passed=5)


def test_a_fixture_that_is_changed_between_two_tests_is_read_again(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
from pathlib import Path
FILE = Path(__file__).parent / "mine.yaml"
FILE.write_text("tasks: [{id: 1}]")

@pytest.mark.ocp_mock("mine.yaml")
@pytest.mark.parametrize("n", [1, 12, 123])
def test_it(ocp_mock, n):
    assert ids(ocp_mock) == [n]
    FILE.write_text("tasks: [{id: %d}]" % (n * 10 + n % 10 + 1))
""",
    )
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("marker", "option", "variable", "ini", "expected"),
    [
        (True, True, True, True, "marker"),
        (False, True, True, True, "option"),
        (False, False, True, True, "variable"),
        (False, False, False, True, "ini"),
        (False, False, False, False, "built-in"),
    ],
)
def test_marker_before_option_before_variable_before_ini_before_built_in(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    marker: bool,
    option: bool,
    variable: bool,
    ini: bool,
    expected: str,
) -> None:
    worlds = {"marker": 1, "option": 2, "variable": 3, "ini": 4, "built-in": 1000}
    for name, id in worlds.items():
        (pytester.path / f"{name}.yaml").write_text(f"tasks: [{{id: {id}}}]")
    if ini:
        pytester.makeini("[pytest]\nocp_mock_fixtures = ini.yaml\n")
    if variable:
        monkeypatch.setenv("OCP_MOCK_FIXTURES", "variable.yaml")
    mark = '@pytest.mark.ocp_mock("marker.yaml")' if marker else "@pytest.mark.ocp_mock(seed=8)"
    result = run(
        pytester,
        f"""
{mark}
def test_it(ocp_mock): assert ids(ocp_mock)[0] == {worlds[expected]}
""",
        *(["--ocp-mock-fixtures=option.yaml"] if option else []),
    )
    result.assert_outcomes(passed=1)


def test_the_inis_path_is_relative_to_it_and_the_options_to_where_one_is(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pytester.path / "mine.yaml").write_text(ONE)
    below = pytester.mkdir("below")
    (below / "mine.yaml").write_text(TWO)
    test = "def test_it(ocp_mock): assert ids(ocp_mock) == [{}]"
    pytester.makeini("[pytest]\nocp_mock_fixtures = mine.yaml\n")
    monkeypatch.chdir(below)
    run(pytester, test.format(1), str(pytester.path)).assert_outcomes(passed=1)
    run(pytester, test.format(2), str(pytester.path), "--ocp-mock-fixtures", "mine.yaml").assert_outcomes(passed=1)


def test_several_by_option_by_variable_and_by_ini(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    (pytester.path / "a.yaml").write_text(ONE)
    (pytester.path / "b.yaml").write_text(TWO)
    test = "def test_it(ocp_mock): assert ids(ocp_mock) == [1, 2]"
    run(pytester, test, "--ocp-mock-fixtures=a.yaml", "--ocp-mock-fixtures=b.yaml").assert_outcomes(passed=1)
    pytester.makeini("[pytest]\nocp_mock_fixtures =\n  a.yaml\n  b.yaml\n")
    run(pytester, test).assert_outcomes(passed=1)
    pytester.makeini("[pytest]\n")
    monkeypatch.setenv("OCP_MOCK_FIXTURES", os.pathsep.join(["a.yaml", "b.yaml"]))
    run(pytester, test).assert_outcomes(passed=1)


def test_settings_by_marker(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
@pytest.mark.ocp_mock("failed-subtask", auth="basic", seed=9, field_names="table")
def test_world(ocp_mock):
    assert {"auth": "basic", "seed": 9, "fieldNames": "table"}.items() <= ocp_mock.settings().items()

@pytest.mark.ocp_mock(seed=9)
def test_of_the_built_in_world(ocp_mock):
    assert ocp_mock.settings()["seed"] == 9
    assert ids(ocp_mock)[0] == 1000

@pytest.mark.ocp_mock(api_prefixes=["/api/v1", "/api/v2"], admin_token="secret")
def test_server(ocp_mock):
    assert ask(ocp_mock.url, RETRY.replace("v2", "v1")) == 200
    assert ask(ocp_mock.url, "/__admin/reset") == 401
    assert len(ocp_mock.requests()) == 1

def test_and_then_none(ocp_mock):
    assert ask(ocp_mock.url, RETRY.replace("v2", "v1")) == 404
    assert ask(ocp_mock.url, "/__admin/reset") == 200
    assert ocp_mock.settings()["seed"] != 9
""",
    )
    result.assert_outcomes(passed=4)


def test_the_way_to_answer_by_marker(pytester: pytest.Pytester) -> None:
    """Each on the same server, whose own dialect is the default."""
    result = run(
        pytester,
        """
import json
from urllib.request import urlopen

def first(mock):
    with urlopen(mock.api_url + "/tasks/instances/1000") as answer:
        return json.load(answer)["data"]

@pytest.mark.ocp_mock("failed-subtask", dialect="ocp-express", nulls="null", array_order="shuffled")
def test_world(ocp_mock):
    assert ocp_mock.api_url == ocp_mock.url + "/api/v1"
    assert "tenantInfo" in first(ocp_mock)
    given = {"dialect": "ocp-express", "nulls": "null", "arrayOrder": "shuffled"}
    assert given.items() <= ocp_mock.settings().items()
    ocp_mock.load("tour")
    assert given.items() <= ocp_mock.settings().items()

@pytest.mark.ocp_mock(nulls="null", world={"dialect": "ocp-4.2.1", "tasks": [{"id": 1000}]})
def test_beside_its_worlds_own(ocp_mock):
    assert ocp_mock.api_url == ocp_mock.url + "/api/v2"
    assert ocp_mock.settings()["dialect"] == "ocp-4.2.1"
    assert first(ocp_mock)["tenant"] is None

def test_and_then_none(ocp_mock):
    ocp_mock.load("failed-subtask")
    assert ocp_mock.api_url == ocp_mock.url + "/api/v2"
    given = {"dialect": "ocp-4.2.2", "nulls": "absent", "arrayOrder": "fixture"}
    assert given.items() <= ocp_mock.settings().items()

@pytest.mark.ocp_mock(dialect="ocp-express", api_prefixes=["/ocp/api"])
def test_a_prefix_that_is_given_counts(ocp_mock):
    assert ocp_mock.api_url == ocp_mock.url + "/ocp/api"
    assert first(ocp_mock)["id"] == 1000
""",
    )
    result.assert_outcomes(passed=4)


def test_the_clock_is_manual_unless_the_marker_asks(pytester: pytest.Pytester) -> None:
    """A fixture's own `mode: real` is none; its `now` counts."""
    (pytester.path / "real.yaml").write_text('clock: {mode: real, speed: 9, now: "2024-02-29T12:00:00+08:00"}\n' + ONE)
    result = run(
        pytester,
        """
@pytest.mark.ocp_mock("real.yaml")
def test_file(ocp_mock):
    assert ocp_mock.clock() == {"mode": "manual", "now": "2024-02-29T12:00:00+08:00", "speed": 1}

@pytest.mark.ocp_mock("real.yaml", clock="real")
def test_asked(ocp_mock): assert ocp_mock.clock()["mode"] == "real"

@pytest.mark.ocp_mock(clock="real")
def test_asked_of_the_built_in_one(ocp_mock): assert ocp_mock.clock()["mode"] == "real"

@pytest.mark.ocp_mock(speed=100)
def test_speed(ocp_mock): assert ocp_mock.clock().items() >= {"mode": "real", "speed": 100}.items()

def test_and_then_none(ocp_mock): assert ocp_mock.clock()["mode"] == "manual"
""",
    )
    result.assert_outcomes(passed=5)


# --- wrong markers -------------------------------------------------------------------------------------------------

SHIPPED = "shipped are automatic-retry, big-ids, "


WRONG = [
    ("'failed-subtsk'", SHIPPED),
    ("'failed-subtsk'", "test_wrong_markers_are_usage_errors"),  # in the path that was looked for
    ("clok='real'", "takes no 'clok' (did you mean clock?); it takes world, strict, clock, speed, auth"),
    ("clock='fast'", "clock is 'manual' or 'real', not 'fast'"),
    ("strict='yes'", "strict is True or False, not 'yes'"),
    ("seed=1.5", "seed is a whole number"),
    ("dialect='ocp-4.3'", "dialect is 'ocp-4.2.2', 'ocp-4.2.1' or 'ocp-express', not 'ocp-4.3'"),
    ("dialect=['ocp-4.2.1']", "dialect is 'ocp-4.2.2', 'ocp-4.2.1' or 'ocp-express', not ['ocp-4.2.1']"),
    ("nulls=False", "nulls is 'absent' or 'null', not False"),
    ("array_order='random'", "array_order is 'fixture' or 'shuffled', not 'random'"),
    ("arrayOrder='random'", "array_order is 'fixture' or 'shuffled', not 'random'"),
    ("speed=True", "speed is a number"),
    ("api_prefixes='/api/v1'", "api_prefixes is a list"),
    ("world='mine.yaml'", "world is a mapping in the form of a fixture file"),
    ("'a.yaml', 'b.yaml'", "takes one path, not 2; several are a list"),
    ("'a.yaml', world={}", "a path or world=…, not both"),
    ("7", "takes a path, the name of a shipped fixture, or world={…}, not 7"),
    ("[]", "takes a path, the name of a shipped fixture"),
    ("clock='manual', speed=2", "a manual clock has no speed"),
    ("world={'tasks': [{'id': 'x'}]}", "tasks[0].id: "),
    ("'broken.yaml'", "broken.yaml:1:"),
]


def test_wrong_markers_are_usage_errors(pytester: pytest.Pytester) -> None:
    """Each of its test alone, in one line, without a way through our code."""
    (pytester.path / "broken.yaml").write_text("tasks: [{id: x}]")
    tests = [f"@pytest.mark.ocp_mock({marker})\ndef test_{n}(ocp_mock): pass" for n, (marker, _) in enumerate(WRONG)]
    result = run(pytester, "\n".join([*tests, "def test_right(ocp_mock): pass"]))
    result.assert_outcomes(passed=1, errors=len(WRONG))
    said = re.split(r"^_+ ERROR at setup of test_\d+ _+$", result.stdout.str(), flags=re.M)[1:]
    for (_, message), error in zip(WRONG, said, strict=True):
        assert "UsageError: " in error
        assert message in error
        assert not re.search(r"(session|marker|pytest_plugin)\.py", error)


def test_a_wrong_option_is_a_usage_error_too(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it(ocp_mock): pass", "--ocp-mock-fixtures=mine.yaml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["UsageError: --ocp-mock-fixtures: there is no */mine.yaml, nor a shipped fixture*"])


def test_the_marker_is_registered(pytester: pytest.Pytester) -> None:
    tests = "@pytest.mark.ocp_mock\ndef test_it(ocp_mock): pass"
    run(pytester, tests, "--strict-markers", "--strict-config").assert_outcomes(passed=1)
    run(pytester, "", "--markers").stdout.fnmatch_lines(["@pytest.mark.ocp_mock(path, ?, world=None, clock='manual'*"])
    run(pytester, "", "--fixtures").stdout.fnmatch_lines(["ocp_mock -- *", "*A mock server with a fresh world*"])


# --- another server ------------------------------------------------------------------------------------------------


def test_make_ocp_mock_makes_more(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_two(ocp_mock, make_ocp_mock):
    other = make_ocp_mock({"tasks": [{"id": 7}]}, auth="basic")
    assert other.url != ocp_mock.url
    assert ids(other) == [7]
    assert ids(ocp_mock)[0] == 1000
""",
    )
    result.assert_outcomes(passed=1)


OVERRIDES = {
    "function": "return lambda **options: MockServer({'tasks': [{'id': 7}]}, seed=9, **options)",
    "running": """
    with MockServer({'tasks': [{'id': 7}]}, seed=9) as mock:
        yield lambda: mock""",
    "server": """
    with MockServer({'tasks': [{'id': 7}]}, seed=9) as mock:
        yield mock""",
    "elsewhere": """
    with MockServer({'tasks': [{'id': 7}]}, seed=9, clock="real") as mock:
        yield lambda: MockServer.connect(mock.url)""",
    "world": """
    with MockServer({'tasks': [{'id': 7}]}, seed=9) as mock:
        yield MockServer.connect(mock.url, world="ci-42")""",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", OVERRIDES)
def test_make_ocp_mock_is_overridden(pytester: pytest.Pytester, kind: str) -> None:
    """By what makes a server, by a server, or by the handle of one elsewhere; markers still choose the world."""
    result = run(
        pytester,
        f"""
from mockserver import MockServer

@pytest.fixture(scope="session")
def make_ocp_mock():
    {OVERRIDES[kind]}

@pytest.mark.parametrize("turn", range(2))
def test_its_own_world(ocp_mock, turn):
    assert ids(ocp_mock) == [7]
    assert ocp_mock.settings()["seed"] == 9
    assert ocp_mock.clock()["mode"] == "manual"
    assert ocp_mock.requests() == []
    ask(ocp_mock.url, path(ocp_mock) + RETRY)
    assert len(ocp_mock.requests()) == 1
    ocp_mock.fault(error={{"status": 503}})
    ocp_mock.load({{}})

@pytest.mark.ocp_mock("failed-subtask")
def test_the_markers_world(ocp_mock):
    assert ids(ocp_mock) == [1000]
    assert (ocp_mock.faults(), ocp_mock.requests()) == ([], [])

@pytest.mark.ocp_mock(seed=3)
def test_the_markers_settings(ocp_mock):
    assert ids(ocp_mock) == [7]
    assert ocp_mock.settings()["seed"] == 3

@pytest.mark.ocp_mock(strict=True)
def test_strict(ocp_mock):
    ask(ocp_mock.url, path(ocp_mock) + "/api/v2/x")
""",
    )
    result.assert_outcomes(passed=4, failed=1)


def test_an_override_counts_where_it_stands(pytester: pytest.Pytester) -> None:
    for folder, id in (("one", 1), ("two", 2)):
        (pytester.mkdir(folder) / "conftest.py").write_text(
            "import pytest\nfrom mockserver import MockServer\n@pytest.fixture(scope='session')\n"
            f"def make_ocp_mock(): return lambda: MockServer({{'tasks': [{{'id': {id}}}]}})\n"
        )
        (pytester.path / folder / f"test_{folder}.py").write_text(
            POST_RETRY + f"def test_it(ocp_mock): assert ids(ocp_mock) == [{id}]"
        )
    run(pytester, "def test_it(ocp_mock): assert ids(ocp_mock)[0] == 1000").assert_outcomes(passed=3)


def test_one_suite_against_several_servers(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
from mockserver import MockServer

@pytest.fixture(scope="session", params=[1, 2])
def make_ocp_mock(request): return lambda: MockServer({"tasks": [{"id": request.param}]})

def test_it(ocp_mock): assert ids(ocp_mock) in ([1], [2])
""",
    )
    result.assert_outcomes(passed=2)


def test_what_makes_no_server_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
@pytest.fixture(scope="session")
def make_ocp_mock(): return lambda: "http://127.0.0.1:8080"

def test_it(ocp_mock): pass
""",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["UsageError: make_ocp_mock gives a MockServer, or a function that returns one; not 'htt*"]
    )


# --- verdicts ------------------------------------------------------------------------------------------------------

BROKEN = """
@pytest.fixture(autouse=True)
def broken(monkeypatch):
    from mockserver.server import responses
    from mockserver.contract.errors import Problem, Violation
    proven = responses.proven

    def lied(wire, operation, data, failure, *rest):
        if operation is not None and operation.id == "retrySubtask":
            data, failure = Violation("subtask-instance", [Problem(("status",), "EXPLODED is none")]), None
        return proven(wire, operation, data, failure, *rest)

    monkeypatch.setattr(responses, "proven", lied)
"""


@pytest.mark.planted(2)
def test_a_contract_violation_fails_the_test_that_caused_it(pytester: pytest.Pytester) -> None:
    """And no other; also where the test itself never looked at the answer."""
    result = run(
        pytester,
        BROKEN
        + """
def test_before(ocp_mock): ask(ocp_mock.url, "/api/v2/tasks/instances", "GET")
def test_it(ocp_mock): ask(ocp_mock.url); ask(ocp_mock.url)
def test_after(ocp_mock): pass
""",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_it _*",
            "ocp_mock: 2 answers broke the contract, by a bug of the mock server's:",
            "*#1 POST */retry: 500 COM10999 Contract violation, a bug of the mock server: *$.status*",
            "*ocp_mock tasks*",
        ]
    )


@pytest.mark.planted(1)
def test_a_violation_fails_a_test_that_fails_anyway_once(pytester: pytest.Pytester) -> None:
    result = run(pytester, BROKEN + "def test_it(ocp_mock): assert ask(ocp_mock.url) == 200")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*- Captured stdout: ocp_mock contract -*", "ocp_mock: 1 answer broke the contract*", "*$.status*"]
    )


@pytest.mark.planted(3)
def test_no_violation_is_hidden_by_a_skip_or_an_expected_failure(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        BROKEN
        + """
def test_skips(ocp_mock):
    ask(ocp_mock.url)
    pytest.skip("no need")

@pytest.mark.xfail
def test_fails_but_otherwise(ocp_mock):
    ask(ocp_mock.url)

@pytest.mark.xfail
def test_fails_as_expected(ocp_mock):
    ask(ocp_mock.url)
    assert False
""",
    )
    result.assert_outcomes(skipped=1, failed=1, xfailed=1, errors=2)


@pytest.mark.planted(1)
def test_a_violation_in_another_fixtures_end_is_an_error(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        BROKEN
        + """
@pytest.fixture
def client(ocp_mock):
    yield
    ask(ocp_mock.url)

def test_it(client): pass
""",
    )
    result.assert_outcomes(passed=1, errors=1)


def test_strict_fails_a_test_whose_requests_break_the_contract(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def wrong(mock):
    ask(mock.url, "/api/v2/nowhere")
    ask(mock.url, method="DELETE")
    ask(mock.url, "/api/v2/tasks/instances/abc", "GET")
    ask(mock.url, "/api/v2/tasks/instances?size=0", "GET")

@pytest.mark.ocp_mock(strict=True)
def test_strict(ocp_mock): wrong(ocp_mock)

@pytest.mark.ocp_mock(strict=True)
def test_refusals_are_no_broken_requests(ocp_mock):
    ask(ocp_mock.url)
    assert ask(ocp_mock.url) == 400
    assert ask(ocp_mock.url, RETRY.replace("1000", "7")) == 404
    ocp_mock.fault(error={"status": 400, "code": 10001})
    assert ask(ocp_mock.url) == 400

@pytest.mark.ocp_mock(strict=False)
def test_not_strict(ocp_mock): wrong(ocp_mock)

def test_unmarked(ocp_mock): wrong(ocp_mock)
""",
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "ocp_mock: 4 requests broke the contract (strict):",
            "  #1 POST /api/v2/nowhere: 404 COM10002 *",
            "  #2 DELETE *: 405 COM10008 *",
            "  #3 GET /api/v2/tasks/instances/abc: 400 COM10001 *",
            "  #4 GET /api/v2/tasks/instances?size=0: 200",
            "    hint: *",
            "    client error: size=0 is less than 1, and taken as 10",
        ]
    )


# --- the report ----------------------------------------------------------------------------------------------------


def test_the_header_says_which_world(pytester: pytest.Pytester) -> None:
    line = "ocp-mockserver: *, world: {}"
    run(pytester, "").stdout.fnmatch_lines([line.format("built-in (no --ocp-mock-fixtures)")])
    result = run(pytester, "", "--ocp-mock-fixtures=empty")
    result.stdout.fnmatch_lines([line.format("empty (--ocp-mock-fixtures)")])


def test_a_failing_tests_report_has_its_journal_and_its_tasks(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
@pytest.mark.ocp_mock("failed-subtask")
def test_it(ocp_mock):
    ocp_mock.fault(operation="getSubtaskLog", error={"status": 503}, times=2)
    ask(ocp_mock.url)
    ask(ocp_mock.url)
    ask(ocp_mock.url, RETRY.replace("retry", "log"), "GET")
    ocp_mock.advance("2s")
    assert ocp_mock.task(1000).status == "SUCCESSFUL"

def test_passes(ocp_mock): ask(ocp_mock.url, "/nowhere")
""",
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*- Captured stdout: ocp_mock requests -*",
            "#1 POST */retry: 200",
            "#2 POST */retry: 400 TSK10007 *",
            "    hint: *",
            "#3 GET */log: 503 COM10999 Injected by fault-1., by fault-1*",
            "*- Captured stdout: ocp_mock tasks -*",
            "manual clock at 2021-08-25T15:10:15*",
            "task 1000 Uninstall ocp agent: RUNNING / EXECUTE",
            "    10001 *: RUNNING / RETRY, run 2, due 2021-*",
            "fault-1: *times=2*hits=1*",
        ]
    )
    assert "/nowhere" not in result.stdout.str()


def test_a_fixture_that_fails_after_it_has_the_report_too(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
@pytest.fixture
def client(ocp_mock):
    ask(ocp_mock.url)
    raise RuntimeError("no client")

def test_it(client): pass
""",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*- Captured stdout: ocp_mock requests -*", "#1 POST */retry: 200"])


def test_an_assert_requested_that_fails_names_the_nearest(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_it(ocp_mock):
    ask(ocp_mock.url)
    ocp_mock.assert_requested("retrySubtask", status=200, subtask_instance_id=10002)
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">*ocp_mock.assert_requested(*",
            "E*expected a request retrySubtask(status=200, subtaskInstanceId=10002), but there were none",
            "E*What came instead, nearest first:",
            "E*#1 POST */retry: 200   ?subtaskInstanceId is 10001?",
        ]
    )
    assert "handle.py" not in result.stdout.str()


@pytest.mark.slow
def test_a_report_is_made_of_a_server_that_is_gone(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it(ocp_mock):\n    ocp_mock.stop()\n    assert False")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- Captured stdout: ocp_mock -*", "nothing is known: RuntimeError: *"])


# --- what the README and docs/ show --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_recipes_run(pytester: pytest.Pytester) -> None:
    """With requests, httpx and aiohttp, once on the built-in server and once on the one that docs/python.md makes."""
    recipe, override = block("python", "import aiohttp\nimport httpx"), block("python", "def make_ocp_mock")
    run(pytester, recipe, beside=["pytest_asyncio.plugin"]).assert_outcomes(passed=3)
    pytester.makeconftest(override)
    result = run(
        pytester,
        "import requests\ndef test_it(ocp_mock): assert requests.post(ocp_mock.url + RETRY).status_code == 401",
    )
    result.assert_outcomes(passed=1)


# --- in company ----------------------------------------------------------------------------------------------------

ASYNC = """
import aiohttp, httpx, requests

async def three_clients(url):
    async with aiohttp.ClientSession() as session, session.post(url + RETRY) as answer:
        assert answer.status == 200
    async with httpx.AsyncClient() as client:
        assert (await client.post(url + RETRY)).status_code == 400
    assert requests.post(url + RETRY, timeout=30).status_code == 400  # blocking, in an asynchronous test
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_pytest_asyncio(pytester: pytest.Pytester, mode: str) -> None:
    mark = "@pytest.mark.asyncio" if mode == "strict" else ""
    result = run(
        pytester,
        f"""
{ASYNC}
{mark}
async def test_it(ocp_mock):
    await three_clients(ocp_mock.url)
    ocp_mock.assert_requested("retrySubtask", count=3)

{mark}
@pytest.mark.ocp_mock(strict=True)
async def test_fails(ocp_mock):
    ask(ocp_mock.url, "/api/v2/nowhere")

def test_sync(ocp_mock): assert ask(ocp_mock.url) == 200
""",
        f"--asyncio-mode={mode}",
        beside=["pytest_asyncio.plugin"],
        anew=True,
    )
    result.assert_outcomes(passed=2, failed=1)


@pytest.mark.slow
def test_beside_pytest_aiohttp(pytester: pytest.Pytester) -> None:
    """The mock server is what the application under test asks."""
    result = run(
        pytester,
        """
import aiohttp
from aiohttp import web

async def test_it(aiohttp_client, ocp_mock):
    async def retry(request):
        async with aiohttp.ClientSession() as session, session.post(ocp_mock.url + RETRY) as answer:
            return web.json_response(await answer.json(), status=answer.status)

    app = web.Application()
    app.router.add_post("/", retry)
    client = await aiohttp_client(app)
    assert (await (await client.post("/")).json())["data"]["status"] == "READY"
    ocp_mock.assert_requested("retrySubtask", count=1)
""",
        "--asyncio-mode=auto",
        beside=["pytest_asyncio.plugin", "pytest_aiohttp.plugin"],
        anew=True,
    )
    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_anyio(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import httpx

@pytest.fixture
def anyio_backend(): return "asyncio"

@pytest.mark.anyio
async def test_it(ocp_mock):
    async with httpx.AsyncClient() as client:
        assert (await client.post(ocp_mock.url + RETRY)).status_code == 200
""",
        beside=["anyio.pytest_plugin"],
    )
    result.assert_outcomes(passed=1)


def test_beside_aioresponses_with_a_passthrough(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import aiohttp
from aioresponses import aioresponses

@pytest.fixture
def others(ocp_mock_url):
    with aioresponses(passthrough=[ocp_mock_url]) as others:
        yield others

@pytest.mark.asyncio
async def test_it(ocp_mock, others):
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError, match="refused"):
            await session.get("http://elsewhere/")
        async with session.post(ocp_mock.url + RETRY) as answer:
            assert answer.status == 200
    ocp_mock.advance("1s")
""",
        beside=["pytest_asyncio.plugin"],
    )
    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_under_xdist(pytester: pytest.Pytester) -> None:
    """Each worker has a server of its own; a report goes to whoever leads them, its sections too."""
    result = run(
        pytester,
        """
@pytest.mark.parametrize("turn", range(20))
def test_it(ocp_mock, turn):
    assert ask(ocp_mock.url) == 200
    ocp_mock.assert_requested("retrySubtask", count=1)

def test_fails(ocp_mock):
    ask(ocp_mock.url)
    ocp_mock.fault(error={"status": 200})

@pytest.mark.ocp_mock(clok=1)
def test_wrong(ocp_mock): pass
""",
        "-n2",
        beside=["xdist.plugin"],
        anew=True,
    )
    result.assert_outcomes(passed=20, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*UsageError: *clok*", "*ControlError: 422*", "*ocp_mock requests*", "#1 POST */retry: 200"]
    )


# --- a run that does not use it --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_unused_it_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    """Of an application's own test run with aiohttp and yaml installed: nothing of them, and little of ours."""
    pytester.makepyfile("def test_it(): pass")
    command = [sys.executable, "-X", "importtime", "-m", "pytest", "-p", "mockserver.pytest_plugin"]
    result = pytester.run(*command)
    assert result.ret == 0
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.lines if line.startswith("import time:")}
    heavy = ("aiohttp", "jsonschema", "yaml", "referencing")
    assert not [name for name in loaded if name.split(".")[0] in heavy or name in heavy]
    assert {name for name in loaded if name.split(".")[0] == "mockserver"} <= {
        *(
            "mockserver",
            "mockserver.contract",
            "mockserver.contract.dialects",
            "mockserver.pytest_plugin",
            "mockserver.testing",
            "mockserver.testing.marker",
            "mockserver.testing.naming",
        )
    }
