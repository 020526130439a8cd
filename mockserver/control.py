"""/__admin: the director's routes. JSON in, JSON out, proven and counted like the API's; a refusal changes nothing."""

import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from math import isfinite
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from mockserver import __version__, credentials, effects, faults, fixtures, guard, replies
from mockserver.account import VALID, VIOLATION
from mockserver.clock import wall
from mockserver.contract import compiled
from mockserver.errors import ApiError, Problem, Unprocessable, Violation
from mockserver.fixture import ClockSetting
from mockserver.journal import BODY_BYTES, Change, Exchange
from mockserver.operations import OPERATIONS, parse_long
from mockserver.permissions import Denial
from mockserver.site import Site
from mockserver.times import NEVER, parse_duration, parse_instant
from mockserver.world import World

log = logging.getLogger("mockserver")

MAX_BODY: Final = 256 * 1024 * 1024
MAX_RULES: Final = 1000
JSON_TYPE: Final = "application/json"
YAML_TYPES: Final = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})

Answer = tuple[int, str, object]
"""Status, the schema of the body by its name, and the body; a 204 has neither."""
Handler = Callable[[Site, web.Request], Awaitable[Answer]]
GONE: Final[Answer] = (204, "", None)


# --- the world -----------------------------------------------------------------------------------------------------


async def health(site: Site, request: web.Request) -> Answer:
    return 200, "health", health_json(site)


def health_json(site: Site) -> dict[str, object]:
    executions = site.hosted.world.executions.values()
    subtasks = sum(len(execution.subtasks) for execution in executions)
    return {"status": "healthy", "version": __version__, "tasks": len(executions), "subtasks": subtasks}


async def reset(site: Site, request: web.Request) -> Answer:
    await body_of(request)
    site.hosted.reset()
    return 200, "health", health_json(site)


async def get_state(site: Site, request: web.Request) -> Answer:
    return 200, "fixture", fixtures.to_data(site.hosted.state())


async def put_state(site: Site, request: web.Request) -> Answer:
    raw = await replies.received(request, MAX_BODY)
    kind = content_type(request, raw)
    text = decoded(raw)
    try:
        fixture = fixtures.read_text(text, name="", kind="json" if kind == JSON_TYPE else "yaml", now=wall())
    except fixtures.FixtureError as error:
        raise Unprocessable("not a world", [Problem(one.path, str(one)) for one in error.problems]) from None
    site.hosted.replace(fixture)
    return await get_state(site, request)


# --- the clock -----------------------------------------------------------------------------------------------------


async def get_clock(site: Site, request: web.Request) -> Answer:
    return 200, "clock-reply", clock_json(site)


def clock_json(site: Site) -> dict[str, object]:
    clock, world = site.hosted.clock, site.hosted.world
    now = site.hosted.wire.instant(clock.now() if clock.rate else world.now)
    return {"mode": clock.mode, "now": now, "speed": clock.rate or 1}


async def put_clock(site: Site, request: web.Request) -> Answer:
    body = checked("clock", await body_of(request))
    hosted = site.hosted
    now = instant(body["now"], "now") if "now" in body else hosted.clock.now()
    if body["mode"] == "manual" and "speed" in body:
        raise Unprocessable("a manual clock has no speed", [Problem(("speed",), "only a real clock has one")])
    hosted.set_clock(ClockSetting(body["mode"], now, float(body.get("speed", 1)), "now" in body))
    return 200, "clock-reply", clock_json(site)


async def advance(site: Site, request: web.Request) -> Answer:
    body = checked("advance", await body_of(request))
    if len(body) != 1:
        raise Unprocessable("one of by, to and until says how far", [Problem((), f"{len(body)} of them are there")])
    hosted = site.hosted
    if "by" in body:
        by = duration(body["by"], "by")
        changes, omitted = hosted.advance_by(by)
    elif "to" in body:
        changes, omitted = hosted.advance_to(instant(body["to"], "to"))
    elif body["until"] == "next":
        changes, omitted = hosted.advance_to_next()
    else:
        reached = None if body["until"] == "idle" else condition(hosted.up_to_now(), body["until"])
        changes, omitted = hosted.advance_until(reached)
    wire = hosted.wire
    return (
        200,
        "advance-reply",
        {
            "now": wire.instant(hosted.world.now),
            "transitions": [transition(change, wire.instant) for change in changes],
            "omitted": omitted,
        },
    )


