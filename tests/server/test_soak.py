"""Two minutes of twenty clients that do whatever clients do: nobody waits, nothing grows, and nothing is miscounted."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, Final

import pytest
from clients import TASKS, failed_world
from processes import Served
from raw_sockets import connected, request
from soaking import Soaking
from waiting import eventually
from waits import Waits, asking, resident

CLIENTS: Final = 20
WARM_S, MIXED_S, COUNTED_S = 20, 70, 20
STEPS: Final = 2000
"""Of one client, in each of these, at most."""
GROWTH: Final = 20 * 2**20
LONGEST_S: Final = 0.3
ROUGHLY_S: Final = 2
END_WITHIN_S: Final = 6


class Soak:
    def __init__(self, served: Served) -> None:
        self.served = served
        self.clients = [Soaking(number, served.port) for number in range(CLIENTS)]
        self.waits: list[Waits] = []

    def go_on(self, seconds: int, *, resets: bool) -> None:
        """All do what they like. When this returns, everything is answered for."""
        end, failed = monotonic() + seconds, Event()
        with asking(self.served.url, self.served.pid) as others, ThreadPoolExecutor(CLIENTS) as pool:
            running = [
                pool.submit(one.run, one.steps | (one.resets if resets else {}), STEPS, end, failed)
                for one in self.clients
            ]
            for one in running:
                one.result()
        self.waits.append(others.waits)
        eventually(self.is_answered_for)

    def close(self) -> None:
        for client in self.clients:
            client.hang_up()

    def tally(self) -> Counter[str]:
        return sum((client.tally for client in self.clients), Counter())

    def is_answered_for(self) -> bool:
        tally, account = self.tally(), self.account()
        assert account["replies"] <= tally["replies"]
        return bool(account["replies"] == tally["replies"])

    def account(self) -> Any:
        """Of all worlds."""
        return self.clients[0].told("/contract?worlds=all")

    def begin_journals(self) -> None:
        for client in self.clients:
            client.reset()
            client.tally["journal"] = client.tally["refused"] = 0

    def check_journals(self) -> None:
        """Each request of the API is in the journal of its world, once; and what was refused in that without a name."""
        common = Counter[str]()
        for client in self.clients:
            if client.base:
                self.check_journal(client, client.tally["journal"])
            else:
                common += client.tally
        self.check_journal(self.clients[0], common["journal"] + self.tally()["refused"])

    def check_journal(self, client: Soaking, total: int) -> None:
        journal = client.told("/requests?limit=1000")
        ids = [entry["id"] for entry in journal["requests"]]
        assert journal["total"] == total
        assert len(ids) == total - journal["dropped"]
        assert len(set(ids)) == len(ids)
        assert all(entry["status"] is not None or entry["effect"] for entry in journal["requests"])


@contextmanager
def still_waiting(port: int) -> Iterator[None]:
    """Listeners, an answer that never comes, one that nobody reads, and a body that is never whole."""
    with ExitStack() as open_ones:
        for one in (
            request("/__admin/events"),
            request("/w/client-1/__admin/events"),
            request(TASKS, **{"X-Mock-Fault": '{"fault": "HANG"}'}),
            request("/__admin/requests"),
            request("/__admin/state", "PUT", **{"Content-Type": "application/json", "Content-Length": "1000"}) + b"{",
        ):
            open_ones.enter_context(connected(port)).sendall(one)
        yield


@pytest.mark.slow
@pytest.mark.alone
def test_two_minutes_of_everything_leave_it_as_it_was(tmp_path: Path) -> None:
    fixture = tmp_path / "world.json"
    fixture.write_text(json.dumps(failed_world(clock={"mode": "real", "speed": 100})))
    with Served(str(fixture), "--no-access-log", anew=True) as served, closing(Soak(served)) as soak:
        soak.go_on(WARM_S, resets=False)  # journals fill, as they do at the end
        before = resident(served.pid)
        soak.go_on(MIXED_S, resets=True)
        soak.begin_journals()
        soak.go_on(COUNTED_S, resets=False)
        after, tally = resident(served.pid), soak.tally()
        soak.check_journals()
        account = soak.account()
        print(soak.waits, f"{before >> 20} MiB, then {after >> 20} MiB", tally)
        assert (account["deliberatelyInvalid"], account["violations"]) == (tally["odd"], 0)
        assert after < before + GROWTH
        assert max(waits.computing_s for waits in soak.waits) < LONGEST_S
        assert max(waits.rough_s for waits in soak.waits) < ROUGHLY_S
        with still_waiting(served.port):
            began = monotonic()
            assert served.end() == 0
            assert monotonic() - began < END_WITHIN_S
    assert "Traceback" not in served.logs
