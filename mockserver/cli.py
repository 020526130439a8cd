"""The command line. Exit codes: 0 it went well, 1 it could not serve, 2 a usage error or a fixture with mistakes.

What each command imports, it imports when it runs: `--help` and `validate` need no web server.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from mockserver import __version__
from mockserver.flags import Flags, between, one_of, some, whole

if TYPE_CHECKING:
    from mockserver.mistakes import Mistake

Command = Callable[[argparse.Namespace], int]
"""Returns the exit code."""
ABOUT: Final = """\
A mock server of the task API of OceanBase Cloud Platform (OCP), for contract tests.
"""
EXAMPLES: Final = """\
examples:
  ocp-mockserver serve                                  the built-in example world, on port 8080
  ocp-mockserver serve failed-subtask                   a shipped fixture, by its name
  ocp-mockserver serve fixtures/ --port 0               your own, on a free port
  ocp-mockserver validate fixtures/*.yaml
  ocp-mockserver openapi > openapi.json

Every flag can be an environment variable: --port-file is OCP_MOCK_PORT_FILE. A flag wins.
"""
SERVE_ABOUT: Final = """\
Serves one world. Each PATH is a fixture file, a folder of them, or the name of a shipped fixture; several are merged.
Without a PATH: what OCP_MOCK_FIXTURES names, or else the built-in example world.
"""
SERVE_EXAMPLES: Final = """\
examples:
  ocp-mockserver serve permissions --auth basic
  ocp-mockserver serve my.yaml --clock manual           time passes only by POST /__admin/clock/advance
  ocp-mockserver serve my.yaml --speed 10               time passes ten times as fast
  ocp-mockserver serve --port 0 --port-file port.txt    a free port, for a script: wait until the file is there
  ocp-mockserver serve --api-prefix /api/v1 --api-prefix /api/v2

The last line on stdout is "listening on http://…", once requests are answered. Logs go to stderr. SIGINT and SIGTERM
end it: requests in flight have 5 seconds, then it exits with 0.
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
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, completed from the environment. A usage error exits with 2."""
    parser = argparse.ArgumentParser(
        prog="ocp-mockserver", description=ABOUT, epilog=EXAMPLES, formatter_class=_Form, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Command, about: str, summary: str, examples: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=summary, description=about, epilog=examples, formatter_class=_Form, allow_abbrev=False
        )
        added.set_defaults(run=run, parser=added)
        return added

    serve_parser = command("serve", serve, SERVE_ABOUT, "serve a world until told to end", SERVE_EXAMPLES)
    serve_parser.add_argument("paths", metavar="PATH", nargs="*", help="fixture file, folder, or shipped fixture")
    flags = Flags(serve_parser)
    flags.add("--host", some, default="127.0.0.1", metavar="HOST", help="the address to listen on")
    flags.add("--port", whole(0, 65535), default=8080, metavar="PORT", help="0 picks a free one")
    flags.add(
        "--port-file",
        some,
        metavar="FILE",
        help="gets the port once requests are answered; removed at the end",
    )
    add_api_prefix(flags)
    flags.add(
        "--clock", one_of("real", "manual"), metavar="real|manual", help="how time passes, whatever the fixture says"
    )
    flags.add("--speed", between(1e-6, 1e6), metavar="N", help="N seconds pass in one; the clock is then a real one")
    flags.add("--auth", one_of("open", "basic"), metavar="open|basic", help="whether requests need credentials")
    flags.add("--seed", whole(0, 2**64 - 1), metavar="N", help="repeats trace ids and chance exactly")
    add_field_names(flags, default=None)
    flags.add("--admin-token", some, metavar="TOKEN", help="what /__admin wants as Authorization: Bearer TOKEN")
    flags.add_switch("--admin", default=True, help="whether there is /__admin at all")
    flags.add_many(
        "--allow-host",
        some,
        default=[],
        metavar="NAME",
        help="another name by which /__admin may be asked",
    )
    flags.add_switch("--access-log", default=None, help="a line per request; by default if stderr is a terminal")
    flags.add("--log-format", one_of("text", "json"), default="text", metavar="text|json", help="of the logs")
    serve_parser.set_defaults(flags=flags)

    validate_parser = command("validate", validate, VALIDATE_ABOUT, "say what is wrong with fixtures")
    validate_parser.add_argument("paths", metavar="PATH", nargs="+", help="fixture file, folder, or shipped fixture")
    validate_parser.set_defaults(flags=Flags(validate_parser))

    openapi_parser = command("openapi", print_openapi, OPENAPI_ABOUT, "print the OpenAPI document")
    flags = Flags(openapi_parser)
    add_api_prefix(flags)
    flags.add("--auth", one_of("open", "basic"), default="open", metavar="open|basic", help="as of serve")
    add_field_names(flags, default="sample")
    openapi_parser.set_defaults(flags=flags)

    arguments = parser.parse_args(argv)
    arguments.flags.complete(arguments)
    return arguments


class _Form(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=100)


def add_api_prefix(flags: Flags) -> None:
    help = "where the API is; repeatable, and replaces the default"
    flags.add_many("--api-prefix", some, default=["/api/v2"], metavar="PREFIX", help=help)


def add_field_names(flags: Flags, default: str | None) -> None:
    spellings = "parallelIdx, downstreams as in OCP's sample, or paralleIdx, downstream as in its table"
    flags.add("--field-names", one_of("sample", "table"), default=default, metavar="sample|table", help=spellings)


# --- the commands --------------------------------------------------------------------------------------------------


def serve(arguments: argparse.Namespace) -> int:
    from mockserver.serve import serve

    return serve(arguments)


def validate(arguments: argparse.Namespace) -> int:
    from mockserver import sources
    from mockserver.mistakes import FixtureError

    code = 0
    for path in arguments.paths:
        try:
            fixture = sources.load(path, warn=lambda mistake: print(warning(mistake)))
        except FixtureError as error:
            code = 2
            print(*error.problems, f"{path}: {counted(len(error.problems), 'mistake')}", sep="\n")
        else:
            subtasks = sum(len(task.subtasks) for task in fixture.tasks.values())
            print(f"{path}: {counted(len(fixture.tasks), 'task')}, {counted(subtasks, 'subtask')}, valid")
    return code


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def warning(mistake: "Mistake") -> str:
    return str(mistake._replace(message=f"warning: {mistake.message}"))


def print_openapi(arguments: argparse.Namespace) -> int:
    from mockserver import openapi
    from mockserver.app import checked_prefix
    from mockserver.contract import schema_files

    try:
        prefixes = [checked_prefix(prefix) for prefix in arguments.api_prefix]
    except ValueError as error:
        arguments.parser.error(str(error))
    document = openapi.document(
        field_names=arguments.field_names,
        prefixes=prefixes,
        auth=arguments.auth,
        version=__version__,
        schemas=schema_files(),
    )
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0
