"""What the API answers today: every shipped fixture, every operation; a JSON file a fixture, in tests/golden/.

`python -m tests.support.golden_answers` shows what has changed; with `--write` it makes the files anew. It needs
nothing but `MockServer` and plain HTTP, so it holds however the package is built inside. It does not say which answers
are right.

A line is one request to a world that has just been reset. Keys are in the order in which they were sent. `then` is what
the clock brings after an operation that succeeded: "seconds task/subtask FROM>TO OPERATION cause".
"""

import base64
import io
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, Final

from mockserver import ControlError, MockServer

Json = dict[str, Any]
ROOT: Final = Path(__file__).resolve().parents[2]
GOLDEN: Final = ROOT / "tests" / "golden"
TASKS: Final = "/api/v2/tasks/instances"
SEED: Final = 7
UNKNOWN: Final = 404404
"""The id of no task and of no subtask."""
TIMEOUT_S: Final = 30
KEPT_HEADERS: Final = ("content-type", "content-disposition", "www-authenticate")
"""Beside X-Mock-*; the others are the HTTP library's."""

OF_THE_LIST: Final = {
    "listTaskInstances": [f"GET {TASKS}", f"GET {TASKS}?status=FAILED&sort=id,asc&page=1&size=2"],
}
OF_A_TASK: Final = {
    "getTaskInstance": "GET {task}",
    "downloadTaskDiagnosis": "POST {task}/downloadDiagnosis",
    "retryTask": "POST {task}/retry",
    "rollbackTask": "POST {task}/rollback",
}
OF_A_SUBTASK: Final = {
    "getSubtaskLog": "GET {task}/subtasks/{subtask}/log",
    "retrySubtask": "POST {task}/subtasks/{subtask}/retry",
    "skipSubtask": "POST {task}/subtasks/{subtask}/skip",
    "cancelSubtask": "POST {task}/subtasks/{subtask}/cancel",
}
READING: Final = frozenset({"listTaskInstances", "getTaskInstance", "downloadTaskDiagnosis", "getSubtaskLog"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    operation: str
    line: str
    """Method and path: `GET /api/v2/tasks/instances`."""
    user: str | None = None

    def name(self, later: bool) -> str:
        parts = [self.operation, self.line, f"as {self.user}" if self.user else "", "later" if later else ""]
        return " ".join(part for part in parts if part)


def fixtures() -> list[str]:
    return sorted(path.stem for path in (ROOT / "fixtures").glob("*.yaml"))


def golden(fixture: str) -> Path:
    return GOLDEN / f"{fixture}.json"


# --- which requests ------------------------------------------------------------------------------------------------


def requests_of(state: Json) -> Iterator[Request]:
    """All requests to one world: without credentials and, where they are required, as each of its users as well."""
    users = [None, *state["users"]] if state["auth"] == "basic" else [None]
    for user in users:
        for operation, line in lines_of(state["tasks"]):
            yield Request(operation=operation, line=line, user=user)


def lines_of(tasks: list[Json]) -> Iterator[tuple[str, str]]:
    for operation, lines in OF_THE_LIST.items():
        yield from ((operation, line) for line in lines)
    for task, subtasks in [*((one["id"], chosen(one["subtasks"])) for one in tasks), (UNKNOWN, [UNKNOWN])]:
        path = f"{TASKS}/{task}"
        for operation, form in OF_A_TASK.items():
            yield operation, form.format(task=path)
        for subtask in subtasks:
            for operation, form in OF_A_SUBTASK.items():
                yield operation, form.format(task=path, subtask=subtask)
    for operation, form in OF_A_SUBTASK.items() if tasks else ():
        yield operation, form.format(task=f"{TASKS}/{tasks[0]['id']}", subtask=UNKNOWN)


def chosen(subtasks: list[Json]) -> list[int]:
    """The ids of the first, the first that has FAILED, and the last."""
    failed = [one for one in subtasks if one["status"] == "FAILED"]
    return list(dict.fromkeys(one["id"] for one in [*subtasks[:1], *failed[:1], *subtasks[-1:]]))


# --- what is answered ----------------------------------------------------------------------------------------------


def answers(fixture: str, **settings: Any) -> Json:
    """Every request of a fixture by its name, with its answer; with more settings of MockServer's."""
    path = ROOT / "fixtures" / f"{fixture}.yaml"
    with MockServer(path, clock="manual", seed=SEED, api_prefixes=["/api/v2"], **settings) as mock:
        state = mock.state()
        requests = list(requests_of(state))
        connection = HTTPConnection("127.0.0.1", mock.port, timeout=TIMEOUT_S)
        found = {}
        for request in requests:
            mock.reset()
            answer = ask(connection, request, state["users"])
            found[request.name(later=False)] = answer
            if request.operation not in READING and answer["status"] == 200:
                answer["then"] = passing(mock)
        for request in requests:
            if request.operation in READING:
                mock.reset()
                passing(mock)
                found[request.name(later=True)] = ask(connection, request, state["users"])
        connection.close()
    return found


def ask(connection: HTTPConnection, request: Request, users: Mapping[str, Json]) -> Json:
    method, path = request.line.split(" ")
    headers = {}
    if request.user is not None:
        pair = f"{request.user}:{users[request.user]['password']}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    content = response.read()
    return {"status": response.status, "headers": ours(response), "body": body(response, content)}


def ours(response: HTTPResponse) -> dict[str, str]:
    headers = {name.lower(): value for name, value in response.getheaders()}
    kept = [name for name in sorted(headers) if name in KEPT_HEADERS or name.startswith("x-mock-")]
    return {name: headers[name] for name in kept}


def body(response: HTTPResponse, content: bytes) -> Json:
    """JSON as it is; of a zip the names and texts of its files."""
    if response.getheader("Content-Type") != "application/zip":
        envelope: Json = json.loads(content)
        return envelope
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def passing(mock: MockServer) -> list[str]:
    """Lets time pass until nothing is due, or ten seconds where that never comes. Answers with what happened."""
    start = mock.clock()["now"]
    try:
        told = mock.advance(until="idle")
    except ControlError as error:
        if error.status != 409:
            raise
        told = mock.advance("10s")
    return [passed(start, change) for change in told["transitions"]]


def passed(start: str, change: Json) -> str:
    seconds = (datetime.fromisoformat(change["time"]) - datetime.fromisoformat(start)).total_seconds()
    what = f"{change['taskInstanceId']}/{change['subtaskInstanceId'] or '-'}"
    return f"{seconds:g} {what} {change['from']}>{change['to']} {change['operation']} {change['cause']}"


# --- the files -----------------------------------------------------------------------------------------------------


def text(found: Json) -> str:
    """JSON with one request a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(answer, ensure_ascii=False)}" for name, answer in found.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def changes(kept: Json, found: Json) -> list[str]:
    """What is answered otherwise than it was, a sentence for each request."""
    said = [f"no longer asked: {name}" for name in kept if name not in found]
    said += [f"not in the file: {name}" for name in found if name not in kept]
    for name in kept:
        if name in found and json.dumps(kept[name]) != json.dumps(found[name]):
            where = list(differences(kept[name], found[name], "")) or ["the order of its keys"]
            said.append("\n    ".join([name, *where]))
    return said


def differences(kept: Any, found: Any, path: str) -> Iterator[str]:
    """Each place where two JSON values differ, with both."""
    if isinstance(kept, dict) and isinstance(found, dict):
        for key in dict.fromkeys([*kept, *found]):
            yield from differences(kept.get(key, "(absent)"), found.get(key, "(absent)"), f"{path}/{key}")
    elif isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        for index, (one, other) in enumerate(zip(kept, found, strict=True)):
            yield from differences(one, other, f"{path}/{index}")
    elif kept != found:
        yield f"{path}: was {kept!r}, is {found!r}"


def read(fixture: str) -> Json:
    path = golden(fixture)
    kept: Json = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return kept


def main(arguments: list[str]) -> int:
    """With `--write` it makes the files; without, it exits with 1 if an answer has changed."""
    code = 0
    for fixture in fixtures():
        found = answers(fixture)
        for sentence in changes(read(fixture), found):
            code = 1
            print(f"{fixture}: {sentence}")
        if "--write" in arguments:
            golden(fixture).write_text(text(found), encoding="utf-8")
    return 0 if "--write" in arguments else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
