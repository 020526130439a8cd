"""The recipes in docs/ for front ends and CI: what can be run is run against a server, the rest is checked for form."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import vite as vite_server
import yaml
from clients import TASKS
from hars import entries
from pages import BASE, block
from processes import END_S, INSTALL_S, environment, needed, npm_installed
from variants import VARIANTS

from mockserver import MockServer
from mockserver.app import api_document
from mockserver.cli.main import main, parsed

CLIENT, VITE, UMI = "export async function retrySubtask", 'from "vite"', 'from "umi"'


def node(folder: Path, *arguments: str) -> str:
    """What a program writes. It runs where its packages are."""
    command = [needed("node"), *arguments]
    ended = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=END_S)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


# --- a client in TypeScript ----------------------------------------------------------------------------------------

USE: Final = """\
import { parse, retrySubtask } from "./client.js";
const [base, task, subtask] = process.argv.slice(2);
const retried = await retrySubtask(base, task, subtask).catch((error) => ({ failed: error.message }));
const listed = await (await fetch(`${base}/api/v2/tasks/instances`)).text();
const ids = (data) => data.data.contents.map((one) => String(one.id));
console.log(JSON.stringify({ retried, kept: ids(parse(listed)), changed: ids(JSON.parse(listed)) }));
"""
WRONG: Final = """\
import { retrySubtask } from "./client";
export const wrong: string = (await retrySubtask("", 1, 2)).status === "EXPLODED" ? "" : "";
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the chapter's client, compiled by the chapter's commands against a server that runs."""
    install, generate, compile = block("bash", "openapi-typescript@7 typescript").splitlines()
    packages = [word for word in shlex.split(install) if "@" in word]
    folder = npm_installed(tmp_path_factory.mktemp("client"), *packages)
    (folder / "client.ts").write_text(block("ts", CLIENT))
    (folder / "use.js").write_text(USE)
    with MockServer("failed-subtask") as mock:
        run_npx(folder, generate.replace(BASE, mock.url))
    run_npx(folder, compile)
    return folder


def run_npx(folder: Path, line: str, code: int = 0) -> str:
    command = [needed("npx"), "--no-install", *shlex.split(line)[1:]]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout


def used(folder: Path, *arguments: str) -> Any:
    return json.loads(node(folder, "use.js", *arguments))


@pytest.mark.slow
def test_a_client_that_was_made_from_the_contract_retries_a_subtask(client: Path) -> None:
    with MockServer("failed-subtask") as mock:
        retried = used(client, mock.url, "1000", "10001")["retried"]
        again = used(client, mock.url, "1000", "10001")["retried"]
        assert mock.contract()["clientErrors"] == 0
    assert (retried["status"], retried["operation"], retried["runTime"]) == ("READY", "RETRY", 2)
    assert again["failed"].startswith("TSK10007: ")


@pytest.mark.slow
def test_it_does_not_compile_against_what_is_not_in_the_contract(client: Path) -> None:
    (client / "wrong.ts").write_text(WRONG)
    *_, compile = block("bash", "openapi-typescript@7 typescript").splitlines()
    said = run_npx(client, compile.replace("client.ts", "wrong.ts --noEmit"), code=2)
    assert '"EXPLODED"' in said


@pytest.mark.slow
def test_ids_that_javascript_changes_stay_what_they_are(client: Path) -> None:
    with MockServer("big-ids") as mock:
        tasks = requests.get(mock.url + TASKS, timeout=END_S).json()["data"]["contents"]
        task, subtask = next(
            (task["id"], one["id"]) for task in tasks for one in task["subtasks"] if one["status"] == "FAILED"
        )
        assert task > 2**53
        said = used(client, mock.url, str(task), str(subtask))
    assert said["kept"] == [str(one["id"]) for one in tasks]
    assert said["changed"] != said["kept"]
    assert (said["retried"]["id"], said["retried"]["status"]) == (str(subtask), "READY")


PARSED: Final[dict[str, object]] = {
    "9007199254740991": 9007199254740991,
    "9007199254740993": "9007199254740993",
    "-9223372036854775808": "-9223372036854775808",
    '"id 9007199254740993"': "id 9007199254740993",
    '"a \\" 9007199254740993"': 'a " 9007199254740993',
    '"\\\\"': "\\",
    "[9007199254740993,1]": ["9007199254740993", 1],
    '{"9007199254740993": 9007199254740993.5}': {"9007199254740993": 9007199254740994},
    "1e300": 1e300,
    "12345678901234567.25": 12345678901234568,
}


@pytest.mark.slow
def test_the_clients_parser_changes_nothing_else(client: Path) -> None:
    program = 'import { parse } from "./client.js"; console.log(JSON.stringify(JSON.parse(process.argv[1]).map(parse)))'
    out = node(client, "--input-type=module", "--eval", program, json.dumps(list(PARSED)))
    assert json.loads(out) == list(PARSED.values())


@pytest.mark.slow
def test_types_can_be_made_of_every_variant(client: Path) -> None:
    """In one go, as openapi-typescript does where a file says which documents there are."""
    folder = client / "variants"
    folder.mkdir()
    made: dict[str, Any] = {}
    uses = []
    for count, (name, variant) in enumerate(VARIANTS.items()):
        document = api_document(variant, (variant.row.prefix,), "open")
        (folder / f"{name}.json").write_text(json.dumps(document))
        made[f"v{count}"] = {"root": f"{name}.json", "x-openapi-ts": {"output": f"{name}.d.ts"}}
        uses.append(f'import type {{ operations as v{count} }} from "./{name}";')
        uses.append(f'export type Task{count} = v{count}["getTaskInstance"]["responses"][200]["content"];')
    (folder / "all.json").write_text(json.dumps({"apis": made}))
    (folder / "all.ts").write_text("\n".join(uses))
    run_npx(client, "npx openapi-typescript --redocly variants/all.json")
    *_, compile = block("bash", "openapi-typescript@7 typescript").splitlines()
    run_npx(client, compile.replace("client.ts", "variants/all.ts --noEmit"))


# --- a fault of a request's own ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_page_asks_for_a_fault_of_its_own(tmp_path: Path) -> None:
    program = block("js", "X-Mock-Fault")
    with MockServer("failed-subtask") as mock:
        out = node(tmp_path, "--input-type=module", "--eval", program.replace(BASE, mock.url))
        assert requests.get(mock.url + TASKS, timeout=END_S).status_code == 200
    assert out == "503 valid Maintenance\n"


def test_a_browser_lets_the_page_do_so() -> None:
    """Node asks nobody for permission; a browser sends this first, and hides headers that are not exposed."""
    page = "http://localhost:5173"
    wish = {"Origin": page, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-mock-fault"}
    with MockServer("failed-subtask") as mock:
        preflight = requests.options(mock.url + TASKS, headers=wish, timeout=END_S)
        answer = requests.get(
            mock.url + TASKS, headers={"Origin": page, "X-Mock-Fault": '{"error": {"status": 503}}'}, timeout=END_S
        )
    assert preflight.status_code == 204
    for one in (preflight, answer):
        assert one.headers["Access-Control-Allow-Origin"] == page
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "x-mock-fault" in allowed
    assert "x-mock-contract" in answer.headers["Access-Control-Expose-Headers"].lower()
    assert answer.status_code == 503


# --- development proxies -------------------------------------------------------------------------------------------

DEFINE_ONLY: Final = "export const defineConfig = (config) => config;\n"


def config_of(folder: Path, text: str) -> Any:
    """What a configuration says, its tool's `defineConfig` aside; these are plain JavaScript."""
    (folder / "tool.mjs").write_text(DEFINE_ONLY)
    (folder / "config.mjs").write_text(re.sub(r'from "\w+"', 'from "./tool.mjs"', text))
    program = 'console.log(JSON.stringify((await import("./config.mjs")).default))'
    return json.loads(node(folder, "--input-type=module", "--eval", program))


