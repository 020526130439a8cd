"""Measures what the project promises of its speed, as ratios within this run: `python -m benchmarks.run`.

Exits 1 if a promise is not kept. Servers run on one core, the load on the other; what is compared takes turns.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from benchmarks import faults, listeners, load, plugin, worlds, wrk

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = 8
REQUESTS = 4000
ROUNDS = 15
GET = ("GET", "/api/v2/tasks/instances/1000")
POST = ("POST", "/api/v2/tasks/instances/1000/subtasks/{}/retry")
RETRY = (POST[0], POST[1].format(10001))
WRK_ROUNDS = 7
WRK_SECONDS = 2
failures: list[str] = []


def promise(kept: bool, what: str) -> None:
    print(f"  {'ok  ' if kept else 'FAIL'} {what}", flush=True)
    if not kept:
        failures.append(what)


@contextmanager
def process(*arguments: str, pinned: bool = True) -> Iterator[int]:
    """A server's port."""
    with started(*arguments, pinned=pinned) as (port, _):
        yield port


@contextmanager
def started(*arguments: str, pinned: bool = True) -> Iterator[tuple[int, int]]:
    """A server's port, and its process."""
    command = [sys.executable, "-c", LAUNCH, *arguments] if pinned else [sys.executable, "-m", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        try:
            assert child.stdout is not None
            for line in child.stdout:
                port = line.strip().rpartition(":")[2]
                if line.startswith("listening on") or line.strip().isdigit():
                    break
            else:
                raise RuntimeError(f"{arguments} did not start")
            yield int(port), child.pid
        finally:
            child.terminate()


LAUNCH = """
import runpy, sys
from benchmarks.load import pin
pin(0)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def serve(fixture: Path) -> list[str]:
    return ["mockserver", "serve", str(fixture), "--port", "0", "--no-access-log"]


def ask(port: int, method: str, path: str) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return bytes(answer.read())


def raw(method: str, path: str) -> bytes:
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n".encode()


def run_time(port: int, task: int, subtask: int) -> int:
    found = json.loads(ask(port, "GET", f"/api/v2/tasks/instances/{task}"))["data"]["subtasks"]
    return int(next(one["runTime"] for one in found if one["id"] == subtask))


def compare(
    name: str, ours: int, theirs: int, requests: tuple[bytes, bytes], least: float, rounds: int = ROUNDS
) -> int:
    """Ours per second over theirs, round by round; prints the median and its spread. Returns how many ours answered."""
    ratios, speeds = [], []
    for _ in range(rounds):
        b = load.run(theirs, requests[1], REQUESTS, CONNECTIONS)
        a = load.run(ours, requests[0], REQUESTS, CONNECTIONS)
        if (a.succeeded, b.succeeded) != (REQUESTS, REQUESTS):
            promise(False, f"{name}: every answer is a 200")
        ratios.append(a.per_second / b.per_second)
        speeds.append((a.per_second, b.per_second))
    middle = statistics.median(ratios)
    low, high = statistics.quantiles(ratios, n=4)[0], statistics.quantiles(ratios, n=4)[2]
    mine, other = (statistics.median(column) for column in zip(*speeds, strict=True))
    found = f"{name}: {middle:.3f} (quartiles {low:.2f} to {high:.2f}; {mine:.0f}/s to {other:.0f}/s)"
    promise(middle >= least, f"{found}, at least {least}")
    return rounds * REQUESTS


def against_bare(folder: Path) -> None:
    print("requests per second by wrk, of a bare aiohttp handler's that returns the same bytes:")
    for mode, method, target, least, aim in (
        ("manual", *GET, 0.9, 1.6),
        ("manual", *RETRY, 0.55, 1.0),
        ("real", *RETRY, 0.48, 0.95),
    ):
        fixture = folder / "small.json"
        fixture.write_text(json.dumps(worlds.small(mode)))
        with started(*serve(fixture)) as (ours, pid):
            body = folder / "body.json"
            body.write_bytes(ask(ours, method, target))
            with started("benchmarks.bare", method, target, str(body)) as (bare, bare_pid):
                without_pause(
                    f"{method} {target}, {mode} clock", (ours, pid), (bare, bare_pid), method, target, least, aim
                )


def without_pause(
    name: str, ours: tuple[int, int], bare: tuple[int, int], method: str, target: str, least: float, aim: float
) -> None:
    """Ours per second over the bare handler's, round by round. Each answer of ours to a retry was a real one."""
    ratios, mine, others, answered = [], [], [], 0
    before = run_time(ours[0], 1000, 10001)
    for _ in range(WRK_ROUNDS):
        other = wrk.run(*bare, method, target, WRK_SECONDS)
        own = wrk.run(*ours, method, target, WRK_SECONDS)
        if own.failed or other.failed:
            promise(
                False, f"{name}: every answer is a 200, but {own.failed} of ours and {other.failed} of the bare one"
            )
        ratios.append(own.per_second / other.per_second)
        mine.append(own)
        others.append(other)
        answered += own.answered
    low, middle, high = statistics.quantiles(ratios, n=4)
    (speed, other_speed), (processor, other_processor) = (
        [statistics.median(getattr(one, key) for one in results) for results in (mine, others)]
        for key in ("per_second", "processor_us")
    )
    found = f"{middle:.3f} (quartiles {low:.2f} to {high:.2f}; {speed:.0f}/s to {other_speed:.0f}/s"
    found += f"; processor {processor:.1f} to {other_processor:.1f} us)"
    promise(middle >= least, f"{name}: {found}, at least {least} (the aim is {aim})")
    if method == "POST":
        grown = run_time(ours[0], 1000, 10001) - before
        at_most = answered + WRK_ROUNDS * wrk.CONNECTIONS  # at the end of a round wrk counts no more what is on its way
        promise(answered <= grown <= at_most, f"{name}: runTime grew by {grown} in {answered} retries")


def with_faults(folder: Path) -> None:
    print(f"with {faults.RULES} fault rules that match nothing, of a bare aiohttp handler's:")
    fixture = folder / "faults.json"
    fixture.write_text(json.dumps(faults.world()))
    retry, log = POST[1].format(10001), f"{GET[1]}/subtasks/10001/log"
    with started(*serve(fixture)) as (ours, pid):
        for method, path in (GET, (POST[0], retry)):
            body = folder / f"{method}.json"
            body.write_bytes(ask(ours, method, path))
            with process("benchmarks.bare", method, path, str(body)) as bare:
                request = raw(method, path)
                compare(f"{method} {path}", ours, bare, (request, request), 0.6, rounds=7)
        print("what is held back and what is kept:")
        requests = {"GET": raw(*GET), "POST": raw(POST[0], retry), "a spoiled GET": raw("GET", log)}
        faults.beside_hanging(ours, {name: requests[name] for name in ("GET", "POST")}, GET[1], promise)
        faults.bounded(ours, pid, requests, ask, promise)


def with_stubs(folder: Path) -> None:
    print(f"with {worlds.STUBS} stubs:")
    fixture, plain, path = folder / "stubs.json", folder / "small.json", "/api/v2/info/250"
    fixture.write_text(json.dumps(worlds.stubbed()))
    plain.write_text(json.dumps(worlds.small()))
    with process(*serve(fixture)) as ours, process(*serve(plain)) as without:
        body = folder / "body.json"
        body.write_bytes(ask(ours, "GET", path))
        with process("benchmarks.bare", "GET", path, str(body)) as bare:
            compare("a stub, of a bare aiohttp handler's", ours, bare, (raw("GET", path), raw("GET", path)), 0.7)
        for method, target in (GET, RETRY):
            request = raw(method, target)
            compare(f"{method} {target}, of one without stubs", ours, without, (request, request), 0.9)


def with_listeners(folder: Path) -> None:
    print("while they listen to what happens:")
    fixture = folder / "small.json"
    fixture.write_text(json.dumps(worlds.small()))
    with process(*serve(fixture)) as ours:
        listeners.beside_listeners(ours, raw(POST[0], POST[1].format(10001)), promise)


def start_up(folder: Path) -> None:
    print("from start to the first answer:")
    body = folder / "body.json"
    body.write_text("{}")
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(7):
        for name, command in (
            ("ours", serve(ROOT / "fixtures" / "failed-subtask.yaml")),
            ("bare", ["benchmarks.bare", *GET, str(body)]),
        ):
            began = time.perf_counter()
            with process(*command, pinned=False) as port:
                ask(port, *GET)
                took[name].append(time.perf_counter() - began)
    ours, bare = (statistics.median(took[name]) for name in took)
    promise(ours < 3 * bare, f"{ours:.2f} s, a bare aiohttp handler's {bare:.2f} s; under 3 times as long")


LOADING = """
import json, resource, sys, time, yaml
from mockserver.fixtures import source
from mockserver.world.served import Served
began = time.perf_counter()
Served.of(source.load([sys.argv[1]], now=0))
took = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
text = open(sys.argv[1]).read()
began = time.perf_counter()
json.loads(text) if sys.argv[1].endswith("json") else yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
print(took, took / (time.perf_counter() - began), peak)
"""


def large_worlds(folder: Path) -> None:
    print("a world of 1,000 tasks with 100 subtasks each:")
    big, small = folder / "large.json", folder / "small.json"
    big.write_text(json.dumps(worlds.large()))
    text = folder / "large.yaml"
    text.write_text(yaml.dump(worlds.large(), Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
    for file, most in ((big, 75), (text, 3)):
        output = subprocess.check_output([sys.executable, "-c", LOADING, str(file)], text=True, cwd=ROOT)
        seconds, ratio, megabytes = map(float, output.split())
        found = f"{file.suffix}: {seconds:.1f} s, {ratio:.1f} times as long as parsing alone, {megabytes:.0f} MiB"
        promise(ratio < most and megabytes < 1024, f"{found}; under {most} times, under 1024 MiB")
    with process(*serve(big)) as large, process(*serve(small)) as little:
        requests = (
            raw("POST", "/api/v2/tasks/instances/1500/subtasks/150001/retry"),
            raw(POST[0], POST[1].format(10001)),
        )
        compare("a retry in it, of one in a small world", large, little, requests, 0.8)


def main() -> int:
    plugin.main(promise)
    load.pin(1)
    with tempfile.TemporaryDirectory() as name:
        against_bare(Path(name))
        with_faults(Path(name))
        with_stubs(Path(name))
        with_listeners(Path(name))
        start_up(Path(name))
        large_worlds(Path(name))
    print(f"{len(failures)} promises are not kept" if failures else "every promise is kept")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
