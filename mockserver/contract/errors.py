"""Every error the API can answer with: one row each. Two more families: what is wrong with us, and with an input.

`source` says how we know: *document* (api-facts from the public OCP reference), *engine* (the open-source sibling),
*ours* (no source: what any server needs). The sentences are our own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple


@dataclass(frozen=True, slots=True)
class Row:
    source: str
    status: int
    code: int
    message: str
    """A template; its arguments are the facts of one case."""
    when: str = ""
    """When the API says so, for its OpenAPI document; empty where no operation of it can."""
    example: Mapping[str, object] = field(default_factory=dict, compare=False)
    """The facts of one case, where they are the same for all operations."""


# fmt: off
BAD_PARAMETER: Final = Row("document", 400, 10001, "Not a valid request: {problem}.",
    "a parameter is not of its type (subErrors names each)")
NO_CREDENTIALS: Final = Row("document", 401, 30000, "Authentication is required: send HTTP Basic credentials.",
    "there are no credentials, and they are required")
BAD_CREDENTIALS: Final = Row("document", 401, 30004, "{problem}.",
    "wrong user name, password or signature, or an Authorization header that is not well-formed",
    {"problem": "Wrong user name or password"})
NO_PERMISSION: Final = Row("seed, document", 403, 30014, "User {user} lacks the permission {permission}.",
    "the user lacks the permission", {"user": "viewer"})
NO_TASK: Final = Row("document", 404, 20000, "Task {task} does not exist.",
    "the task does not exist", {"task": 1001})
NO_SUBTASK: Final = Row("document", 404, 20000, "Subtask {subtask} does not exist in task {task}.",
    "the subtask does not exist in that task", {"subtask": 10009, "task": 1000})
NOT_ALLOWED: Final = Row("engine", 400, 20003, "Cannot {verb} {what}: {reason}.",
    "the present state does not allow it", {"reason": "it is SUCCESSFUL"})
ROLLBACK_PROHIBITED: Final = Row("engine", 400, 20004, "Cannot {verb} {what}: {reason}.",
    "a subtask that has run, or the task itself, prohibits rollback",
    {"reason": "subtask 10001, which has run, prohibits it"})
CANNOT_SKIP: Final = Row("document", 400, 20003, "Cannot {verb} {what}: {reason}.",
    "the subtask is one that cannot be skipped", {"reason": "this subtask cannot be skipped"})
NO_ROUTE: Final = Row("document", 404, 10002, "No route {path}.")
WRONG_METHOD: Final = Row("document", 405, 10001, "{method} is not allowed on {path}, only {allowed}.")
SLOW_BODY: Final = Row("ours", 408, 10001, "The request body did not arrive within {seconds} s.",
    "the request's body did not arrive in time", {"seconds": 30})
BROKEN_BODY: Final = Row("ours", 400, 10001, "The request body cannot be read: {problem}.")
LARGE_BODY: Final = Row("ours", 413, 10001, "The request body is larger than {limit} bytes.",
    "the request's body is too large", {"limit": 1048576})
THROTTLED: Final = Row("document", 429, 0, "More than {limit} requests in {seconds} s ({fault}).")
UNEXPECTED: Final = Row("document", 500, 10010, "{problem}",
    "an unexpected error, or an answer that broke its own schema", {"problem": "An unexpected error."})
# fmt: on
ROWS: Final = tuple(row for row in list(globals().values()) if isinstance(row, Row))


class ApiError(Exception):
    """An answer of the API that is an error: a row and its facts. Only `app.answer` catches it.

    `hint` says what would have worked; `rule` is the id of the fault or denial that is behind it.
    """

    def __init__(
        self,
        row: Row,
        *,
        sub_errors: Sequence[Mapping[str, object]] = (),
        hint: str | None = None,
        rule: str | None = None,
        headers: Mapping[str, str] | None = None,
        **facts: object,
    ) -> None:
        self.row = row
        self.message = row.message.format_map(facts)
        self.sub_errors = sub_errors
        self.hint = hint
        self.rule = rule
        self.headers = headers or {}
        super().__init__(f"{row.status} / {row.code}: {self.message}")


class Problem(NamedTuple):
    """One thing that is wrong with a JSON value, at `path` inside it."""

    path: tuple[str | int, ...]
    message: str

    @property
    def json_path(self) -> str:
        return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)


class InFile(Problem):
    """One in a file: the only step of its path is where, as file:line:column."""

    __slots__ = ()

    @property
    def json_path(self) -> str:
        return str(self.path[0])


CONTRACT_VIOLATION: Final = "Contract violation"
"""How the message of an answer begins that takes the place of one that broke its own schema."""


class Violation(Exception):
    """An answer of ours that breaks its own schema: our bug, never the caller's."""

    def __init__(self, schema: str, problems: Sequence[Problem]) -> None:
        self.schema = schema
        self.problems = problems
        first = problems[0]
        super().__init__(f"The answer breaks {schema} at {first.json_path}: {first.message}")


class Unprocessable(Exception):
    """An input that was understood and is not acceptable. Nothing has changed."""

    def __init__(
        self,
        message: str,
        problems: Sequence[Problem] = (),
        *,
        status: int = 422,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message
        self.problems = problems
        self.status = status
        self.headers = headers or {}
        super().__init__(message)
