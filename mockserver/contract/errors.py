"""Every error the API can answer with: one row each. Two more families: what is wrong with us, and with an input.

`source` says how we know of it: *seed*, *document* (the public OCP reference), *engine* (the open-source sibling),
*ours* (no source: what any server needs). The code is the dialect's (`dialects`); the sentences are our own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from mockserver.contract.dialects import Code, Failure
from mockserver.tasks.transitions import Objection


@dataclass(frozen=True, slots=True)
class Row:
    failure: Failure
    """What kind of error it is: its code is the dialect's."""
    source: str
    status: int
    message: str
    """A template; its arguments are the facts of one case."""
    when: str = ""
    """When the API says so, for its OpenAPI document; empty where no operation of it can."""
    example: Mapping[str, object] = field(default_factory=dict, compare=False)
    """The facts of one case, where they are the same for all operations."""


# fmt: off
BAD_PARAMETER: Final = Row("bad parameter", "document", 400, "Not a valid request: {problem}.",
    "a parameter is not of its type (subErrors names each)")
CANNOT_SORT: Final = Row("cannot sort", "document", 400, "Tasks cannot be sorted by {field!r}, only by id.",
    "`sort` names a field that cannot be sorted by", {"field": "name"})
NO_CREDENTIALS: Final = Row("no credentials", "document", 401,
    "Authentication is required: send HTTP Basic credentials{or_sign}.",
    "there are no credentials, and they are required", {"or_sign": ""})
BAD_CREDENTIALS: Final = Row("bad credentials", "document", 401, "{problem}.",
    "wrong user name, password or signature, or an Authorization header that is not well-formed",
    {"problem": "Wrong user name or password"})
NO_PERMISSION: Final = Row("no permission", "seed, document", 403, "User {user} lacks the permission {permission}.",
    "the user lacks the permission", {"user": "viewer"})
NO_TASK: Final = Row("not found", "document", 404, "Task {task} does not exist.",
    "the task does not exist", {"task": 1001})
NO_SUBTASK: Final = Row("not found", "document", 404, "Subtask {subtask} does not exist in task {task}.",
    "the subtask does not exist in that task", {"subtask": 10009, "task": 1000})
NOT_ALLOWED: Final = Row("not allowed", "document", 400, "Cannot {verb} {what}: {reason}.",
    "the present state does not allow it", {"reason": "it is SUCCESSFUL"})
CANNOT_SKIP: Final = Row("cannot skip", "document", 400, "Cannot {verb} {what}: {reason}.",
    "the subtask is one that cannot be skipped", {"reason": "this subtask cannot be skipped"})
ROLLBACK_PROHIBITED: Final = Row("rollback prohibited", "document", 400, "Cannot {verb} {what}: {reason}.",
    "a subtask that has run, or the task itself, prohibits rollback",
    {"reason": "subtask 10001, which has run, prohibits it"})
NO_ROUTE: Final = Row("no route", "document", 404, "No route {path}.")
WRONG_METHOD: Final = Row("wrong method", "document", 405, "{method} is not allowed on {path}, only {allowed}.")
SLOW_BODY: Final = Row("slow body", "document; the status is ours", 408,
    "The request body did not arrive within {seconds} s.",
    "the request's body did not arrive in time", {"seconds": 30})
BROKEN_BODY: Final = Row("broken body", "document; the status is ours", 400,
    "The request body cannot be read: {problem}.")
LARGE_BODY: Final = Row("large body", "document; the status is ours", 413,
    "The request body is larger than {limit} bytes.",
    "the request's body is too large", {"limit": 1048576})
THROTTLED: Final = Row("throttled", "document", 429, "More than {limit} requests in {seconds} s ({fault}).",
    "a rate limit lets no more requests through", {"limit": 5, "seconds": 1, "fault": "fault-1"})
TOO_MUCH: Final = Row("unexpected", "ours", 503,
    "More than {limit} bytes of bodies and answers are in memory at once: try again.")
UNEXPECTED: Final = Row("unexpected", "document", 500, "{problem}",
    "an unexpected error, or an answer that broke its own schema", {"problem": "An unexpected error."})
# fmt: on
ROWS: Final = tuple(row for row in list(globals().values()) if isinstance(row, Row))
OBJECTIONS: Final[Mapping[Objection, Row]] = {
    "state": NOT_ALLOWED,
    "skippable": CANNOT_SKIP,
    "prohibited": ROLLBACK_PROHIBITED,
}
"""What the core's refusals are."""
BY_STATUS: Final[Mapping[int, Failure]] = {
    401: "no credentials",
    403: "no permission",
    404: "not found",
    405: "wrong method",
    429: "throttled",
}
"""What an error with this status is that a fault asks for and gives no code; any other is unexpected."""


class ApiError(Exception):
    """An answer of the API that is an error: a row and its facts. Only `app.answer` catches it.

    `code` is one that a fault asks for; without, it is the dialect's for that row. `hint` says what would have worked;
    `rule` is the id of the fault or denial that is behind it.
    """

    def __init__(
        self,
        row: Row,
        *,
        code: Code | None = None,
        sub_errors: Sequence[Mapping[str, object]] = (),
        hint: str | None = None,
        rule: str | None = None,
        headers: Mapping[str, str] | None = None,
        **facts: object,
    ) -> None:
        self.row = row
        self.code = code
        self.message = row.message.format_map(facts)
        self.sub_errors = sub_errors
        self.hint = hint
        self.rule = rule
        self.headers = headers or {}
        super().__init__(f"{row.status}, {row.failure}: {self.message}")


E = TypeVar("E", bound=BaseException)


def bare(error: E) -> E:
    """An error that is kept in a frame that it came through: its traceback, and what it came of, would keep that frame
    and all that is in it, a body or an answer."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


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
