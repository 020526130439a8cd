"""The command `init`: a fixture to begin with, in a folder of one's own. It overwrites nothing."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Final

from mockserver.fixtures import source
from mockserver.packaged import folder

NAME: Final = "example.yaml"
EXAMPLE: Final = """\
# A world for ocp-mockserver: its tasks, its users, and how things go. Only ids are required; all else has a default.
# What a real server answered can be pasted in as it is. Lines that are commented out show what else there is.
# The present situation: a subtask has failed, its first retry fails again, the second succeeds.

# Who may do what. With `auth: open`, a request without credentials may do everything.
auth: open
# auth: basic
users:
  operator: {password: operator, permissions: [TASK_MANAGER]}
  viewer: {password: viewer, permissions: [TASK_VIEWER]}

# Time passes as on the wall. With a manual clock it stands still, until POST /__admin/clock/advance moves it.
clock: {mode: real}
# clock: {mode: real, speed: 10}
# clock: {mode: manual, now: "2021-08-25T15:10:13.121+08:00"}

# What is READY waits for `dispatch` before it runs; a run that does not say how long it takes, takes `run`.
scheduler: {dispatch: 1s, run: 2s}

tasks:
  - id: 1000
    name: Uninstall ocp agent
    subtasks:
      - {id: 10000, name: Check host, status: SUCCESSFUL}
      - id: 10001
        name: Uninstall ocp agent
        status: FAILED # PENDING, READY, RUNNING, CANCELING, FAILED or SUCCESSFUL
        upstreams: [10000]
        log: "ssh: connect to host 192.168.0.1 port 22: Connection refused" # of the run that has failed
        runs: # what each coming run does; the last one repeats
          - {outcome: FAILED, duration: 4s, log: "Permission denied (publickey)"}
          - {outcome: SUCCESSFUL, duration: 2s}
        # prohibitRollback: true
        # retryCount: 2 # so often it is retried by itself
      - {id: 10002, name: Clean up, upstreams: [10001]}

  - id: 1001
    name: Create tenant
    subtasks:
      - {id: 11000, name: Allocate units, status: SUCCESSFUL}
      # `never` lasts until the run's timeout, and for ever if that is 0: the task keeps RUNNING.
      - {id: 11001, name: Create units, status: RUNNING, upstreams: [11000], runs: [{duration: never}], timeout: 0}

# Answers that go wrong. Without matchers a fault acts on every request of the API.
faults: []
# faults:
#   - {operation: retrySubtask, error: {status: 503}, times: 2}
#   - {operation: listTaskInstances, fixedDelayMilliseconds: 2000}

# Permissions that are taken away.
denials: []
# denials:
#   - {permission: TASK_MANAGER, user: operator, operation: skipSubtask}
"""


def run(arguments: argparse.Namespace) -> int:
    target: str = arguments.folder
    path = Path(target, NAME)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = source.files_in(path.parent)
        if there:
            names = ", ".join(file.name for file in there)
            print(f"ocp-mockserver: nothing written: {target} has fixtures already ({names})", file=sys.stderr)
            return 1
        with path.open("x", encoding="utf-8") as stream:
            stream.write(EXAMPLE)
    except OSError as error:
        print(f"ocp-mockserver: cannot write {path}: {error.strerror}", file=sys.stderr)
        return 1
    quoted = shlex.quote(target)
    print(f"""\
wrote {path}

next:
  ocp-mockserver serve {quoted}       serves it, and loads what you save in it
  ocp-mockserver validate {quoted}    says what is wrong with it
  for an editor that completes keys, let this be its first line:
  # yaml-language-server: $schema={folder("schemas") / "fixture.schema.json"}""")
    return 0
