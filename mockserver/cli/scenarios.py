"""The command `scenarios`: every request in every state, with the world that has it and the answer to expect."""

import argparse
import json
from collections.abc import Callable
from typing import Final

from mockserver.cli.flags import Flags, one_of

ABOUT: Final = """\
Lists every operation in every state that a task and a subtask can be in: the request, and the
answer's status and, if it is refused, its error code in each dialect. serve scenario:ID serves the
smallest world that has it, as do exec, MockServer("scenario:ID") and the pytest marker;
mockserver.scenarios() has them for pytest's parametrize.
"""
EXAMPLES: Final = """\
examples:
  ocp-mockserver scenarios retrySubtask
  ocp-mockserver scenarios --format json                with the world of each, in the form of a fixture file
  ocp-mockserver serve scenario:retrySubtask-FAILED-EXECUTE-in-ROLLBACK

An ID is the operation, the subtask's status and operation, and its task's operation; of the operations on a task: the
operation, the task's status and operation.
"""


def add_to(command: Callable[..., Flags]) -> None:
    flags = command("scenarios", ABOUT, "list every request in every state", EXAMPLES)
    flags.parser.add_argument("operation", metavar="OPERATION", nargs="?", help="only this one, retrySubtask say")
    flags.add("--format", one_of("text", "json"), default="text", metavar="text|json", help="of the list")


def run(arguments: argparse.Namespace) -> int:
    from mockserver.contract.dialects import DIALECTS
    from mockserver.fixtures.scenarios import scenarios

    try:
        found = scenarios(arguments.operation)
    except ValueError as error:
        arguments.flags.parser.error(str(error))
    if arguments.format == "json":
        print(json.dumps([one.to_json() for one in found], indent=2))
        return 0
    width = max(len(one.id) for one in found)
    reach = max(len(one.path) for one in found)
    print(f"{'scenario':{width}}  {'request':{reach + 5}} status  code in {', '.join(DIALECTS)}")
    for one in found:
        codes = "" if one.status < 400 else ", ".join(str(code) for code in one.code.values())
        print(f"{one.id:{width}}  {one.method:4} {one.path:{reach}} {one.status}     {codes}".rstrip())
    return 0