def condition(world: World, until: dict[str, Any]) -> Callable[[World], bool]:
    task, subtask, status = until["taskInstanceId"], until.get("subtaskInstanceId"), until["status"]
    execution = world.executions.get(task)
    if execution is None:
        raise Unprocessable(
            f"task {task} does not exist", [Problem(("until", "taskInstanceId"), "unknown")], status=404
        )
    if subtask is None:
        if status not in ("RUNNING", "FAILED", "SUCCESSFUL"):
            raise Unprocessable("not a task's status", [Problem(("until", "status"), f"{status} is only a subtask's")])
        return lambda world: world.executions[task].task.status == status
    if subtask not in execution.subtasks:
        path = ("until", "subtaskInstanceId")
        raise Unprocessable(f"subtask {subtask} does not exist in task {task}", [Problem(path, "unknown")], status=404)
    return lambda world: world.executions[task].subtasks[subtask].status == status


def transition(change: Change, render: Callable[[int], str | None]) -> dict[str, object]:
    return {
        "time": render(change.time),
        "taskInstanceId": change.task_instance_id,
        "subtaskInstanceId": change.subtask_instance_id,
        "from": change.before,
        "to": change.after,
        "operation": change.operation,
        "cause": change.cause,
    }


# --- rules ---------------------------------------------------------------------------------------------------------


async def get_faults(site: Site, request: web.Request) -> Answer:
    return 200, "fault-list", {"faults": [rule.to_json() for rule in site.hosted.world.faults.values()]}


async def post_fault(site: Site, request: web.Request) -> Answer:
    body = checked("fault", await body_of(request))
    wrong = effects.problems(body)
    if wrong:
        raise Unprocessable("not a fault", wrong)
    refuse_given(body, "id", "hits", "matches")
    world = site.hosted.up_to_now()
    refuse_too_many(world.faults)
    return 201, "fault", world.add_fault(lambda id: faults.from_json(body, id)).to_json()


async def delete_faults(site: Site, request: web.Request) -> Answer:
    site.hosted.remove_faults()
    return GONE


async def get_fault(site: Site, request: web.Request) -> Answer:
    return 200, "fault", found(site.hosted.world.faults, request, "fault").to_json()


async def delete_fault(site: Site, request: web.Request) -> Answer:
    site.hosted.remove_fault(found(site.hosted.world.faults, request, "fault").id)
    return GONE


async def get_denials(site: Site, request: web.Request) -> Answer:
    return 200, "denial-list", {"denials": [denial.to_json() for denial in site.hosted.world.denials.values()]}


async def post_denial(site: Site, request: web.Request) -> Answer:
    body = checked("denial", await body_of(request))
    refuse_given(body, "id", "hits")
    world = site.hosted.up_to_now()
    refuse_too_many(world.denials)
    return 201, "denial", world.add_denial(lambda id: Denial.from_json(body, id)).to_json()


async def delete_denials(site: Site, request: web.Request) -> Answer:
    site.hosted.world.denials.clear()
    return GONE


async def get_denial(site: Site, request: web.Request) -> Answer:
    return 200, "denial", found(site.hosted.world.denials, request, "denial").to_json()


async def delete_denial(site: Site, request: web.Request) -> Answer:
    denials = site.hosted.world.denials
    del denials[found(denials, request, "denial").id]
    return GONE


def found(rules: dict[str, Any], request: web.Request, kind: str) -> Any:
    id = request.match_info["id"]
    if id not in rules:
        raise Unprocessable(f"no {kind} {id}: there are {', '.join(rules) or 'none'}", status=404)
    return rules[id]


def refuse_given(body: dict[str, Any], *keys: str) -> None:
    given = [Problem((key,), "the server gives it") for key in keys if key in body]
    if given:
        raise Unprocessable("not for a new rule", given)


def refuse_too_many(rules: dict[str, Any]) -> None:
    if len(rules) >= MAX_RULES:
        raise Unprocessable(f"there are {MAX_RULES} rules already: delete some")


# --- what happened -------------------------------------------------------------------------------------------------


async def get_requests(site: Site, request: web.Request) -> Answer:
    journal, wire = site.hosted.journal, site.hosted.wire
    keep, limit = request_filter(request)
    first = journal.total - len(journal.kept) + 1
    numbered = enumerate(map(Exchange._make, journal.kept), first)
    chosen = [(number, entry) for number, entry in numbered if keep(entry)]
    chosen = chosen[-limit:] if limit else chosen
    entries = [entry_json(number, entry, wire.instant) for number, entry in chosen]
    return (
        200,
        "request-list",
        {"requests": entries, "total": journal.total, "dropped": journal.total - len(journal.kept)},
    )


