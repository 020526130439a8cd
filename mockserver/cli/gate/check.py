"""The command `check`: the judgement of `exec`, of a server that runs elsewhere: a service container, say."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mockserver.cli.flags import Flags, some

if TYPE_CHECKING:  # the command imports them when it runs
    from mockserver.cli.gate.judgement import Evidence
    from mockserver.testing.client import Line

NOBODY: Final = 2
"""The exit code where nobody could be asked."""
TIMEOUT_S: Final = 30
ABOUT: Final = """\
Judges what a server at URL has seen, as exec does when its command has ended: of all its worlds together, or of one.
It changes nothing.
"""
EXAMPLES: Final = """\
examples:
  ocp-mockserver check http://127.0.0.1:8080 --strict
  ocp-mockserver check http://127.0.0.1:8080 --world ci-42 --strict

Exits with 0 if the contract was kept; with 3 if an answer of ours violated it or, with --strict, a request left it that
was not expected to, an expected client error did not come, or no request came at all; with 2 if it cannot be asked.
"""


def add_to(command: Callable[..., Flags]) -> None:
    flags = command("check", ABOUT, "judge what a server elsewhere has seen", EXAMPLES, run=run)
    flags.parser.add_argument("url", metavar="URL", help="of the server; one of its worlds may be in it (/w/NAME)")
    flags.add("--world", some, metavar="NAME", help="only this world; without, all of them together")
    flags.add_switch("--strict", default=False, help="whether a request that breaks the contract counts, too")
    flags.add("--admin-token", some, metavar="TOKEN", help="of the server, if it has one", may_be_empty=False)


def run(arguments: argparse.Namespace) -> int:
    from mockserver.cli.gate.judgement import told, verdict, wrong
    from mockserver.testing.client import ControlError, Line, url_of

    try:
        url = url_of(arguments.url, arguments.world)
    except ValueError as error:
        arguments.flags.parser.error(str(error))
    line = Line(url, arguments.admin_token, timeout_s=TIMEOUT_S)
    try:
        evidence = gathered(line, of_all="/w/" not in url)
    except (ControlError, ConnectionError) as error:
        print(f"ocp-mockserver: {error}", file=sys.stderr)
        return NOBODY
    finally:
        line.close()
    for one in wrong(evidence, strict=arguments.strict):
        print(f"ocp-mockserver: {one}", file=sys.stderr)
    code = verdict(evidence, strict=arguments.strict)
    print(f"ocp-mockserver: {told(evidence.account)}" + (f" (exit code {code})" if code else ""), file=sys.stderr)
    return code


def gathered(line: "Line", *, of_all: bool) -> "Evidence":
    """Raises ControlError and ConnectionError."""
    from mockserver.cli.gate.judgement import Evidence

    query = "?worlds=all" if of_all else ""
    errors = line.call("GET", f"/contract/client-errors{query}")
    try:
        return Evidence(
            account=line.call("GET", f"/contract{query}"),
            client_errors=errors["clientErrors"],
            omitted=errors["omitted"],
            expectations=line.call("GET", f"/contract/expectations{query}")["expectations"],
        )
    except KeyError:
        raise ConnectionError(f"{line.url} is no mock server of this version") from None
