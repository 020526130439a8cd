"""The plugin as a gate: `strict` and all that it is about, also on a shared server; what a failure leaves behind."""

import re
from xml.etree import ElementTree

import plugin_runs
import pytest
from clients import failed_world
from hars import entries
from plugin_runs import run

from mockserver import MockServer

_alone = pytest.fixture(autouse=True)(plugin_runs.alone)

LIST = "/api/v2/tasks/instances"
SHARED = """
from mockserver import MockServer

@pytest.fixture(scope="session")
def make_ocp_mock():
    return MockServer.connect("URL", world="mine")
"""
STRICT = """
import requests
pytestmark = pytest.mark.ocp_mock(strict=True)
BAD = "/api/v2/tasks/instances/x"

def get(mock, what, **options):
    return ask(mock.url, path(mock) + what, "GET", **options)

def test_right(ocp_mock): get(ocp_mock, "/api/v2/tasks/instances")

def test_wrong(ocp_mock): get(ocp_mock, BAD)

def test_expected(ocp_mock):
    with ocp_mock.expecting_client_errors(status=400):
        get(ocp_mock, BAD)

def test_unmet(ocp_mock):
    get(ocp_mock, "/api/v2/tasks/instances")
    url = ocp_mock.url + "/__admin/contract/expectations"
    assert requests.post(url, json={"status": 404}).status_code == 201

def test_unmet_is_forgotten(ocp_mock): get(ocp_mock, "/api/v2/tasks/instances")

def test_no_request(ocp_mock): pass

def test_only_directed(ocp_mock): ocp_mock.advance("1s")

def test_zero(ocp_mock):
    get(ocp_mock, BAD)
    ocp_mock.clear_contract()
    get(ocp_mock, "/api/v2/tasks/instances")
"""
SAID = [
    "ocp_mock: 1 request broke the contract (strict):",
    f"  #1 GET *{LIST}/x: 400 COM10001 *",
    "ocp_mock: expected a client error with status 404: there were none* (strict)",
    "ocp_mock: no request of the API came at all (strict)",
]


def test_strict_is_strict(pytester: pytest.Pytester) -> None:
    result = run(pytester, STRICT)
    result.assert_outcomes(passed=4, failed=4)
    result.stdout.fnmatch_lines(SAID)


def test_also_on_a_server_elsewhere_of_which_others_make_what_they_like(pytester: pytest.Pytester) -> None:
    with MockServer("failed-subtask") as mock:
        sloppy = f"""
@pytest.fixture(autouse=True)
def sloppy():
    ask("{mock.url}", "/w/sloppy/api/v2/nowhere")
    ask("{mock.url}", "/api/v2/nowhere")
"""
        result = run(pytester, SHARED.replace("URL", mock.url) + sloppy + STRICT)
        result.assert_outcomes(passed=4, failed=4)
        result.stdout.fnmatch_lines(SAID)
        assert mock.contract()["clientErrors"] == 8


PARALLEL = """
@pytest.mark.parametrize("turn", range(24))
@pytest.mark.ocp_mock(strict=True)
def test_it(ocp_mock, turn):
    assert ask(ocp_mock.url, path(ocp_mock) + RETRY) == 200
    if turn % 4 == 0:
        ask(ocp_mock.url, path(ocp_mock) + "/api/v2/nowhere")
    ocp_mock.assert_requested("retrySubtask", count=1)
"""


@pytest.mark.slow
def test_four_workers_on_one_server_are_not_blamed_for_each_other(pytester: pytest.Pytester) -> None:
    with MockServer("failed-subtask") as mock:
        tests = SHARED.replace("URL", mock.url) + PARALLEL
        result = run(pytester, tests, "-n4", beside=["xdist.plugin"], anew=True)
        result.assert_outcomes(passed=18, failed=6)
        assert mock.contract(worlds="all")["clientErrors"] == 6
        assert mock.contract()["clientErrors"] == 0


def test_a_failed_test_whose_world_saw_nothing_has_its_own_failure_only(pytester: pytest.Pytester) -> None:
    tests = "@pytest.mark.ocp_mock(strict=True)\ndef test_it(ocp_mock): assert False\n"
    run(pytester, tests).assert_outcomes(failed=1)


FAILING = """
@pytest.mark.parametrize("n", ["a/b", "a b"])
@pytest.mark.ocp_mock("failed-subtask")
def test_it(ocp_mock, n):
    assert ask(ocp_mock.url) == 500

def test_well(ocp_mock): assert ask(ocp_mock.url) == 200

def test_without(): assert False
"""


def test_a_report_is_left_of_each_failed_test(pytester: pytest.Pytester) -> None:
    run(pytester, FAILING, "--ocp-mock-report=left/here").assert_outcomes(passed=1, failed=3)
    left = sorted((pytester.path / "left" / "here").iterdir())
    assert len(left) == 2
    for file in left:
        assert re.fullmatch(r"test_a_report_is_left_of_each_failed_test\.py-test_it-a-b-[0-9a-f]{8}\.har", file.name)
        [entry] = entries(file.read_bytes())
        assert (entry["_mock"]["operation"], entry["response"]["status"]) == ("retrySubtask", 200)


def test_no_report_is_left_where_nobody_asks(pytester: pytest.Pytester) -> None:
    run(pytester, FAILING).assert_outcomes(passed=1, failed=3)
    assert not list(pytester.path.rglob("*.har"))


@pytest.mark.parametrize("logging", ["no", "system-out"])
def test_what_the_report_says_is_in_junit_s_xml(pytester: pytest.Pytester, logging: str) -> None:
    file = pytester.path / "junit.xml"
    run(pytester, FAILING, f"--junit-xml={file}", "-o", f"junit_logging={logging}")
    cases = {case.get("name"): case for case in ElementTree.parse(file).iter("testcase")}
    assert cases["test_well"].find("properties") is None
    case = cases["test_it[a b]"]
    said = {one.get("name"): str(one.get("value")) for one in case.iter("property")}
    assert said.keys() == {"ocp_mock requests", "ocp_mock tasks"}
    assert said["ocp_mock requests"].startswith("#1 POST /api/v2/tasks/instances/1000/subtasks/10001/retry: 200")
    out = "".join(str(one.text) for one in case.iter("system-out"))
    assert ("#1 POST " in out) == (logging == "system-out")


def test_the_world_of_a_test_may_be_stopped_and_its_failure_is_told(pytester: pytest.Pytester) -> None:
    tests = """
def test_it(ocp_mock):
    ocp_mock.stop()
    assert False
"""
    result = run(pytester, tests, "--ocp-mock-report=left")
    result.assert_outcomes(failed=1)
    assert not list(pytester.path.rglob("*.har"))


def test_a_world_with_expectations_left_is_a_world_for_the_next() -> None:
    """What a handle expects is of its world."""
    with MockServer(failed_world()) as mock, mock.expecting_client_errors(status=404):
        assert mock._line.call("GET", "/contract/expectations")["expectations"][0]["world"] is None
        mock._line.fetch("/__admin/health")
        with pytest.raises(Exception, match="404"):
            mock._line.fetch("/api/v2/nowhere")