async def delete_requests(site: Site, request: web.Request) -> Answer:
    site.hosted.journal.forget()
    return GONE


def request_filter(request: web.Request) -> tuple[Callable[[Exchange], bool], int | None]:
    """The filter of the query, all of whose parts must hold, and its limit. Raises Unprocessable."""
    fields: dict[str, Callable[[Exchange], object]] = {
        "operation": lambda entry: entry.to.operation and entry.to.operation.id,
        "status": lambda entry: entry.status,
        "user": user_of,
        "traceId": lambda entry: entry.trace_id,
        "taskInstanceId": lambda entry: entry.to.task,
        "subtaskInstanceId": lambda entry: entry.to.subtask,
    }
    wanted: dict[str, object] = {}
    since, limit = None, None
    for key, value in parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True):
        try:
            if key == "since":
                since = parse_instant(value.replace(" ", "+"))[0]
            elif key == "limit":
                limit = parse_long(value)
                if limit < 1:
                    raise ValueError("less than 1")
            elif key in ("status", "taskInstanceId", "subtaskInstanceId"):
                wanted[key] = parse_long(value)
            elif key == "operation" and value not in OPERATIONS:
                raise ValueError(f"none of {', '.join(OPERATIONS)}")
            elif key in fields:
                wanted[key] = value
            else:
                raise ValueError(f"no filter; there are {', '.join(fields)}, since and limit")
        except ValueError as error:
            raise Unprocessable("not a filter", [Problem((key,), f"{value!r} is {error}")]) from None

    def keep(entry: Exchange) -> bool:
        return all(fields[key](entry) == value for key, value in wanted.items()) and (
            since is None or entry.time >= since
        )

    return keep, limit


def user_of(entry: Exchange) -> str | None:
    if entry.authorization is None:
        return None
    sent = credentials.parsed(entry.authorization)
    return None if sent.wrong is not None else sent.user


def entry_json(number: int, entry: Exchange, render: Callable[[int], str | None]) -> dict[str, object]:
    operation, failure, fault = entry.to.operation, entry.failure, entry.fault
    rule = fault.id if fault is not None else None if failure is None else failure.rule
    return {
        "id": number,
        "time": render(entry.time),
        "operation": None if operation is None else operation.id,
        "method": entry.method,
        "path": entry.path,
        "user": user_of(entry),
        "requestBody": body_json(entry.request_body),
        "status": entry.status,
        "responseBody": body_json(entry.response_body),
        "rule": rule,
        "effect": entry.effect,
        "hint": None if failure is None else failure.hint,
        "traceId": entry.trace_id,
        "resent": entry.resent,
        "truncated": max(len(entry.request_body), len(entry.response_body)) > BODY_BYTES,
    }


def body_json(body: bytes) -> object:
    if not body:
        return None
    try:
        if len(body) > BODY_BYTES:
            raise ValueError("cut")
        return json.loads(body, parse_constant=str, parse_float=finite)
    except (ValueError, RecursionError):
        return body[:BODY_BYTES].decode("utf-8", "replace")


def finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):  # 1e999, which we could not write again
        raise ValueError(text)
    return number


async def get_contract(site: Site, request: web.Request) -> Answer:
    return 200, "contract-account", site.account.to_json()


# --- the straight line of a control call ---------------------------------------------------------------------------

ROUTES: Final[dict[str, dict[str, Handler]]] = {
    "/__admin/health": {"GET": health},
    "/__admin/reset": {"POST": reset},
    "/__admin/state": {"GET": get_state, "PUT": put_state},
    "/__admin/clock": {"GET": get_clock, "PUT": put_clock},
    "/__admin/clock/advance": {"POST": advance},
    "/__admin/faults": {"GET": get_faults, "POST": post_fault, "DELETE": delete_faults},
    "/__admin/faults/{id}": {"GET": get_fault, "DELETE": delete_fault},
    "/__admin/denials": {"GET": get_denials, "POST": post_denial, "DELETE": delete_denials},
    "/__admin/denials/{id}": {"GET": get_denial, "DELETE": delete_denial},
    "/__admin/requests": {"GET": get_requests, "DELETE": delete_requests},
    "/__admin/contract": {"GET": get_contract},
}