@pytest.mark.parametrize("tool", [VITE, UMI])
def test_a_development_proxy_sends_the_api_here(tmp_path: Path, tool: str) -> None:
    config = config_of(tmp_path, block("ts", tool))
    proxy = config["server"]["proxy"] if tool == VITE else config["proxy"]
    assert proxy == {"/api": {"target": BASE, "changeOrigin": True}}


@pytest.fixture
def vite(tmp_path: Path) -> Iterator[Any]:
    """Starts Vite with the chapter's configuration, for a server at a URL; gives Vite's own URL."""

    def start(target: str) -> str:
        folder = npm_installed(tmp_path, "vite@5")
        (folder / "vite.config.ts").write_text(block("ts", VITE).replace(BASE, target))
        (folder / "index.html").write_text("<title>a page</title>")
        return started(folder)

    with vite_server.starting() as started:
        yield start


@pytest.mark.slow
@pytest.mark.parametrize("base", ["", "/w/anna"])
def test_vites_proxy_leads_to_the_server_or_to_a_world_on_it(vite: Any, base: str) -> None:
    with MockServer("failed-subtask") as mock:
        url = vite(mock.url + base)
        assert "a page" in requests.get(url, timeout=END_S).text
        answer = requests.post(f"{url}{TASKS}/1000/subtasks/10001/retry", timeout=END_S)
        journal = requests.get(f"{mock.url}{base}/__admin/requests", timeout=END_S).json()
    assert answer.json()["data"]["status"] == "READY"
    assert [one["operation"] for one in journal["requests"]] == ["retrySubtask"]


