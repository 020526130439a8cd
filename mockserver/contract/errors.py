"""Every error the API can answer with: one row each. Two more families: what is wrong with us, and with an input.

`source` says how we know: *document* (api-facts from the public OCP reference), *engine* (the open-source sibling),
*ours* (no source: what any server needs). The sentences are our own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    status: int
    code: int
    message: str
    """A template; its arguments are the facts of one case."""
    when: str = ""
    """When the API says so, for its OpenAPI document; empty where no operation of it can."""
    example: Mapping[str, object] = field(default_factory=dict, compare=False)
    """The facts of one case, where they are the same for all operations."""
    source: str


BAD_PARAMETER: Final = Row(
    status=400,
    code=10001,
    message="Not a valid request: {problem}.",
    when="a parameter is not of its type (subErrors names each)",
    source="document",
)
NO_CREDENTIALS: Final = Row(
    status=401,
    code=30000,
    message="Authentication is required: send HTTP Basic credentials.",
    when="there are no credentials, and they are required",
    source="document",
)
BAD_CREDENTIALS: Final = Row(
    status=401,
    code=30004,
    message="{problem}.",
    when="wrong user name or password, or an Authorization header that is not well-formed Basic",
    example={"problem": "Wrong user name or password"},
    source="document",
)
NO_PERMISSION: Final = Row(
    status=403,
    code=30014,
    message="User {user} lacks the permission {permission}.",
    when="the user lacks the permission",
    example={"user": "viewer"},
    source="seed, document",
)
NO_TASK: Final = Row(
    status=404,
    code=20000,
    message="Task {task} does not exist.",
    when="the task does not exist",
    example={"task": 1001},
    source="document",
)
NO_SUBTASK: Final = Row(
    status=404,
    code=20000,
    message="Subtask {subtask} does not exist in task {task}.",
    when="the subtask does not exist in that task",
    example={"subtask": 10009, "task": 1000},
    source="document",
)
NOT_ALLOWED: Final = Row(
    status=400,
    code=20003,
    message="Cannot {verb} {what}: {reason}.",
    when="the present state does not allow it",
    example={"reason": "it is SUCCESSFUL"},
    source="engine",
)
ROLLBACK_PROHIBITED: Final = Row(
    status=400,
    code=20004,
    message="Cannot {verb} {what}: {reason}.",
    when="a subtask that has run, or the task itself, prohibits rollback",
    example={"reason": "subtask 10001, which has run, prohibits it"},
    source="engine",
)
NO_ROUTE: Final = Row(status=404, code=10002, message="No route {path}.", source="document")
WRONG_METHOD: Final = Row(
    status=405, code=10001, message="{method} is not allowed on {path}, only {allowed}.", source="document"
)
SLOW_BODY: Final = Row(
    status=408,
    code=10001,
    message="The request body did not arrive within {seconds} s.",
    when="the request's body did not arrive in time",
    example={"seconds": 30},
    source="ours",
)
BROKEN_BODY: Final = Row(status=400, code=10001, message="The request body cannot be read: {problem}.", source="ours")
LARGE_BODY: Final = Row(
    status=413,
    code=10001,
    message="The request body is larger than {limit} bytes.",
    when="the request's body is too large",
    example={"limit": 1048576},
    source="ours",
)
UNEXPECTED: Final = Row(
    status=500,
    code=10010,
    message="{problem}",
    when="an unexpected error, or an answer that broke its own schema",
    example={"problem": "An unexpected error."},
    source="document",
)
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