def add_routes(app: web.Application, site: Site) -> None:
    for path, handlers in ROUTES.items():
        resource = app.router.add_resource(path)
        for method, handler in handlers.items():
            resource.add_route(method, partial(answer, site, handler))
            if method == "GET":
                resource.add_route("HEAD", partial(answer, site, handler))
        resource.add_route("*", partial(answer, site, partial(refuse_method, tuple(handlers))))
    app.router.add_route("*", "/__admin", partial(answer, site, refuse_route))
    app.router.add_route("*", "/__admin/{path:.*}", partial(answer, site, refuse_route))


async def refuse_method(allowed: tuple[str, ...], site: Site, request: web.Request) -> Answer:
    raise Unprocessable(f"{request.method} is not allowed here, only {', '.join(allowed)}", status=405)


async def refuse_route(site: Site, request: web.Request) -> Answer:
    raise Unprocessable(f"no control route {request.path}: there are {', '.join(ROUTES)}", status=404)


async def answer(site: Site, handler: Handler, request: web.Request) -> web.StreamResponse:
    headers: dict[str, str] = {}
    try:
        if handler is not health:
            guard.check(site.options, request)
        status, schema, body = await handler(site, request)
    except Unprocessable as error:
        status, schema, body = error.status, "control-error", error_json(error)
        if status == 401:
            headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="ocp-mockserver"'
    except ApiError as error:  # of a body that is too large or too slow
        status, schema, body = error.row.status, "control-error", error_json(Unprocessable(error.message))
    except Exception as error:
        log.exception("answering %s %s", request.method, request.rel_url)
        status, schema = 500, "control-error"
        body = error_json(Unprocessable(f"the mock server failed: {type(error).__name__}: {error}"))
    account, verdict, text = site.account, VALID, ""
    try:
        text = compiled(schema).prove(body).text if status != 204 else ""
        account.valid += 1
    except Violation as violation:
        log.error("contract violation: %s", violation)
        account.violations += 1
        status, verdict = 500, VIOLATION
        text = json.dumps(error_json(Unprocessable(f"contract violation, a bug of the mock server: {violation}")))
    headers[replies.CONTRACT] = verdict
    if status != 204:
        headers[hdrs.CONTENT_TYPE] = JSON_TYPE
    response = web.Response(status=status, body=text.encode("utf-8", "replace"), headers=headers)
    if status in (408, 413):
        response.force_close()
    return response


def error_json(error: Unprocessable) -> dict[str, object]:
    details = [{"path": problem.json_path, "message": problem.message} for problem in error.problems]
    return {"error": {"message": error.message, "details": details}}


# --- bodies --------------------------------------------------------------------------------------------------------


def content_type(request: web.Request, raw: bytes) -> str:
    """`application/json` or a YAML type. An empty body needs none. Raises Unprocessable (415)."""
    kind = request.content_type.lower() if hdrs.CONTENT_TYPE in request.headers else ""
    if not raw or kind == JSON_TYPE or kind.endswith("+json"):
        return JSON_TYPE
    if kind in YAML_TYPES:
        return kind
    raise Unprocessable(
        f"a body of type {kind or 'none'} is refused: curl needs -H 'Content-Type: application/json'", status=415
    )


def decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unprocessable(f"the body is not UTF-8: {error}", status=400) from None


async def body_of(request: web.Request) -> Any:
    """The JSON body; {} if there is none. Raises Unprocessable: 415 for another type, 400 for what is not JSON."""
    raw = await replies.received(request, MAX_BODY)
    if content_type(request, raw) != JSON_TYPE:
        raise Unprocessable("only /__admin/state takes YAML", status=415)
    if not raw:
        return {}
    try:
        return json.loads(decoded(raw), object_pairs_hook=once, parse_constant=refused_constant)
    except (ValueError, RecursionError) as error:
        raise Unprocessable(f"the body is not JSON: {error}", status=400) from None


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    body = dict(pairs)
    if len(body) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return body


def refused_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def checked(schema: str, body: Any) -> dict[str, Any]:
    checker = compiled(schema)
    if not checker.accepts(body):
        raise Unprocessable(f"not a {schema}", checker.problems(body))
    assert isinstance(body, dict)
    return body


def instant(text: str, key: str) -> int:
    try:
        return parse_instant(text)[0]
    except ValueError as error:
        raise Unprocessable("not an instant", [Problem((key,), str(error))]) from None


def duration(value: object, key: str) -> int:
    try:
        nanos = parse_duration(value)
    except ValueError as error:
        raise Unprocessable("not a duration", [Problem((key,), str(error))]) from None
    if nanos >= NEVER:
        raise Unprocessable("not a duration", [Problem((key,), "never does not end")])
    return nanos
