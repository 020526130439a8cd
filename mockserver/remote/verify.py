"""Is the real server still like this? Asks what nobody minds, and holds each answer against the contract."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockserver.contract.dialects import DIALECTS, DialectName, Variant
from mockserver.contract.schemas import contract
from mockserver.remote import questions
from mockserver.remote.client import Client, NoAnswer, NotJson, Reply
from mockserver.remote.judgement import Asked, Told, fitting, told
from mockserver.remote.questions import ANONYMOUS, LIST, Question

PREFIXES: Final = tuple(dict.fromkeys(dialect.prefix for dialect in DIALECTS.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    url: str
    """Of the API, with its prefix."""
    variant: Variant
    """What it was held against."""
    fits: dict[str, int]
    """How many differences there are by each dialect, the fewest first."""
    is_answered: bool
    """Whether anything came at all."""
    asked: dict[str, int]
    """What was asked, and how often."""
    differences: list[Told]
    notes: list[str]
    allowed: frozenset[str] = frozenset()
    """Kinds of differences that are none."""

    @property
    def counting(self) -> list[Told]:
        return [one for one in self.differences if one.difference.kind not in self.allowed]


class Interview:
    """What one server's API was asked, and what it answered."""

    def __init__(self, client: Client, dialect: DialectName | None) -> None:
        self._client = client
        self._dialect = dialect
        self.prefix = ""
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return self._client.origin + self.prefix

    async def ask(self, question: Question) -> Any:
        """The JSON of its answer; None where it is none. It is among what was asked from now on."""
        reply = await self._get(self.prefix, question)
        self.asked.append(Asked(question, reply))
        return json_of(reply)

    async def find(self) -> Any:
        """Asks for the list of tasks, under the prefix that the URL ends in, else under each dialect's: of these the
        one counts that answers best. The JSON of its answer."""
        best = -1
        for prefix in self._prefixes():
            reply = await self._get(prefix, LIST)
            rank = _rank(reply)
            if rank > best:
                best, self.prefix, self.asked = rank, prefix, [Asked(LIST, reply)]
            if isinstance(reply, NoAnswer) or rank == 3:
                break
        return json_of(self.asked[0].reply)

    def variant(self) -> tuple[Variant, dict[str, int]]:
        """The one that fits best (of the dialect that was asked for), and the differences by each dialect."""
        fits = fitting(self.asked)
        variant = next(one for one in fits if self._dialect in (None, one.dialect))
        return variant, {one.dialect: count for one, count in fits.items()}

    def _prefixes(self) -> list[str]:
        path = self._client.path
        if path.endswith(PREFIXES):
            return [path]
        first = [] if self._dialect is None else [DIALECTS[self._dialect].prefix]
        below = [path + prefix for prefix in dict.fromkeys([*first, *PREFIXES])]
        return [*below, path] if path else below

    async def _get(self, prefix: str, question: Question) -> Reply | NoAnswer:
        return await self._client.get(prefix + question.path, anonymous=question.anonymous)


async def verify(
    client: Client,
    *,
    tasks: Sequence[str] = (),
    dialect: DialectName | None = None,
    allow_undocumented: bool = False,
) -> Verdict:
    """`tasks` are ids; without any the newest are looked at."""
    interview = Interview(client, dialect)
    page = await interview.find()
    notes: list[str] = []
    first = interview.asked[0].reply
    if isinstance(first, Reply) and first.status == 401:  # to be told so again and again may lock somebody out
        notes.append(f"nothing more was asked: {_advice(client)}")
    elif isinstance(first, Reply):
        await _ask_all(interview, tasks or ids_of(page), notes)
    asked = Counter(str(one.question) for one in interview.asked)
    _note_access(interview, notes)
    variant, fits = interview.variant()
    _note_variant(variant, notes)
    return Verdict(
        url=interview.url,
        variant=variant,
        fits=fits,
        is_answered=isinstance(first, Reply),
        asked=dict(asked),
        differences=told(interview.asked, contract(variant)),
        notes=notes,
        allowed=frozenset({"undocumented"} if allow_undocumented else ()),
    )


def _advice(client: Client) -> str:
    if client.credentials is None:
        return "it wants credentials (--user NAME:PASSWORD, or --access-key ID:SECRET)"
    return "it does not take these credentials"


async def _ask_all(interview: Interview, tasks: Sequence[str], notes: list[str]) -> None:
    known: str | None = None
    for id in tasks:
        answer = await interview.ask(questions.task(id))
        task = answer.get("data") if isinstance(answer, dict) else None
        subtasks = questions.chosen(task)
        if isinstance(task, dict):
            known = id
        for subtask in subtasks:
            await interview.ask(questions.log(id, subtask))
    asked = {one.question.operation for one in interview.asked}
    for operation in ("getTaskInstance", "getSubtaskLog"):
        if operation not in asked:
            notes.append(f"{operation} was only asked for what is not there: nothing was found to ask it for")
    for question in questions.wrong(known):
        await interview.ask(question)


def _note_access(interview: Interview, notes: list[str]) -> None:
    """An open server is no difference: the contract has them, too."""
    question, reply = interview.asked[-1]
    if question is ANONYMOUS and isinstance(reply, Reply) and reply.status == 200 and json_of(reply):
        interview.asked.pop()
        notes.append("it answers without credentials: an open server")


def _note_variant(variant: Variant, notes: list[str]) -> None:
    if variant.nulls == "null":
        notes.append("what is not known is null, and not left out (--nulls null)")
    if variant.field_names == "table":
        notes.append("fields are spelled as in the document's table (--field-names table)")


def ids_of(page: Any) -> list[str]:
    """Of the tasks in the answer of listTaskInstances."""
    data = page.get("data") if isinstance(page, dict) else None
    return [str(one["id"]) for one in questions.listed(data, "contents") if questions.is_id(one.get("id"))]


def json_of(reply: Reply | NoAnswer) -> Any:
    try:
        return None if isinstance(reply, NoAnswer) else reply.json()
    except NotJson:
        return None


def _rank(reply: Reply | NoAnswer) -> int:
    """How much it looks like the API: 3 is the list of tasks, 2 another JSON, 0 what says that there is no route."""
    value = json_of(reply)
    if isinstance(reply, NoAnswer) or reply.status == 404:
        return 0
    if not isinstance(value, dict):
        return 1
    return 3 if reply.status == 200 and isinstance(value.get("data"), dict) else 2
