"""`ocp-mockserver validate`, as it is run: ten mistakes of ten kinds in one file."""

import re
from pathlib import Path

import pytest
from processes import run

TEN = """\
auth: basci
users:
  viewer: {password: viewer, permissions: [TASK_VIEWR]}
clock: {mode: manual, now: yesterday}
tasks:
  - id: 1000
    status: SUCCESSFUL
    subtasks:
      - {id: 10000, stauts: SUCCESSFUL}
      - id: 10001
        status: FAILED
        status: FAILED
        upstreams: [10009]
        runs: [{outcome: FAILED, duration: soon}]
      - {id: 10002, upstreams: [10003]}
      - {id: 10003, upstreams: [10002]}
      - {id: 10000}
  - id: 9223372036854775808
"""
EXPECTED = {
    (1, "auth"): "basic",
    (3, "permission"): "TASK_VIEWER",
    (4, "instant"): "date-time|match",
    (9, "key"): "status",
    (12, "duplicate key"): "twice",
    (13, "upstream"): "10009",
    (14, "duration"): "soon",
    (15, "cycle"): "10002 → 10003 → 10002|10003 → 10002 → 10003",
    (17, "duplicate id"): "10000.*twice",
    (18, "id out of range"): "9223372036854775807",
}
"""By line and kind, what the message says."""


@pytest.mark.slow
def test_ten_mistakes_are_all_named_with_line_and_column(tmp_path: Path) -> None:
    """Exit 2; a file with one mistake would hide nothing of the next."""
    file = tmp_path / "ten.yaml"
    file.write_text(TEN, encoding="utf-8")
    ended = run("validate", str(file), env={"PYTHONUTF8": "1"})
    assert ended.returncode == 2
    told = {}
    for line in ended.stdout.splitlines():
        match = re.fullmatch(rf"{re.escape(str(file))}:([0-9]+):[0-9]+: (.*)", line)
        if match and not match[2].startswith("warning"):
            told[int(match[1])] = match[2]
    assert list(told) == [number for number, _ in EXPECTED]
    for (number, _), words in EXPECTED.items():
        assert re.search(words, told[number])
