"""The README and docs/ are true: their commands run, their examples hold, their tables are complete, their links lead
somewhere. (What they show of other tools is in test_recipes.)"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Final, get_args

import pytest
from pages import BASE, PAGES, README, ROOT, block, blocks, coded, rows, section
from processes import END_S, Served, environment, needed, run
from slow import slow_but

from mockserver.admin.calls import LARGE_BODY
from mockserver.admin.calls import MAX_BODY as MAX_CONTROL_BODY
from mockserver.admin.events.feed import KEPT
from mockserver.admin.events.listeners import BEHIND, BEHIND_BYTES, LISTENERS
from mockserver.admin.exchange import COPIED
from mockserver.admin.routes import ROUTES
from mockserver.admin.rules import MAX_RULES, MOST_EXCEPTIONS, WITHIN
from mockserver.admin.tasks import TASKS
from mockserver.cli import exec as exec_command
from mockserver.cli.gate.judgement import BROKEN_CONTRACT
from mockserver.cli.main import parsed
from mockserver.cli.serve import GRACE_S
from mockserver.contract.bundles import schema_files
from mockserver.contract.dialects import DEFAULT, DIALECTS, Dialect, Failure
from mockserver.contract.errors import BY_STATUS, ROWS
from mockserver.contract.operations import LIST_QUERY, OPERATIONS
from mockserver.contract.schemas import contract
from mockserver.faults.effects import DELAYS, EFFECTS
from mockserver.fixtures import mistakes, source
from mockserver.fixtures.text.constructor import MAX_DEPTH
from mockserver.fixtures.text.document import MAX_BYTES, PLACED_LENGTH
from mockserver.server.cors import EXPOSED
from mockserver.server.elsewhere.forwarding import CONNECT_S
from mockserver.server.elsewhere.passing import ANSWER_S
from mockserver.server.elsewhere.stubbing import MAX_FORM
from mockserver.server.elsewhere.tunnel import MESSAGE
from mockserver.server.hints import LOOKED
from mockserver.server.responses import BODY_SECONDS, MAX_BODY
from mockserver.stubs import patterns
from mockserver.stubs.collection import MOST, PARTS
from mockserver.stubs.mapping import MOST_NAMES
from mockserver.tasks import run_log
from mockserver.testing.handle import Handle
from mockserver.times import SECOND
from mockserver.world import sessions
from mockserver.world.account import COMPLAINTS, EXPECTATIONS
from mockserver.world.evidence.exchange import BODY_BYTES
from mockserver.world.fixture import SETTINGS
from mockserver.world.history import CHANGES
from mockserver.world.journal import ARCHIVED, BYTES, REQUESTS
from mockserver.world.live import EVENTS_AT_ONE_INSTANT, EVENTS_IN_ONE_CALL
from mockserver.world.served import GENERATIONS, MAX_SNAPSHOTS
from mockserver.world.worlds import WORLDS

LONGEST: Final = 250
CHAPTERS: Final = [page for page in PAGES if page != "README.md"]
CODES: Final = DIALECTS[DEFAULT].codes
"""Those that the pages show, where they say no other dialect."""


def test_a_first_reader_finishes_the_readme() -> None:
    assert len(README.splitlines()) <= LONGEST


# --- links ---------------------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]) if not link.startswith("http")]
    for link in links:
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_the_readme_leads_to_every_chapter() -> None:
    listed = re.findall(r"^- \[[^]]+\]\(([^)]+)\)", section("README.md", "More"), re.MULTILINE)
    assert sorted(listed) == sorted([*CHAPTERS, "CHANGELOG.md"])


# --- commands ------------------------------------------------------------------------------------------------------


def lines(page: str) -> list[str]:
    """Those of the sh blocks, but for the two commands that the README begins with."""
    shown = blocks(page, "sh")[2 if page == "README.md" else 0 :]
    return [line for one in shown for line in one.splitlines()]


def curled(page: str) -> list[str]:
    """What a page's curl lines get, in their order, from the fixture that the README's first command serves."""
    answers = []
    with Served("failed-subtask") as served:
        for line in lines(page):
            if line.startswith("curl "):
                assert BASE in line
                command = [needed("curl"), *shlex.split(line.replace(BASE, served.url))[1:], "-sS"]
                answers.append(subprocess.check_output(command, text=True, timeout=END_S))
    return answers


def test_the_first_two_commands_are_one_line_each() -> None:
    first, second = (block.splitlines() for block in blocks("README.md", "sh")[:2])
    assert [line.split()[:2] for line in (*first, *second)] == [["pip", "install"]] * 2


def test_the_first_command_serves_a_shipped_fixture() -> None:
    installed, command = blocks("README.md", "sh")[0].split("&&")
    arguments = parsed(shlex.split(command)[1:])
    assert installed.strip() == "pip install ."
    assert (arguments.port, arguments.paths) == (8080, ["failed-subtask"])


def test_the_readme_s_curl_lines_tell_the_story() -> None:
    first, advanced, again, idle, task, fault, own = curled("README.md")
    for fact in ('"status":"READY"', '"operation":"RETRY"', '"runTime":2'):
        assert fact in first
    assert '"to":"FAILED"' in advanced
    assert '"runTime":3' in again
    assert '"to":"SUCCESSFUL"' in idle
    assert json.loads(task)["data"]["status"] == "SUCCESSFUL"
    assert '"id":"fault-1"' in fault
    assert '"status":503' in own


def test_the_curl_lines_of_the_control_routes_tell_theirs() -> None:
    story, account, worlds = (answers := curled("docs/control-routes.md"))[:7], answers[7:-3], answers[-3:]
    advanced, taken, retried, restored, state, found, copies = story
    expected, bad, counted, unexpected = account
    anna, clock, removed = worlds
    assert '"transitions":[]' in advanced
    assert '"name":"before"' in taken
    assert '"name":"before"' in restored
    assert '"status":"READY"' in retried
    assert '"status":"READY"' not in state
    assert '"total":1' in found
    assert "def test_retry_subtask_is_200" in copies
    assert '"met":0' in expected
    assert '"successful":false' in bad
    assert '"clientErrors":0,"expectedErrors":1' in counted
    assert unexpected == ""
    assert '"successful":true' in anna
    assert '"mode":"manual"' in clock
    assert removed == ""


def test_the_curl_lines_of_the_faults_tell_theirs() -> None:
    own, preferred, added, refused, matrix = curled("docs/faults.md")
    assert '"status":503' in own
    assert '"code":"IAM11000"' in preferred
    assert '"id":"denial-1"' in added
    assert '"code":"IAM11000"' in refused
    assert '"allowed":true' in matrix


def test_the_curl_lines_of_the_dialects_tell_theirs() -> None:
    settings, task = curled("docs/dialects.md")
    assert '"dialect":"ocp-express"' in settings
    assert '"tenantInfo":null' in task


def test_no_other_page_has_curl_lines() -> None:
    assert {page for page in PAGES if any(line.startswith("curl ") for line in lines(page))} == {
        *("README.md", "docs/control-routes.md", "docs/dialects.md", "docs/faults.md", "docs/stubs.md"),
    }


COMMANDS: Final = sorted({line for page in PAGES for line in lines(page) if line.startswith("ocp-")})


@pytest.mark.parametrize("line", slow_but([line for line in COMMANDS if " exec " in line][:1], COMMANDS))
def test_the_other_commands_run(line: str) -> None:
    command = line.replace("ocp-mockserver", f"{shlex.quote(sys.executable)} -m mockserver", 1)
    assert command != line
    ended = subprocess.run(
        [needed("bash"), "-c", command], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=END_S
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_there_is_no_command_that_nobody_runs() -> None:
    assert {line.split()[0] for page in PAGES for line in lines(page)} == {"curl", "ocp-mockserver"}


def test_a_command_in_a_sentence_is_one() -> None:
    named = [text for page in PAGES.values() for text in re.findall(r"`ocp-mockserver ([^`…]+)`", page)]
    assert named
    for words in named:
        parsed(shlex.split(words))


SUBCOMMANDS: Final = ("serve", "exec", "verify", "record", "scenarios")


def test_every_flag_that_is_named_is_one() -> None:
    flag = re.compile(r"--[a-z]+(?:-[a-z]+)*")
    there = {one for command in SUBCOMMANDS for one in flag.findall(run(command, "--help").stdout)}
    prose = "".join(re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL) for page in PAGES.values())
    named = {one for code in re.findall(r"`([^`\n]+)`", prose) for one in flag.findall(code)}
    assert named - there == {"--ocp-mock-fixtures", "--ocp-mock-report", "--junit-xml"}


def test_ci_finds_the_commands_where_it_looks() -> None:
    """.ci/run takes the first two sh blocks, and the first curl line that is a retry."""
    if shutil.which("awk") is None or not (ROOT / ".ci" / "run").exists():
        pytest.skip("needs awk and a checkout")
    program = re.search(r"^block\(\) .*$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert program is not None
    script = f"{program[0]}\nblock 1\nblock 2\n"
    out = subprocess.check_output([needed("bash"), "-c", script], cwd=ROOT, text=True, timeout=END_S)
    assert out == "".join(blocks("README.md", "sh")[:2])
    assert re.search(r"^curl -X POST .*/retry$", README, re.MULTILINE)


# --- examples ------------------------------------------------------------------------------------------------------


def examples(language: str) -> list[str]:
    return [one for page in PAGES for one in blocks(page, language)]


def test_every_block_is_run_or_checked() -> None:
    """In these languages here, and these blocks in test_recipes, test_recipes_consoles, test_reading_the_code and
    test_real_server_page."""
    shown = Counter(fence for page in PAGES.values() for fence in re.findall(r"^```(.+)$", page, re.MULTILINE))
    for here in ("sh", "python", "yaml"):
        assert shown.pop(here)
    assert shown == {"ts": 6, "js": 1, "bash": 11, "dockerfile": 1, "text": 3}


@pytest.mark.parametrize("program", examples("python"))
def test_the_python_examples_run(program: str) -> None:
    exec(compile(program, "README.md", "exec"), {})


@pytest.mark.parametrize("text", [text for text in examples("yaml") if not text.startswith("jobs:")])
def test_the_yaml_examples_are_fixtures(text: str) -> None:
    source.load(source.Text(text, "README.md"), now=0)


# --- tables --------------------------------------------------------------------------------------------------------


def test_every_operation_is_in_the_table_with_what_it_refuses() -> None:
    shown = [
        (name.strip("`"), request.strip("`"), permission, refusals)
        for name, request, permission, _, refusals in rows(section("README.md", "The nine operations"))[
            : len(OPERATIONS)
        ]
    ]
    short = {"{taskInstanceId}": "{t}", "{subtaskInstanceId}": "{s}"}
    there = [
        (
            one.id,
            re.sub(r"\{\w+\}", lambda name: short[name[0]], f"{one.method} {one.path}"),
            one.permission,
            ", ".join(str(CODES[failure]) for failure in one.refusals),
        )
        for one in OPERATIONS.values()
    ]
    assert shown == there


def test_every_filter_of_the_list_is_named() -> None:
    what = rows(section("README.md", "The nine operations"))[0][3]
    assert re.findall(r"`(\w+)`", what) == [one.name for one in LIST_QUERY]


def test_every_error_is_in_the_table_by_its_code_in_the_default_dialect() -> None:
    errors = rows(section("README.md", "The nine operations"))[len(OPERATIONS) :]
    shown = [
        pair for statuses, codes, _ in errors for pair in zip(statuses.split(", "), codes.split(", "), strict=True)
    ]
    assert sorted(shown) == sorted({(str(row.status), str(CODES[row.failure])) for row in ROWS})


DIALECT_ROWS: Final[dict[str, Callable[[Dialect], str]]] = {
    "stands for": lambda one: one.stands_for,
    "prefix": lambda one: f"`{one.prefix}`",
    "`error.code`": lambda one: "string" if one.has_text_codes else "integer",
    "signed requests": lambda one: "yes" if one.takes_signed else "no",
    "`retrySubtask` adds 1 to `runTime`": lambda one: "yes" if one.counts_retry else "no",
    "a Long past 2^53 - 1": lambda one: "string of digits" if one.has_text_longs else "number",
    "answers without `data`, beside skip and cancel": lambda one: listed(sorted(one.without_data)),
    "fields that it has not": lambda one: listed([name for name, other in one.fields.items() if other is None]),
    "fields of other names": lambda one: ", ".join(f"`{k}`: `{other}`" for k, other in one.fields.items() if other),
    "objects of fewer keys": lambda one: ", ".join(f"`{k}`: {listed(keys)}" for k, keys in one.references.items()),
}
"""What the table of dialects has in its columns, by the head of a row."""


def listed(names: Sequence[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def test_the_table_of_dialects_is_the_code_s() -> None:
    shown = rows(section("docs/dialects.md", "What differs"))
    told = [[head, *map(say, DIALECTS.values())] for head, say in DIALECT_ROWS.items()]
    assert [row[:-1] for row in shown] == told
    assert len(DIALECT_ROWS) == len(fields(Dialect))  # one is in two rows, and the codes are in the other table


def test_the_table_of_error_codes_is_the_code_s() -> None:
    shown = rows(section("docs/dialects.md", "Error codes"))
    statuses = {row.failure: row.status for row in ROWS}
    assert [row[1:] for row in shown] == [
        [str(statuses[failure]), *(str(one.codes[failure]) for one in DIALECTS.values())]
        for failure in get_args(Failure)
    ]


@pytest.mark.parametrize("title", ["What differs", "Error codes"])
def test_a_table_of_dialects_has_a_column_for_each(title: str) -> None:
    head = next(line for line in section("docs/dialects.md", title).splitlines() if line.startswith("|"))
    assert re.findall(r"`(ocp-[^`]+)`", head) == list(DIALECTS)


def test_every_way_to_choose_a_dialect_is_named() -> None:
    shown = rows(section("docs/dialects.md", "How to choose"))
    serve = run("serve", "--help").stdout
    for key, flag, variable, keyword in ([cell.strip("`") for cell in row] for row in shown):
        assert SETTINGS[key] == keyword
        assert not flag or (f"{flag} " in serve and variable in serve)
    assert set(coded(shown)) == SETTINGS.keys() - {"auth", "server", "seed"}


def test_every_shipped_fixture_is_in_the_table() -> None:
    assert sorted(coded(rows(section("README.md", "Fixtures")))) == sorted(source.shipped())


def test_every_control_route_is_in_the_table_in_order() -> None:
    routes = [f"{method} {path}" for path, handlers in ROUTES.items() for method in handlers]
    assert coded(rows(PAGES["docs/control-routes.md"])) == routes


@pytest.mark.parametrize("row", rows(PAGES["docs/control-routes.md"]), ids=lambda row: row[0])
def test_what_is_said_of_a_control_route_is_so(row: list[str]) -> None:
    """The bodies that it takes, and its filters."""
    method, path = row[0].strip("`").split()
    route = ROUTES[path][method]
    for body in (json.loads(code) for code in re.findall(r"`({[^`…]*})`", row[1]) if '"' in code):
        assert route.body is not None
        assert contract().checker(route.body).accepts(body), body
    if route.query:
        assert set(route.query) <= set(re.findall(r"`(\w+)`", row[1].partition("iltered by")[2]))


def test_every_effect_is_in_the_table_and_in_the_example() -> None:
    assert set(coded(rows(PAGES["docs/faults.md"]))) == {*EFFECTS, *DELAYS}
    fixture = source.load(source.Text(block("yaml", "faults:\n"), "docs/faults.md"), now=0)
    shown = {key for fault in fixture.faults.values() for key in fault.to_json()}
    assert shown >= {*EFFECTS, *DELAYS}


def test_an_injected_error_has_the_code_that_the_table_says() -> None:
    codes = ", ".join(f"{CODES[failure]} for {status}" for status, failure in BY_STATUS.items())
    assert f"{codes}, else {CODES['unexpected']}" in PAGES["docs/faults.md"]


def test_every_key_of_a_fixture_is_in_the_table() -> None:
    schemas = {schema["title"]: schema for schema in schema_files().values()}
    assert coded(rows(PAGES["docs/fixtures.md"])) == list(schemas["Fixture"]["properties"])


def test_every_key_of_a_stub_is_in_the_tables() -> None:
    schema = schema_files()["stub"]
    parts = [schema["properties"]["request"], schema["$defs"]["matcher"], schema["properties"]["response"]]
    keys = [key for part in parts for key in part["properties"] if key != "caseInsensitive"]
    assert coded(rows(section("docs/stubs.md", "Keys"))) == keys


def test_the_curl_line_of_stubs_adds_one() -> None:
    (added,) = (json.loads(answer) for answer in curled("docs/stubs.md"))
    assert added["response"] == {"jsonBody": {"version": "4.2.2"}}


def test_every_method_of_the_handle_is_named() -> None:
    named = set(re.findall(r"`\.?(\w+)\(", section("docs/python.md", "The handle")))
    methods = {name for name in vars(Handle) if not name.startswith("_") and callable(getattr(Handle, name))}
    assert methods - {"close"} <= named


def test_every_difference_has_a_source() -> None:
    known = {"seed", "document", "engine", "client", "ours", "a guess"}
    differences = rows(PAGES["docs/differences.md"])
    assert len(differences) > 15
    assert all(set(row[2].split(", ")) <= known for row in differences)


def test_every_header_that_a_page_may_read_is_named() -> None:
    said = " ".join(section("docs/front-ends.md", "CORS").split())
    assert [name for name in EXPOSED.split(", ") if f"`{name}`" not in said] == []


def test_the_exit_codes_of_exec_are_the_code_s() -> None:
    codes = [row[0] for row in rows(section("docs/ci.md", "`exec`"))]
    assert str(BROKEN_CONTRACT) in codes
    assert f"{exec_command.CANNOT_RUN}, {exec_command.NOT_FOUND}" in codes
    assert f"{exec_command.SIGNALLED} + n" in codes


MIB: Final = 2**20
KIB: Final = 2**10


@pytest.mark.parametrize(
    "claim",
    [
        f"request's body: {MAX_BODY // MIB} MiB and {BODY_SECONDS} s; a control call's: {MAX_CONTROL_BODY // MIB} MiB",
        f"{MAX_BYTES // MIB} MiB, {MAX_DEPTH} levels",
        f"A fault is {MAX_DEPTH - WITHIN} levels deep",
        f"{REQUESTS:,} requests, {BODY_BYTES // KIB} KiB",
        f"latest {COMPLAINTS} client errors, and takes {EXPECTATIONS:,} expectations",
        f"{ARCHIVED:,} requests of those that resets have emptied, and {BYTES // MIB} MiB of them",
        f"{CHANGES:,} changes",
        f"replaced {GENERATIONS} times",
        f"more than {COPIED:,} subtasks",
        f"{MAX_RULES:,} faults and {MAX_RULES:,} denials, {MOST:,} stubs, and {sessions.MOST:,} sessions",
        f"{patterns.LONGEST:,} characters, and {patterns.LARGEST:,} parts",
        f"those of all stubs: {PARTS:,} parts. A stub looks at {MOST_NAMES} names",
        f"form of a login: {MAX_FORM // KIB} KiB",
        f"more than {PLACED_LENGTH // MIB} MiB are told by their path",
        f"{mistakes.MOST:,} of them at most",
        f"Bodies of control calls over {LARGE_BODY // MIB} MiB",
        f"who may do what, {MOST_EXCEPTIONS:,} exceptions are told, and the hint of a 403 looks at {LOOKED:,} users",
        f"{MAX_SNAPSHOTS} snapshots, and there are {WORLDS} named worlds",
        f"{run_log.MAX_RUNS} runs and {run_log.MAX_BYTES // KIB} KiB",
        f"{next(one.maximum for one in LIST_QUERY if one.name == 'size'):,} tasks. Of `GET /__admin/tasks`: {TASKS:,}",
        f"{EVENTS_IN_ONE_CALL:,} events, and {EVENTS_AT_ONE_INSTANT:,} at one",
        f"{LISTENERS} listeners to `/__admin/events`, and keeps the last {KEPT:,} events",
        f"{BEHIND_BYTES // KIB} KiB still to read, or anything for {BEHIND // SECOND} s",
        f"in flight {GRACE_S} s",
        f"websocket: {MESSAGE // MIB} MiB. To connect: {CONNECT_S} s; to move, until the answer begins: {ANSWER_S} s",
    ],
)
def test_a_limit_is_the_code_s(claim: str) -> None:
    assert claim in " ".join(PAGES["docs/limits.md"].split())


# --- reading the code ----------------------------------------------------------------------------------------------

READING: Final = PAGES["docs/reading-the-code.md"]


def test_every_package_is_in_the_table() -> None:
    house = ROOT / "mockserver"
    there = {file.name for file in house.glob("*.py")} | {
        f"{file.parent.name}/" for file in house.glob("*/__init__.py")
    }
    assert set(coded(rows(READING.partition("\n## ")[0]))) == there - {"__init__.py", "__main__.py"}


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`([a-z/_]+(?:/|\.py))`", READING)
    assert named
    assert [name for name in named if not (ROOT / "mockserver" / name).exists() and not (ROOT / name).exists()] == []


def test_every_function_that_is_named_is_there() -> None:
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "mockserver").rglob("*.py")]
    there = {name for text in texts for name in re.findall(r"^ *(?:async )?def (\w+)\(", text, re.MULTILINE)}
    named = set(re.findall(r"`(\w+)\(\)`", READING))
    assert named
    assert named <= there
