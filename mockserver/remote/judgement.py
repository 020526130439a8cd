"""What differs between an answer of another server and the contract. Pure: answers in, differences out."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import product
from typing import Any, Final, Literal, NamedTuple

from mockserver.contract.dialects import DIALECT_NAMES, FIELD_NAMES, NULLS, Variant
from mockserver.contract.errors import Problem
from mockserver.contract.proof.explanation import Finding, shown
from mockserver.contract.schemas import Contract, contract
from mockserver.redaction import redacted
from mockserver.remote.client import NoAnswer, NotJson, Reply
from mockserver.remote.questions import Question

Kind = Literal["no answer", "status", "body", "code", "undocumented", "missing", "value"]
Path = tuple[str | int, ...]
CODE: Final[Path] = ("error", "code")
ANY: Final = "[*]"


class Difference(NamedTuple):
    kind: Kind
    path: Path
    wanted: str
    came: str


class Asked(NamedTuple):
    """A question with its answer."""

    question: Question
    reply: Reply | NoAnswer


class Told(NamedTuple):
    """Differences that are the same one, in as many answers or places."""

    question: str
    operation: str
    difference: Difference
    """The first."""
    target: str
    """What was asked where it was met first."""
    times: int
    place: str
    """Its JSON path; where it was met at several items of an array, with [*] for their index."""


def judged(asked: Asked, against: Contract) -> list[Difference]:
    question, reply = asked
    if isinstance(reply, NoAnswer):
        return [Difference("no answer", (), "an answer", reply.reason)]
    wanted = 200 if question.row is None else question.row.status
    found = []
    if reply.status != wanted:
        found.append(Difference("status", (), str(wanted), _status(reply)))
    try:
        value = reply.json()
    except NotJson as error:
        return [*found, Difference("body", (), "application/json", str(error))]
    if reply.status == wanted and question.row is None:
        return [*found, *_by_schema(value, against.response(question.operation))]
    if reply.status < 400:
        return found
    found += _by_schema(value, against.error(reply.status))
    if reply.status == wanted and question.row is not None and all(one.path != CODE for one in found):
        code, came = against.variant.row.code(question.row.failure), _at(value, CODE)
        if came != code:
            found.append(Difference("code", CODE, shown(code), shown(came)))
    return found


def told(asked: Sequence[Asked], against: Contract) -> list[Told]:
    """All differences in all answers, each once, in the order in which they were met."""
    found: dict[tuple[object, ...], Told] = {}
    for one in asked:
        for difference in judged(one, against):
            kind, path, wanted, came = difference
            question, place = one.question, Problem(path, "").json_path
            pattern = "".join(ANY if isinstance(step, int) else f".{step}" for step in path)
            # What is wrong with a whole answer is told for each thing that came, whatever is said of it.
            key = (str(question), kind, pattern, wanted, None if path else came.partition(" (")[0])
            first = found.get(key)
            if first is None:
                found[key] = Told(str(question), question.operation, difference, one.reply.target, 1, place)
            else:
                both = place if place == first.place else f"${pattern}"
                found[key] = first._replace(times=first.times + 1, place=both)
    return list(found.values())


def fitting(asked: Sequence[Asked]) -> dict[Variant, int]:
    """Of each dialect the variant that fits the most answers, with how many differences it has, the fewest first; of
    equals the first in our order."""
    found = {}
    for dialect in DIALECT_NAMES:
        variants = [Variant(dialect, *one) for one in product(NULLS, FIELD_NAMES)]
        best = min(variants, key=lambda one: sum(not _fits(each, contract(one)) for each in asked))
        found[best] = sum(len(judged(each, contract(best))) for each in asked)
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _fits(asked: Asked, against: Contract) -> bool:
    """Whether a success is as its schema says; what is no success is alike in all variants of a dialect."""
    question, reply = asked
    if isinstance(reply, NoAnswer) or question.row is not None or reply.status != 200:
        return True
    with suppress(NotJson):
        return against.response(question.operation).accepts(reply.json())
    return True


def _by_schema(value: Any, checker: Any) -> list[Difference]:
    return [] if checker.accepts(value) else list(_differences(value, checker.findings(value)))


def _differences(value: Any, findings: Iterable[Finding]) -> Iterator[Difference]:
    for one in findings:
        guess = f" ({one.meant}, perhaps)" if one.meant else ""
        match one.kind:
            case "unknown":
                yield Difference("undocumented", one.path, f"no such field{guess}", shown(_at(value, one.path)))
            case "missing":
                yield Difference("missing", (*one.path, one.wanted[0]), "a value", "no such field")
            case _:
                yield Difference("value", one.path, _wanted(one), shown(one.value))


def _wanted(finding: Finding) -> str:
    words = (" or " if finding.kind == "type" else ", ").join(finding.wanted)
    match finding.kind:
        case "enum" | "branch" if len(finding.wanted) > 1:
            return f"one of {words}"
        case "pattern":
            return words.removeprefix("is not ").replace("does not match", "text that matches")
        case "less":
            return f"{words} or more"
        case "more":
            return f"{words} or less"
        case "short" | "long":
            return f"{'no fewer' if finding.kind == 'short' else 'no more'} than {words} characters or items"
    return words


def _at(value: Any, path: Path) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _status(reply: Reply) -> str:
    """With what an error says of itself, or where it leads."""
    try:
        message = _at(reply.json(), ("error", "message"))
    except NotJson:
        message = reply.location and f"to {redacted(reply.location)}"
    return f"{reply.status} ({message[:200]})" if message and isinstance(message, str) else str(reply.status)
