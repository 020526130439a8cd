"""Tasks of another server, with all their logs, as a fixture that answers the same when it is loaded.

What is not on the wire is not known: what the coming runs do, who may skip what, the users. Secrets are no part of it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mockserver.contract.dialects import DialectName, Variant
from mockserver.contract.proof.explanation import shown
from mockserver.contract.schemas import contract
from mockserver.contract.wire import Texts, wire_of
from mockserver.fixtures.mistakes import FixtureError
from mockserver.fixtures.source import Text, load
from mockserver.fixtures.writer import to_data
from mockserver.remote import questions, secrets
from mockserver.remote.client import Client, NoAnswer
from mockserver.remote.fixture_file import as_yaml, shortened
from mockserver.remote.judgement import ANY, Asked, Path, judged
from mockserver.remote.verify import Interview, ids_of
from mockserver.tasks import run_log
from mockserver.world.fixture import Fixture
from mockserver.world.live import LiveWorld

Json = dict[str, Any]


class Recording(NamedTuple):
    text: str
    """Of a fixture file."""
    notes: list[str]


class NotRecorded(Exception):
    """Says why."""


async def record(client: Client, *, tasks: Sequence[str] = (), dialect: DialectName | None = None) -> Recording:
    """`tasks` are ids; without any the newest are recorded. Raises NotRecorded."""
    interview = Interview(client, dialect)
    page = await interview.find()
    if isinstance(interview.asked[0].reply, NoAnswer):
        raise _refused(interview.asked[0])
    ids = tasks or ids_of(page)
    if not ids:
        is_list = isinstance(page, dict) and "data" in page
        raise NotRecorded("there are no tasks") if is_list else _refused(interview.asked[0])
    answers = [await _task(interview, id) for id in dict.fromkeys(ids)]
    await interview.ask(next(questions.wrong(None)))  # whose code tells dialects apart
    variant, _ = interview.variant()
    names: list[str] = []
    for subtask in (one for answer in answers for one in questions.listed(answer["data"], "subtasks")):
        subtask |= {key: secrets.hidden(subtask[key], names, key) for key in ("context", "log") if key in subtask}
    told = f"{secrets.HIDDEN} stands for what looks like a secret: {', '.join(dict.fromkeys(names))}"
    notes = [told] if names else []
    latest = max(answers, key=lambda answer: str(answer.get("timestamp")))
    fixture = _loaded({**_settings(variant), **_envelope(latest), "tasks": [answer["data"] for answer in answers]})
    notes += _otherwise(fixture, [answer["data"] for answer in answers])
    return Recording(_written(fixture, f"{interview.url} ({variant.dialect})", notes), notes)


async def _task(interview: Interview, id: str) -> Json:
    """The answer of getTaskInstance, with the log of each subtask in it. Raises NotRecorded."""
    answer = await _needed(interview, questions.task(id))
    for subtask in questions.listed(answer["data"], "subtasks"):
        if questions.is_id(subtask.get("id")):
            log = await _needed(interview, questions.log(id, subtask["id"]))
            subtask["log"] = log["data"].get("log") or None
    return answer


async def _needed(interview: Interview, question: questions.Question) -> Json:
    answer = await interview.ask(question)
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict):
        raise _refused(interview.asked[-1])
    return answer


def _refused(asked: Asked) -> NotRecorded:
    differences = judged(asked, contract())
    came = differences[0].came if differences else "no data"
    return NotRecorded(f"GET {asked.reply.target}: {came}")


# --- what it says --------------------------------------------------------------------------------------------------


def _settings(variant: Variant) -> Json:
    return {"dialect": variant.dialect, "nulls": variant.nulls, "fieldNames": variant.field_names}


def _envelope(answer: Json) -> Json:
    """What the answer says of the server. Its clock stands still at that moment."""
    clock = {"mode": "manual", "now": answer.get("timestamp")}
    return {"server": answer.get("server"), "clock": {key: value for key, value in clock.items() if value is not None}}


def _loaded(data: Json) -> Fixture:
    """Raises NotRecorded, for answers that contradict each other."""
    try:
        return load(data)
    except FixtureError as error:
        problems = "; ".join(str(one) for one in error.problems)
        raise NotRecorded(f"what it answers cannot be the world of a fixture: {problems}") from None


def _otherwise(fixture: Fixture, recorded: Sequence[Json]) -> list[str]:
    """What is not answered as it was: what no fixture has, and what was about to happen, which happens when it is
    loaded (the real server looks about once a second)."""
    live = LiveWorld(fixture)
    live.advance(fixture.clock.now)
    wire, notes = wire_of(fixture.settings), dict[str, None]()
    for came in recorded:
        execution = live.world.tasks[int(came["id"])]
        ours = json.loads(wire.task(Texts(), execution).text)
        for subtask in ours["subtasks"]:
            logged = execution.logs[int(subtask["id"])]
            runs = run_log.written(logged.runs(), fixture.clock.now) if logged else ()
            subtask["log"] = run_log.text(runs, fixture.settings.offset_s) or None
        for path, what in _differences(ours, came, ()):
            place = "".join(ANY if isinstance(step, int) else f".{step}" for step in path)
            notes[f"{what}: ${place} of task {came['id']}"] = None
    return list(notes)


def _differences(ours: Any, came: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(ours, dict) and isinstance(came, dict):
        for key in dict.fromkeys([*came, *ours]):
            if key in came and key in ours:
                yield from _differences(ours[key], came[key], (*path, key))
            else:
                yield (*path, key), "left out, since no fixture has it" if key in came else "added"
    elif isinstance(ours, list) and isinstance(came, list) and len(ours) == len(came):
        for index, (one, other) in enumerate(zip(ours, came, strict=True)):
            yield from _differences(one, other, (*path, index))
    elif ours != came:
        yield path, f"answered as {shown(ours)}, and was {shown(came)}"


def _written(fixture: Fixture, origin: str, notes: Sequence[str]) -> str:
    """As short as it can be said, and still the same world."""
    whole = to_data(fixture)
    for data in (shortened(whole), whole):
        text = as_yaml(data, whole, origin, notes)
        try:
            if to_data(load(Text(text))) == whole:
                return text
        except FixtureError:
            continue
    raise NotRecorded("what it answers does not survive being written to a file: this is a mistake of ours")
