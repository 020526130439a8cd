"""freezegun in the same process: the server lives in real time all the same, its loop and its clock."""

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from clients import RETRY, TASK, Client, failed_world
from freezegun import freeze_time
from processes import END_S, environment

from mockserver import MockServer
from mockserver.world.clock import loop_time, ticks, wall

FAR = "2078-01-01T00:00:00Z"


@pytest.fixture(params=["before it starts", "while it runs"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Of a server with a real clock, in a process whose time is frozen."""
    mock = MockServer(failed_world(), clock="real")
    if request.param == "while it runs":
        with mock, freeze_time(FAR), Client(mock) as client:
            yield client
    else:
        with freeze_time(FAR), mock, Client(mock) as client:
            yield client


def test_a_delay_ends(client: Client) -> None:
    client.admin("POST", "/faults", {"fixedDelayMilliseconds": 50})
    assert client.get(TASK).status_code == 200
    assert datetime.now(UTC).year == 2078


def test_a_real_clock_is_the_machines(client: Client) -> None:
    """And neither jumps nor stands still."""
    client.admin("POST", "/reset")
    client.admin("PUT", "/clock", {"mode": "real", "speed": 100_000})
    assert client.admin("GET", "/clock")["now"] < "2078"
    assert client.post(RETRY).json()["data"]["status"] == "READY"
    assert any(client.subtasks()[1] != "READY" for _ in range(10_000))
    with freeze_time(FAR) as frozen:
        frozen.tick(timedelta(days=365_000))
        assert client.admin("GET", "/clock")["now"] < "2200"


def test_the_machines_time_is_out_of_its_reach() -> None:
    now = time.time()
    with freeze_time(FAR):
        assert time.time() > 3e9
        assert abs(wall() / 1e9 - now) < END_S
        before = ticks(), loop_time()
        while (ticks(), loop_time()) == before:
            pass
        assert abs(ticks() / 1e9 - loop_time()) < END_S


@pytest.mark.slow
def test_it_is_out_of_its_reach_also_if_it_froze_the_time_before_all_imports() -> None:
    program = f"""
        from freezegun import freeze_time
        with freeze_time("{FAR}"):
            from mockserver import MockServer
            with MockServer(clock="real") as mock:
                mock.fault(fixed_delay_milliseconds=50)
                mock._line.fetch("/api/v2/tasks/instances/1000")
                mock.set_clock("real", speed=10)
                print(mock.clock()["now"] < "2078", mock._app is not None)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=END_S,
        env=environment(),
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True True\n", "")
