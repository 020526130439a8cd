"""Load by wrk, one thread and sixteen connections, which leaves a server no pause; and the server's processor time."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Result:
    per_second: float
    answered: int
    failed: int
    """Of those, answers that are no success; and errors of a socket."""
    processor_us: float
    """The server's, for each answer."""


def run(port: int, pid: int, method: str, path: str, seconds: int) -> Result:
    """From core 1; wrk must be installed."""
    before = processor_s(pid)
    script = Path(__file__).with_name("method.lua")
    command = ["taskset", "-c", "1"] if len(os.sched_getaffinity(pid)) < (os.cpu_count() or 1) else []
    command += ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    url = f"http://127.0.0.1:{port}{path}"
    told = subprocess.run([*command, url, "--", method], check=True, capture_output=True, text=True).stdout
    answered, speed = _number(r"(\d+) requests in", told), _number(r"Requests/sec:\s+([\d.]+)", told)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
    failed = int(_number(r"Non-2xx or 3xx responses: (\d+)", told)) + sum(map(int, errors.groups() if errors else ()))
    return Result(speed, int(answered), failed, (processor_s(pid) - before) / answered * 1e6)


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found[1]) if found else 0.0
