"""The command line. Exit codes: 0 it went well, 1 it could not serve, 2 a usage error or a fixture with mistakes.

`exec` has more of them: its command's own, and 3 if that went well and the account did not; `check` has that 3, too.

What each command imports, it imports when it runs: `--help` and `validate` need no web server.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Final

from mockserver import __version__
from mockserver.cli import port_file, remote, scenarios
from mockserver.cli.flags import FIXTURES, Flags, between, one_of, some, unknown, whole
from mockserver.cli.gate import check, journal_file

Command = Callable[[argparse.Namespace], int]
"""Returns the exit code."""
FORM: Final = partial(argparse.RawDescriptionHelpFormatter, max_help_position=28, width=100)
ABOUT: Final = """\
A mock server of the task API of OceanBase Cloud Platform (OCP), for contract tests.
"""
EXAMPLES: Final = """\
examples:
  ocp-mockserver serve                                  the built-in example world, on port 8080
  ocp-mockserver serve failed-subtask                   a shipped fixture, by its name
  ocp-mockserver init fixtures                          a fixture of your own to begin with
  ocp-mockserver serve fixtures/ --port 0               your own, on a free port
  ocp-mockserver exec fixtures/ -- npm test             a server for as long as the tests run
  ocp-mockserver check http://127.0.0.1:8080 --strict   what a server elsewhere has seen
  ocp-mockserver validate fixtures/*.yaml
  ocp-mockserver openapi > openapi.json

Every flag can be an environment variable: --port-file is OCP_MOCK_PORT_FILE. A flag wins.
"""
SERVE_ABOUT: Final = """\
Serves one world. Each PATH is a fixture file, a folder of them, the name of a shipped fixture, or
scenario:ID (see the command scenarios); several are merged.
Without a PATH: what OCP_MOCK_FIXTURES names, or else the built-in example world.
"""
SERVE_EXAMPLES: Final = """\
examples:
  ocp-mockserver serve permissions --auth basic
  ocp-mockserver serve scenario:retrySubtask-FAILED-EXECUTE-in-ROLLBACK
  ocp-mockserver serve my.yaml --clock manual           time passes only by POST /__admin/clock/advance
  ocp-mockserver serve my.yaml --speed 10               time passes ten times as fast
  ocp-mockserver serve --port 0 --port-file port.txt    a free port, for a script: wait until the file is there
  ocp-mockserver serve --api-prefix /api/v1 --api-prefix /api/v2

What is saved in a PATH on disk is loaded: every world begins anew. A file with mistakes changes nothing, and they are
told on stderr.

The last line on stdout is "listening on http://…", once requests are answered. Logs go to stderr. SIGINT,
SIGTERM and SIGHUP end it: requests in flight have 5 seconds, then it exits with 0, however often it is told.
"""
EXEC_ABOUT: Final = """\
Serves a world on a free port while COMMAND runs, which finds it at $OCP_BASE_URL (no API prefix), past any proxy
(NO_PROXY). PATHs are as those of serve.
"""
EXEC_EXAMPLES: Final = """\
examples:
  ocp-mockserver exec -- npm test
  ocp-mockserver exec failed-subtask --clock manual --strict -- pytest tests/contract
  ocp-mockserver exec -- sh -c 'curl -fsS "$OCP_BASE_URL/api/v2/tasks/instances"'

Exits with the command's code (128 + n after signal n, 127 if there is no such command); if that is 0, with 3 if an
answer of ours violated the contract or, with --strict, a request left it and was not expected to (each is told), an
expected client error did not come, or no request came at all. Signals go to the command and all that it has started.
The account is printed on stderr.
"""
INIT_ABOUT: Final = "Writes a commented fixture to begin with into the folder DIR, which may not have any yet."
HEALTHCHECK_ABOUT: Final = """\
Asks a server how it is, in a container say: exits with 0 if it is healthy, else with 1. Without a URL: one on this
machine, with the host and port that serve has from the same variables.
"""
VALIDATE_ABOUT: Final = """\
Says what is wrong with fixtures, as file:line:column: message, and what is odd, as a warning. Each PATH is judged by
itself; a folder is one world. Exits with 2 if anything is wrong.
"""
OPENAPI_ABOUT: Final = "Prints the OpenAPI 3.1 document of the task API, as /openapi.json serves it."


def main(argv: Sequence[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a fixture's words may not fit the terminal's encoding
    arguments = parsed(argv)
    if "log_format" not in arguments:  # where there is one, they are logged
        for warning in arguments.warnings:
            print(f"ocp-mockserver: {warning}", file=sys.stderr)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # as with `| head`
            with suppress(OSError):
                print(f"ocp-mockserver: what it says cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    return code


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, completed from the environment. A usage error exits with 2."""
    words = sys.argv[1:] if argv is None else list(argv)
    command_words: list[str] = []
    if words[:1] == ["exec"] and "--" in words:
        end = words.index("--")
        words, command_words = words[:end], words[end + 1 :]
    parser = argparse.ArgumentParser(
        prog="ocp-mockserver", description=ABOUT, epilog=EXAMPLES, formatter_class=FORM, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    made: list[Flags] = []

    def command(name: str, about: str, summary: str, examples: str = "", run: Command = run_module) -> Flags:
        added = commands.add_parser(
            name, help=summary, description=about, epilog=examples, formatter_class=FORM, allow_abbrev=False
        )
        flags = Flags(added)
        added.set_defaults(run=run, name=name, flags=flags)
        made.append(flags)
        return flags

    flags = command("serve", SERVE_ABOUT, "serve a world until told to end", SERVE_EXAMPLES, run=serve)
    add_address(flags, port=8080)
    flags.add("--port-file", some, metavar="FILE", help="gets the port once requests are answered; removed at the end")
    flags.add_switch("--watch", default=True, help="whether what is saved in a PATH is loaded")
    add_world(flags)
    flags.add_switch("--access-log", default=None, help="a line per request; by default if stderr is a terminal")
    journal_file.add_to(flags, "at the end, and at SIGUSR1")

    flags = command("exec", EXEC_ABOUT, "serve a world while a command runs", EXEC_EXAMPLES)
    flags.parser.usage = "%(prog)s [PATH ...] [--strict] [flags of serve] -- COMMAND ..."
    flags.add_switch("--strict", default=False, help="whether a request that breaks the contract counts, too")
    add_address(flags, port=0)
    add_world(flags)
    flags.add_switch("--access-log", default=False, help="a line per request")
    journal_file.add_to(flags, "when the command has ended")
    flags.parser.set_defaults(command=command_words)

    check.add_to(command)

    flags = command("init", INIT_ABOUT, "write a fixture to begin with")
    flags.parser.add_argument("folder", metavar="DIR", help="is made if it is not there")

    flags = command("healthcheck", HEALTHCHECK_ABOUT, "ask a server how it is")
    flags.parser.add_argument("url", metavar="URL", nargs="?", help="of the server, without an API prefix")
    flags.add("--host", some, default="127.0.0.1", metavar="HOST", help="as of serve")
    flags.add("--port", whole(0, 65535), default=8080, metavar="PORT", help="as of serve; 0: as in the port file")
    flags.add("--port-file", some, metavar="FILE", help="as of serve")
    flags.add_switch("--admin", default=True, help="as of serve; without, it asks for /openapi.json")
    flags.add("--timeout", between(0.001, 3600), default=3.0, metavar="S", help="how many seconds it may take")

    flags = command("validate", VALIDATE_ABOUT, "say what is wrong with fixtures", run=validate)
    flags.parser.add_argument("paths", metavar="PATH", nargs="+", help="fixture file, folder, or shipped fixture")

    scenarios.add_to(command)
    remote.add_to(command)
    flags = command("openapi", OPENAPI_ABOUT, "print the OpenAPI document", run=print_openapi)
    add_api_prefix(flags)
    flags.add("--auth", one_of("open", "basic"), default="open", metavar="open|basic", help="as of serve")
    add_variant(flags, given=False)

    arguments = parser.parse_args(words)
    arguments.flags.complete(arguments)
    arguments.warnings = list(unknown([FIXTURES, *(name for flags in made for name in flags.variables)]))
    if arguments.name == "exec" and not command_words:
        arguments.flags.parser.error("no command: it comes after --, as in exec fixtures/ -- npm test")
    return arguments


def add_address(flags: Flags, *, port: int) -> None:
    flags.add("--host", some, default="127.0.0.1", metavar="HOST", help="the address to listen on")
    flags.add("--port", whole(0, 65535), default=port, metavar="PORT", help="0 picks a free one")


def add_world(flags: Flags) -> None:
    """What is served, and how."""
    flags.parser.add_argument("paths", metavar="PATH", nargs="*", help="fixture file, folder, or shipped fixture")
    add_api_prefix(flags)
    flags.add(
        "--clock", one_of("real", "manual"), metavar="real|manual", help="how time passes, whatever the fixture says"
    )
    flags.add("--speed", between(1e-6, 1e6), metavar="N", help="N seconds pass in one; the clock is then a real one")
    flags.add("--auth", one_of("open", "basic"), metavar="open|basic", help="whether requests need credentials")
    flags.add("--seed", whole(0, 2**64 - 1), metavar="N", help="repeats trace ids and chance exactly")
    add_variant(flags, given=True)
    about_token = "what /__admin wants as Authorization: Bearer TOKEN"
    flags.add("--admin-token", some, metavar="TOKEN", help=about_token, may_be_empty=False)
    flags.add_switch("--admin", default=True, help="whether there is /__admin at all")
    flags.add_many("--allow-host", some, default=[], metavar="NAME", help="another name by which /__admin may be asked")
    origin = "of pages that may ask /__admin, behind a proxy that changes the Host"
    flags.add_many("--allow-origin", some, default=[], metavar="ORIGIN", help=origin)
    add_forwarding(flags)
    flags.add("--log-format", one_of("text", "json"), default="text", metavar="text|json", help="of the logs")


def add_forwarding(flags: Flags) -> None:
    """Of what is not the task API."""
    where = "where everything else is passed on to: http:// or https:// with a host and a port"
    flags.add("--forward", some, metavar="URL", help=where)
    paths = "only what is at these paths is passed on, as /api/*; repeatable"
    flags.add_many("--forward-path", some, default=[], metavar="GLOB", help=paths)
    flags.add("--forward-ca", some, metavar="FILE", help="certificates, in PEM, that the system there may have, too")
    flags.add_switch("--forward-insecure", default=False, help="whether the system there may have any certificate")


def add_api_prefix(flags: Flags) -> None:
    help = "where the API is; repeatable, and replaces the default, which is the dialect's"
    flags.add_many("--api-prefix", some, default=None, metavar="PREFIX", help=help)


def add_variant(flags: Flags, *, given: bool) -> None:
    """How the API's JSON is. If there is a fixture (`given`), it says so unless a flag does."""
    from mockserver.contract.dialects import DEFAULT_VARIANT, DIALECTS, FIELD_NAMES, NULLS

    dialects = f"whose error codes, prefix and fields: {'|'.join(DIALECTS)}"
    nulls = "what is not known is left out, or is null"
    spellings = "parallelIdx, downstreams as in OCP's sample, or paralleIdx, downstream as in its table"
    for name, choices, metavar, usual, help in (
        ("--dialect", tuple(DIALECTS), "NAME", DEFAULT_VARIANT.dialect, dialects),
        ("--nulls", NULLS, "|".join(NULLS), DEFAULT_VARIANT.nulls, nulls),
        ("--field-names", FIELD_NAMES, "|".join(FIELD_NAMES), DEFAULT_VARIANT.field_names, spellings),
    ):
        flags.add(name, one_of(*choices), default=None if given else usual, metavar=metavar, help=help)


def serve(arguments: argparse.Namespace) -> int:
    """Removes an old port file before the imports, which take a while: whoever waits for a new one may be waiting."""
    if arguments.port_file is not None:
        try:
            port_file.remove(arguments.port_file)
        except OSError as error:
            print(f"ocp-mockserver: {error.strerror}", file=sys.stderr)
            return 1
    return run_module(arguments)


def run_module(arguments: argparse.Namespace) -> int:
    """Most commands are a module of their own."""
    code: int = import_module(f"mockserver.cli.{arguments.name}").run(arguments)
    return code


def validate(arguments: argparse.Namespace) -> int:
    from mockserver.fixtures import source
    from mockserver.fixtures.mistakes import FixtureError, Mistake, counted

    def warn(mistake: Mistake) -> None:
        print(mistake._replace(problem=f"warning: {mistake.message}", name=None))

    code = 0
    for path in arguments.paths:
        try:
            fixture = source.load(path, warn=warn)
        except FixtureError as error:
            code = 2
            print(*error.problems, f"{path}: {counted(len(error.problems), 'mistake')}", sep="\n")
        except OSError as error:
            code = 2
            print(f"{path}: cannot be read: {error.strerror}")
        else:
            subtasks = sum(len(task.subtasks) for task in fixture.tasks.values())
            print(f"{path}: {counted(len(fixture.tasks), 'task')}, {counted(subtasks, 'subtask')}, valid")
    return code


def print_openapi(arguments: argparse.Namespace) -> int:
    from mockserver.app import api_document, prefixes_of
    from mockserver.contract.dialects import Variant

    variant = Variant(arguments.dialect, arguments.nulls, arguments.field_names)
    try:
        prefixes, _ = prefixes_of(variant, arguments.api_prefix)
    except ValueError as error:
        arguments.flags.parser.error(str(error))
    print(json.dumps(api_document(variant, prefixes, arguments.auth), indent=2, ensure_ascii=False))
    return 0
