"""The commands that ask another server, `verify` and `record`. They send GETs, and nothing that changes anything."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mockserver.cli.flags import Flags, between, one_of, some

if TYPE_CHECKING:  # each is imported by the command that needs it
    import ssl

    from mockserver.remote.client import Client
    from mockserver.remote.record import NotRecorded, Recording
    from mockserver.remote.verify import Verdict

VERIFY_ABOUT: Final = """\
Asks a real server whether it is still as the mock server is: tasks and their logs, and harmless
wrong requests (no such task, no such route, no credentials). Each answer is judged by the schemas of
a dialect, and each difference told: what was asked, the JSON path, what the schema wants, what came,
and how often. It sends GETs only, and nothing that changes anything.
"""
VERIFY_EXAMPLES: Final = """\
examples:
  ocp-mockserver verify https://ocp.example:8080 --user viewer:secret
  ocp-mockserver verify https://ocp.example:8080/api/v2 --dialect ocp-4.2.1 --task 1000 1001
  OCP_MOCK_ACCESS_KEY=ID:SECRET ocp-mockserver verify https://ocp.example --format junit > ocp.xml

URL may end in the API's prefix; else that of each dialect is tried. An open server is a note, and no
difference. Exits with 0 if there is no difference, with 1 if there is one, or no answer at all.
"""

RECORD_ABOUT: Final = """\
Writes a fixture of what a real server has: tasks, their subtasks, and their logs. Loaded, it answers
the same. It says no more than is needed, and guesses from the logs, in comments, how runs went. What
looks like a secret is not written. It sends GETs only.
"""
RECORD_EXAMPLES: Final = """\
examples:
  ocp-mockserver record https://ocp.example:8080 --user viewer:secret --task 1000 -o task-1000.yaml
  ocp-mockserver serve task-1000.yaml

URL may end in the API's prefix; else that of each dialect is tried. Exits with 1 if nothing could be
recorded; then no file is written.
"""


def add_to(command: Callable[..., Flags]) -> None:
    flags = command("verify", VERIFY_ABOUT, "ask a real server whether it is still like this", VERIFY_EXAMPLES, run=run)
    add_server(flags)
    flags.add_switch("--allow-undocumented", default=False, help="whether a field that no schema has is only a note")
    forms = ("text", "json", "junit")
    flags.add("--format", one_of(*forms), default="text", metavar="|".join(forms), help="of what is told")
    flags.parser.set_defaults(ask=ask_to_verify, tell=tell_verdict)

    flags = command("record", RECORD_ABOUT, "write a fixture of what a real server has", RECORD_EXAMPLES, run=run)
    add_server(flags)
    flags.add("--output", some, metavar="FILE", help="which to write; stdout unless said", short="-o")
    flags.parser.set_defaults(ask=ask_to_record, tell=write_recording)


def add_server(flags: Flags) -> None:
    """Which server is asked, for what, and as whom."""
    from mockserver.contract.dialects import DIALECTS

    flags.parser.add_argument("url", metavar="URL", help="of the server, with or without the API's prefix")
    tasks = "whose tasks to ask for; the ten newest unless said"
    flags.add_many("--task", task_id, default=[], metavar="ID", help=tasks, several=True)
    dialect = f"{'|'.join(DIALECTS)}; the one that fits best unless said"
    flags.add("--dialect", one_of(*DIALECTS), metavar="NAME", help=dialect)
    flags.add("--user", pair("NAME:PASSWORD"), metavar="NAME:PASSWORD", help="who asks, by HTTP Basic")
    flags.add("--access-key", pair("ID:SECRET"), metavar="ID:SECRET", help="whose key signs the requests")
    flags.add("--ca", some, metavar="FILE", help="certificates that vouch for the server's, beside the system's")
    flags.add_switch("--insecure", default=False, help="whether any certificate will do")
    flags.add("--timeout", between(0.001, 3600), default=10.0, metavar="S", help="how many seconds an answer may take")


def run(arguments: argparse.Namespace) -> int:
    import asyncio

    from mockserver.remote.client import AccessKey, Basic, Client

    parser: argparse.ArgumentParser = arguments.flags.parser
    if arguments.user is not None and arguments.access_key is not None:
        parser.error("--user and --access-key are two ways to say who asks: give one")
    progress = Progress()
    credentials = None if arguments.user is None else Basic(*arguments.user)
    try:
        client = Client(
            arguments.url,
            credentials=credentials if arguments.access_key is None else AccessKey(*arguments.access_key),
            tls=tls(arguments.ca, insecure=arguments.insecure),
            timeout_s=arguments.timeout,
            asking=progress,
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))
    found = asyncio.run(arguments.ask(arguments, client))
    progress.end()
    code: int = arguments.tell(arguments, found)
    return code


async def ask_to_verify(arguments: argparse.Namespace, client: "Client") -> "Verdict":
    from mockserver.remote.verify import verify

    async with client:
        return await verify(
            client,
            tasks=arguments.task,
            dialect=arguments.dialect,
            allow_undocumented=arguments.allow_undocumented,
        )


def tell_verdict(arguments: argparse.Namespace, verdict: "Verdict") -> int:
    from mockserver.remote.report import WRITERS

    print(WRITERS[arguments.format](verdict))
    return 1 if verdict.counting else 0


async def ask_to_record(arguments: argparse.Namespace, client: "Client") -> "Recording | NotRecorded":
    from mockserver.remote.record import NotRecorded, record

    async with client:
        try:
            return await record(client, tasks=arguments.task, dialect=arguments.dialect)
        except NotRecorded as error:
            return error


def write_recording(arguments: argparse.Namespace, found: "Recording | NotRecorded") -> int:
    if isinstance(found, Exception):
        print(f"nothing was recorded: {found}", file=sys.stderr)
        return 1
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    if arguments.output is None:
        print(found.text, end="")
        return 0
    try:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write(found.text)
    except OSError as error:
        print(f"ocp-mockserver: {arguments.output}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


class Progress:
    """A line on a terminal, which says what is being asked; elsewhere nothing."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._count = 0

    def __call__(self, target: str) -> None:
        self._count += 1
        self._write(f"{self._count}: GET {target}"[:78])

    def end(self) -> None:
        self._write("")

    def _write(self, line: str) -> None:
        if self._is_shown:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def tls(ca: str | None, *, insecure: bool) -> "ssl.SSLContext | bool":
    """Raises OSError, for a file without certificates, too."""
    if insecure:
        return False
    if ca is None:
        return True
    import ssl

    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca)
    except OSError as error:  # of which ssl.SSLError is one
        raise OSError(f"--ca {ca}: {error.strerror or 'no certificates in it'}") from None
    return context


def task_id(text: str) -> str:
    from mockserver.remote.questions import is_id

    if not is_id(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the id of a task")
    return text


def pair(form: str) -> Callable[[str], tuple[str, str]]:
    """Two words with a colon between them. What was given is not told: it may be a secret."""

    def split(text: str) -> tuple[str, str]:
        name, colon, secret = text.partition(":")
        if not (name and colon and secret):
            raise argparse.ArgumentTypeError(f"it is not {form}")
        return name, secret

    return split