# --- CI, checked for form ------------------------------------------------------------------------------------------

JOBS: Final[dict[str, Any]] = yaml.safe_load(block("yaml", "jobs:"))["jobs"]


def test_a_job_runs_its_tests_under_exec() -> None:
    steps = JOBS["with-exec"]["steps"]
    (line,) = (step["run"] for step in steps if "ocp-mockserver exec" in step.get("run", ""))
    arguments = parsed(shlex.split(line, comments=True)[1:])
    assert arguments.paths == ["fixtures/"]
    assert (arguments.strict, arguments.command) == (True, ["npm", "test"])
    assert steps[-1]["with"]["path"] == arguments.journal


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_the_form_of_one(job: str) -> None:
    assert JOBS[job].keys() <= {"runs-on", "steps", "services"}
    for step in JOBS[job]["steps"]:
        assert len(step.keys() & {"uses", "run"}) == 1
        assert step.keys() <= {"uses", "with", "run", "env", "if"}


def test_a_service_is_reached_where_its_port_is() -> None:
    service = JOBS["with-a-service"]["services"]["mock"]
    ours, theirs = service["ports"][0].split(":")
    (env,) = (step["env"] for step in JOBS["with-a-service"]["steps"] if "env" in step)
    assert env["OCP_BASE_URL"] == f"http://127.0.0.1:{ours}"
    assert int(theirs) == parsed(["serve"]).port
    options = shlex.split(service["options"])
    asked = shlex.split(options[options.index("--health-cmd") + 1])
    assert parsed(asked[1:]).url is None
    assert service["env"] == {"OCP_MOCK_FIXTURES": "failed-subtask"}


def test_a_service_is_judged_and_leaves_its_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the job's own lines, on a server that has seen a wrong request."""
    steps = [step["run"] for step in JOBS["with-a-service"]["steps"] if "run" in step]
    check, fetch = (next(line for line in steps if word in line) for word in ("check", "curl"))
    words = shlex.split(check)
    with MockServer("failed-subtask") as mock:
        requests.get(f"{mock.url}/api/v2/nowhere", timeout=END_S)
        judged = [mock.url if word == BASE else word for word in words[words.index("check") :]]
        assert main(judged) == 3
        command = [needed("curl"), *shlex.split(fetch.replace(BASE, mock.url))[1:]]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=END_S)
    assert "client error: GET /api/v2/nowhere: 404: " in capsys.readouterr().err
    assert len(entries((tmp_path / "run.har").read_bytes())) == 1


def test_jobs_that_share_a_server_are_judged_by_the_chapter_s_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The world of one is not the other's."""
    together, alone = (shlex.split(line)[1:] for line in block("bash", "check").splitlines())
    with MockServer("failed-subtask") as mock:
        requests.get(f"{mock.url}/w/sloppy/api/v2/nowhere", timeout=END_S)
        requests.get(f"{mock.url}/w/{alone[alone.index('--world') + 1]}{TASKS}", timeout=END_S)
        codes = [main([mock.url if word == BASE else word for word in words]) for words in (together, alone)]
    assert codes == [3, 0]
    assert "(world sloppy)" in capsys.readouterr().err


def test_what_the_gate_tells_is_as_the_chapter_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer("failed-subtask") as mock:
        requests.get(f"{mock.url}{TASKS}?pages=1", timeout=END_S)
        requests.post(f"{mock.url}/__admin/contract/expectations", json={"status": 404}, timeout=END_S)
        assert main(["check", mock.url, "--strict"]) == 3
    assert capsys.readouterr().err.splitlines()[:2] == block("text", "client error").splitlines()


def test_the_image_is_built_and_runs_where_its_port_is() -> None:
    build, start = map(shlex.split, block("bash", "docker build").splitlines())
    assert (build[:2], start[:2]) == (["docker", "build"], ["docker", "run"])
    assert build[build.index("-t") + 1] == start[-1]
    assert start[start.index("-p") + 1] == f"{parsed(['serve']).port}:{parsed(['serve']).port}"
    assert start[start.index("-e") + 1] == "OCP_MOCK_FIXTURES=failed-subtask"


def test_the_container_serves_and_is_asked_how_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = block("dockerfile", "FROM").splitlines()
    commands = [json.loads(line[line.index("[") :]) for line in lines if "CMD [" in line]
    (variable,) = (line.split()[1].split("=") for line in lines if line.startswith("ENV "))
    monkeypatch.setenv(*variable)
    health, serve = (parsed(command[1:]) for command in commands)
    assert (serve.host, health.host, serve.port) == ("0.0.0.0", "0.0.0.0", health.port)
